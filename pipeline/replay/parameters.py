"""The fitted parameters of the simulated Los Angeles; `calibrate.py` writes the file."""

from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

PARAMETERS_FILE = Path(__file__).with_name("simulated_los_angeles.json")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kind(_Frozen):
    """One kind of report, about a category of the city's monthly figures.

    Attributes:
        name: short name.
        field: which of the cell fields places it.
        codes: legacy code -> share of the kind's reports.
        year_factor: year before 2020 -> city total relative to 2020.
        season: harmonics cos 1, sin 1, cos 2, sin 2 of the year, of the log rate.
        weekday: log effect, Monday first.
        first_of_month: log effect of day 1, to which unknown dates are set.
        warm_day: log effect of a day that reaches the city's warm threshold downtown.
        month_sd: standard deviation of the kind's own slow factor, log.
        delay_share: share of reports made within DELAY_DAYS of occurrence.
    """

    name: str
    field: str
    codes: dict[str, float]
    year_factor: dict[int, float]
    season: tuple[float, float, float, float]
    weekday: tuple[float, ...]
    first_of_month: float
    warm_day: float
    month_sd: float
    delay_share: tuple[float, ...]


class Dispersion(_Frozen):
    """Standard deviations (log) of the factors that the whole city shares.

    `week_sd`, `week_rho` are those of a first-order autoregression by week, `day_sd` of
    independent days, `month_rho` of each kind's slow factor by month.
    """

    week_sd: float
    week_rho: float
    day_sd: float
    month_rho: float


class Places(_Frozen):
    """How uneven places are.

    Attributes:
        cell_sd: field -> standard deviation of the log weight of the busiest cells.
        low_below: normal score below which cells count as quiet.
        low_stretch: how much further apart the log weights of quiet cells lie.
        districts: (cells,) police reporting districts in each listed cell, parts of them counted.
        district_share: part of a field's variance that follows the density of these districts,
            which were drawn where there is much to report.
        smooth_share: part of the rest that neighbours share.
        common_share: part of the rest that all fields share.
        drift_sd: standard deviation (log) of the slow change of a cell's weight.
        block_sd: standard deviation of the log weight of blocks within a cell.
        blocks_per_cell: number of hundred-blocks in a cell.
    """

    cell_sd: dict[str, float]
    low_below: float
    low_stretch: float
    districts: tuple[float, ...]
    district_share: float
    smooth_share: float
    common_share: float
    drift_sd: float
    block_sd: float
    blocks_per_cell: int


class StationClimate(_Frozen):
    """A station's place between the coast (0, the airport) and downtown (1); rain relative to it.

    `inland` may lie outside 0 to 1.
    """

    inland: float
    rain_factor: float


class Climate(_Frozen):
    """Daily weather: annual harmonics, first-order autoregressions, wet spells.

    Attributes:
        tmax, tmin: for coast and downtown, mean and four harmonic coefficients, degC.
        tmax_sd, tmin_sd: for coast and downtown, the same of the anomaly's log standard deviation.
        rho: autocorrelation of daily anomalies.
        station_correlation: correlation of anomalies between stations.
        max_min_correlation: correlation of the anomalies of maximum and minimum.
        wet_after_dry, wet_after_wet: chance of rain by month.
        rain_mm: mean rain on a wet day by month.
        rain_shape: shape of its gamma distribution.
        wet_tmax_degc: mean anomaly of the maximum on wet days.
        stations: GHCN id -> where it lies.
    """

    tmax: tuple[tuple[float, ...], tuple[float, ...]]
    tmin: tuple[tuple[float, ...], tuple[float, ...]]
    tmax_sd: tuple[tuple[float, ...], tuple[float, ...]]
    tmin_sd: tuple[tuple[float, ...], tuple[float, ...]]
    rho: float
    station_correlation: float
    max_min_correlation: float
    wet_after_dry: tuple[float, ...]
    wet_after_wet: tuple[float, ...]
    rain_mm: tuple[float, ...]
    rain_shape: float
    wet_tmax_degc: float
    stations: dict[str, StationClimate]


class Parameters(_Frozen):
    """All of it.

    Attributes:
        kinds: kinds of report.
        weekly_mean: year -> division (in the city's order) -> kind -> reports a week.
        holidays: name -> log effect on every kind.
        wet_day: log effect on every kind of a day with 1 mm or more downtown.
        delay_days: days to which the kinds' `delay_share` belong.
        legacy_share: month of 2024 -> share of reports still entered in the old system.
        dispersion, places, climate: see there.
    """

    kinds: tuple[Kind, ...]
    weekly_mean: dict[int, tuple[tuple[float, ...], ...]]
    holidays: dict[str, float]
    wet_day: float
    delay_days: tuple[int, ...]
    legacy_share: dict[int, float]
    dispersion: Dispersion
    places: Places
    climate: Climate


@cache
def load_parameters() -> Parameters:
    """Return the parameters that ship with the package."""
    return Parameters.model_validate_json(PARAMETERS_FILE.read_text())
