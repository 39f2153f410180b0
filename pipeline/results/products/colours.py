"""The map's colours: one scale for every week, on paper, in QGIS and on the page alike.

The page's own copy stands in plugins/hotspots_ui/web/src/colours.js; a test holds both equal.
"""

from itertools import pairwise

# Light to dark evenly, also for colour-blind readers and in grey; cut out of the scale magma.
RATE_STEPS = (0.05, 0.1, 0.2, 0.4, 0.7, 1, 1.5, 2, 3)  # reports a cell and week
RATE_COLOURS = (
    "#fdf3d5", "#fddcae", "#febf84", "#fc9a6a", "#f1685e", "#d3436e", "#a5317e", "#762181",
    "#47156f", "#1d1147",
)  # fmt: skip
COUNT_STEPS = (0.5, 1.5, 2.5, 3.5, 4.5)
COUNT_COLOURS = ("#f3f1ea", "#febf84", "#f1685e", "#a5317e", "#5f187f", "#1d1147")


def rate_labels() -> list[str]:
    """Return what each colour of a rate stands for: "< 0.05", "0.05–0.1", ..., "≥ 3"."""
    inner = [f"{a:g}–{b:g}" for a, b in pairwise(RATE_STEPS)]
    return [f"< {RATE_STEPS[0]:g}", *inner, f"≥ {RATE_STEPS[-1]:g}"]


def count_labels() -> list[str]:
    """Return what each colour of a count stands for: "0", "1", ..., "5+"."""
    return [*map(str, range(len(COUNT_STEPS))), f"{len(COUNT_STEPS)}+"]
