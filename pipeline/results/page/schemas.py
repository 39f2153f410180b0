"""The shapes of the page's answers, which are also its published schema.

What a stored column means is taken from the store's tables.
"""

from datetime import date, datetime
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, create_model

from pipeline.results.store.tables import Base, CellForecast, DataHealth, Run, TotalForecast

Stage = Literal["forecast", "known", "scored"]
NOT_ASKED_FOR = {"run_pk", "nb_size", "q05", "q50", "q95"}


def _as(table: type[Base], column: str) -> Any:  # noqa: ANN401 - as pydantic's own Field
    """Return a field that means what a stored column does."""
    return Field(description=table.__mapper__.column_attrs[column].columns[0].doc)


class RunFacts(BaseModel):
    """One stored forecast of one week: when it was made, from what and by which model."""

    target_week: date = _as(Run, "target_week")
    issue_date: date = _as(Run, "issue_date")
    edge_week: date = _as(Run, "edge_week")
    horizon: int = Field(description="weeks from the edge week to the target week")
    revision: int = _as(Run, "revision")
    is_backfill: bool = _as(Run, "is_backfill")
    provenance: str = _as(Run, "provenance")
    banner: str = Field(description="words that must stand over anything made from it, or empty")
    snapshot_age_days: int = _as(Run, "snapshot_age_days")
    model: str = Field(description="name and version of the model")
    training_mode: str = _as(Run, "training_mode")
    created_at: datetime = _as(Run, "created_at")
    forecast_sha256: str = _as(Run, "forecast_sha256")


class Total(BaseModel):
    """Reports expected in the city or a division, with the interval that holds 80 %."""

    name: str = _as(TotalForecast, "name")
    mean: float = _as(TotalForecast, "mean")
    q10: int = _as(TotalForecast, "q10")
    q90: int = _as(TotalForecast, "q90")


class WeekLine(RunFacts):
    """A week of the history and how far it has come."""

    total: Total
    observed: int | None = Field(description="reports counted, once known")
    observed_edge_week: date | None = Field(description="edge week at which that was known")
    scored_edge_week: date | None = Field(description="edge week at which it was scored")
    rows_in: int | None = Field(description="rows pulled for it")
    stage: Stage = Field(description="forecast (week to come), known (counted), scored")


class Weeks(BaseModel):
    """Every week that has a forecast, newest first, and whether the newest one is stale."""

    city: str
    cities: list[str] = Field(description="cities that have a forecast")
    stale_since: date | None = Field(description="day on which a newer forecast was due")
    stale_reason: str | None = Field(
        description="in one sentence: what happened, since when, and what it means for the week"
    )
    weeks: list[WeekLine]


class Places(BaseModel):
    """What each cell is called: made from the city's files, and not stored with a forecast."""

    cell_id: list[int] = Field(description="number of the cell: row * columns of the grid + col")
    place: list[str] = Field(description="neighbourhood (division), or the one that is known")
    where: list[str] = Field(description="size of the cell, its neighbourhood and its division")


class Derived(Places):
    """What follows from a cell's stored columns."""

    q025: list[int] = Field(description="lower end of its 95 % interval")
    q975: list[int] = Field(description="upper end of its 95 % interval")


def _lists_of(table: type[Base]) -> dict[str, Any]:
    """Return a field for each column that is asked for: its values in all rows."""
    columns = {part.key: part.columns[0] for part in table.__mapper__.column_attrs}
    kinds = {
        name: c.type.python_type | None if c.nullable else c.type.python_type
        for name, c in columns.items()
        if name not in NOT_ASKED_FOR
    }
    return {name: (GenericAlias(list, (kind,)), _as(table, name)) for name, kind in kinds.items()}


if TYPE_CHECKING:
    CellColumns = Derived
else:
    CellColumns = create_model(
        "CellColumns",
        __base__=Derived,
        __doc__="The in-city cells by column, all lists in the same row-major order.",
        **_lists_of(CellForecast),
    )


class Cluster(BaseModel):
    """A group of touching hotspot cells around one peak."""

    cluster: int
    cells: int
    expected: float = Field(description="reports expected in all its cells")
    long_run_mean: float | None = Field(description="long-run weekly mean of the same cells")
    p_top5: float | None = Field(
        description="share of re-runs of history that rank its cells in the top 5 %, on average"
    )
    peak_row: int
    peak_col: int
    peak_cell_id: int = Field(description="number of its highest-ranked cell")
    divisions: list[str]
    place: str = Field(description="place of its peak, and at most two more neighbourhoods")
    size: str = Field(description="width and height of the box around its cells, with the unit")


class WeekForecast(BaseModel):
    """A week's whole forecast."""

    run: RunFacts
    city: Total
    divisions: list[Total]
    has_neighbourhoods: bool = Field(description="whether cells have neighbourhoods' names")
    neighbourhood_source: str | None = Field(description="whose names they are, to be shown too")
    clusters: list[Cluster]
    cells: CellColumns


class WeekOutcome(BaseModel):
    """The reports counted in a week, for the in-city cells in the forecast's order."""

    target_week: date
    observed_edge_week: date = Field(
        description="edge week at which they were known; more may come"
    )
    reports: int
    divisions: dict[str, int] = Field(description="reports in the cells of each division")
    cells: list[int] = Field(description="reports of each cell of the week's forecast")


class CellWeek(BaseModel):
    """One week of a cell."""

    week_start: date
    reports: int | None = Field(description="counted reports; none where not known yet")
    mean: float | None = Field(description="what had been forecast, if anything")
    q10: int | None
    q90: int | None


class CellHistory(BaseModel):
    """A cell's year up to a week, oldest first."""

    row: int
    col: int
    weeks: list[CellWeek]


class Verdict(BaseModel):
    """Whether a week's forecast can be trusted, in a sentence."""

    level: Literal["fit for use", "use with care", "do not use"]
    sentence: str = Field(description="the level, and all that decided it")
    besides: list[str] = Field(description="lesser reasons for care, where the level is worse")


class Loss(BaseModel):
    """Rows that came in and are not where they belong."""

    what: str = Field(description="what became of them, in words")
    rows: int
    share: float = Field(description="of all rows that came in")


class Check(BaseModel):
    """The outcome of one check of a week's input."""

    table: str = _as(DataHealth, "table")
    name: str = _as(DataHealth, "name")
    outcome: str = _as(DataHealth, "outcome")
    found: str = _as(DataHealth, "found")
    expected: str = _as(DataHealth, "expected")
    rows: int = _as(DataHealth, "rows")
    meaning: str = Field(description="what holds when it passes, in words")
    action: str | None = Field(description="what an operator does when it fails")


class WeekHealth(BaseModel):
    """What a week's forecast was made from, and what the checks of it found."""

    run: RunFacts
    verdict: Verdict
    losses: list[Loss] = Field(description="what was lost where; also what was moved")
    tally: dict[str, int] = _as(Run, "tally")
    checks: list[Check]
    notes: list[str] = _as(Run, "notes")
    input_sha256: str = _as(Run, "input_sha256")
    model_sha256: str
    config_sha256: str = _as(Run, "config_sha256")
    code_version: str = _as(Run, "code_version")
    model_version: str = Field(description="number of the model, by which its card is asked for")
    has_card: bool = Field(description="whether a card of that model is stored")
    airflow_run: str | None = Field(description="DAG/RUN in Airflow; none if made without")
    data_docs: str | None = Field(description="where the checks' full report is served, if set up")
    stale_detail: str | None = Field(
        description="of the newest week, where it is stale: the error that stopped a newer one"
    )


class BaseMap(BaseModel):
    """Map tiles of streets, to be drawn beneath the cells."""

    url: str = Field(description="address of a tile, with {z}, {x}, {y} and perhaps {r} in it")
    source: str = Field(description="whose they are; to be shown with them, as plain text")


class Geometry(BaseModel):
    """The grid in degrees (EPSG:4326), and the outlines of city and divisions as GeoJSON."""

    city: str
    title: str
    offences: list[str]
    south: float
    north: float
    west: float
    east: float
    rows: int
    cols: int
    outline: dict[str, Any] = Field(description="GeoJSON geometry of the in-city cells")
    divisions: dict[str, Any] = Field(description="GeoJSON feature collection, by name")
    base_map: BaseMap | None = Field(description="streets, if this installation has set some up")
    has_roads: bool = Field(description="whether there are lines of roads to be asked for")


class Road(BaseModel):
    """A freeway or street by name, as far as it lies in the grid."""

    name: str = Field(description="with its number, if it has one; empty for one without a name")
    is_freeway: bool
    lines: list[list[tuple[float, float]]] = Field(description="longitudes and latitudes")
    cells: list[int] = Field(description="numbers of the grid's cells that it crosses")


class Roads(BaseModel):
    """Freeways and main streets, if this installation has set some up."""

    source: str = Field(description="whose they are; to be shown with them, as plain text")
    roads: list[Road]


class Download(BaseModel):
    """One file of a week."""

    kind: str = Field(description="name to ask for it by")
    file: str
    sha256: str
    size_bytes: int


class Downloads(BaseModel):
    """The files of a week, the manifest last."""

    files: list[Download]


class Refusal(BaseModel):
    """Why there is no answer."""

    detail: str = Field(description="a sentence or more: what was found, what was expected")
