"""What the steps hand to one another: small, JSON-able, never a frame."""

from typing import Any, Literal, TypedDict


class Stored(TypedDict):
    """A snapshot that was added to the lake."""

    rows: int
    sha256: str


class Pulled(TypedDict):
    """Snapshots a run reads (dataset -> Ref as JSON), where they are from, and how it went.

    `stored` has those that this pull added to the lake.
    """

    snapshots: dict[str, str]
    stored: dict[str, Stored]
    provenance: str
    notes: list[str]


class Validated(TypedDict):
    """Checked incidents and weather, with every row accounted for."""

    ref: str
    known_through: str
    provenance: str
    snapshot_age_days: int
    rows_in: int
    dropped: dict[str, int]
    not_yet_known: int
    accepted: int
    quarantined_rows: int
    quarantined: dict[str, int]
    health: list[dict[str, Any]]
    data_docs: str | None
    notes: list[str]


class Gridded(TypedDict):
    """The cube, the weeks of the forecast, and how many reports found a cell.

    `tally` is that of `Tally`, and "early" counts reports of days before the history begins.
    """

    ref: str
    edge_week: str
    horizon: int
    tally: dict[str, int]


class Decision(TypedDict):
    """How the model is come by, and why."""

    mode: Literal["reuse", "fine_tune", "retrain"]
    why: str


class Trained(TypedDict):
    """The model a week is forecast with."""

    folder: str
    sha256: str
    version: str
    trained_through: str
    mode: str


class Forecasted(TypedDict):
    """The forecast as it lies in the lake."""

    ref: str
    model_name: str
    city_mean: float


class Scored(TypedDict):
    """The target weeks that were scored."""

    weeks: list[str]


class Published(TypedDict):
    """What the results store took, and how it differs from what it held; revision 0: a dry run."""

    revision: int
    cells: int  # stored; none in a dry run
    forecast_sha256: str
    difference: str


class Reported(TypedDict):
    """Where the week's files lie."""

    folder: str
    files: list[str]
