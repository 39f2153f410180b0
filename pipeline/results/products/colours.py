"""The map's colours: one scale for every week, on paper, in QGIS and on the page alike.

The page's own copy stands in plugins/hotspots_ui/web/src/colours.js; a test holds both equal.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Scale:
    """Colours by steps, light to dark evenly, also for colour-blind readers and in grey.

    Attributes:
        steps: values from which the next colour holds, rising.
        colours: one more than steps.
        labels: what each colour stands for.
    """

    steps: tuple[float, ...]
    colours: tuple[str, ...]
    labels: tuple[str, ...]

    def place(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the number of each value's colour, from 0; NaN for NaN."""
        values = np.asarray(values, dtype=float)
        return np.where(np.isnan(values), np.nan, np.digitize(values, self.steps))


_RATES = (0.05, 0.1, 0.2, 0.4, 0.7, 1, 1.5, 2, 3)
RATES = Scale(  # reports expected per cell and week; the colours are cut out of the scale magma
    _RATES,
    ("#fdf3d5", "#fddcae", "#febf84", "#fc9a6a", "#f1685e", "#d3436e", "#a5317e", "#762181",
     "#47156f", "#1d1147"),
    ("< 0.05", *(f"{low:g}–{high:g}" for low, high in pairwise(_RATES)), "≥ 3"),
)  # fmt: skip
COUNTS = Scale(  # reports counted per cell in a week
    (0.5, 1.5, 2.5, 3.5, 4.5),
    ("#f3f1ea", "#febf84", "#f1685e", "#a5317e", "#5f187f", "#1d1147"),
    ("0", "1", "2", "3", "4", "5+"),
)
