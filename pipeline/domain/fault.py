"""What `hotspots verify` reports: a file or row that is not as it was written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One file, or one group of rows, that is damaged, changed or gone.

    Attributes:
        part: "lake", "store", "registry" or "reports".
        where: the file, relative to the home or the lake, or the table and its rows.
        found: what is wrong with it.
        means: what follows from that for forecasts.
        mend: what to do.
    """

    part: str
    where: str
    found: str
    means: str
    mend: str
