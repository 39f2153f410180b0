"""Fits the simulator's parameters to aggregate figures of the real city.

Run as `python -m tools.calibration.fit FOLDER`, FOLDER holding los_angeles/. What it writes are
means, factors and shares; no report is copied.
"""

import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.domain.city import load_city
from pipeline.replay.kinds import DELAY_FALLBACK, KINDS, KindOfReport
from pipeline.replay.parameters import (
    PARAMETERS_FILE,
    Dispersion,
    Kind,
    Parameters,
    Places,
)
from tools.calibration.fit_climate import fit_climate
from tools.calibration.fit_daily import fit_daily

YEARS = (2020, 2021, 2022, 2023)
DELAY_DAYS = (0, 1, 2, 3, 5, 7, 14, 28, 60, 120, 365, 1100)
DEGREES, FEET = "EPSG:4326", "EPSG:2229"  # the latter California's zone 5
_WEEKS_PER_YEAR = 365.25 / 7
_MONTH_RHO = 0.8
_MAX_MONTH_SD = 0.06  # larger residuals are bursts of one category, which the yearly means hold

# Fitted by simulation to the shares of twelve weeks' reports in the busiest cells, and of two
# years' reports in the busiest reporting districts.
PLACES = Places(
    districts=(),  # see `districts_per_cell`
    district_share=0.6,
    cell_sd={"violent": 1.1, "assault": 0.7, "property": 0.7, "vehicle": 0.45, "other": 0.48},
    low_below=0.4,
    low_stretch=3.0,
    smooth_share=0.5,
    common_share=0.3,
    drift_sd=0.15,
    block_sd=1.3,
    blocks_per_cell=36,
)


def calibrate(folder: Path) -> Parameters:
    """Return the parameters fitted to the files in `folder`/los_angeles."""
    place = folder / "los_angeles"
    monthly = monthly_reports(place)
    recorded = _recorded(place)
    yearly_codes = pd.read_csv(place / "yearly_by_area_and_code_2010_2019.csv")
    climate = fit_climate(place)
    daily = fit_daily(place)
    kinds = tuple(
        _kind(kind, monthly, recorded, yearly_codes, daily.warm_share_by_month) for kind in KINDS
    )
    return Parameters(
        kinds=kinds,
        weekly_mean=_weekly_means(monthly),
        holidays=daily.holidays,
        wet_day=daily.wet_day,
        delay_days=DELAY_DAYS,
        legacy_share=_legacy_share(place),
        dispersion=Dispersion(
            week_sd=daily.week_sd,
            week_rho=daily.week_rho,
            day_sd=daily.day_sd,
            month_rho=_MONTH_RHO,
        ),
        places=PLACES.model_copy(update={"districts": districts_per_cell(place)}),
        climate=climate,
    )


def districts_per_cell(place: Path) -> tuple[float, ...]:
    """Return how many reporting districts lie in each listed cell, parts of them counted."""
    city = load_city("los_angeles")
    cells, grid = city.listed_cells(), city.grid
    height, width = (grid.north - grid.south) / grid.rows, (grid.east - grid.west) / grid.cols
    south, west = grid.south + cells.row * height, grid.west + cells.col * width
    boxes = gpd.GeoDataFrame(
        {"cell": range(len(cells))},
        geometry=shapely.box(west, south, west + width, south + height),
        crs=DEGREES,
    )
    districts = gpd.read_file(place / "lapd_reporting_districts.geojson").to_crs(FEET)
    districts["whole"] = districts.area
    parts = gpd.overlay(boxes.to_crs(FEET), districts[["whole", "geometry"]], how="intersection")
    number = (parts.area / parts["whole"]).groupby(parts["cell"]).sum()
    return tuple(number.reindex(range(len(cells)), fill_value=0.0).round(2).tolist())


def monthly_reports(place: Path) -> pd.DataFrame:
    """Return the city's monthly figures: columns year, month, area, kind, reports."""
    frame = pd.read_parquet(place / "monthly_by_area_and_category_2020_2024.parquet")
    kind_of = {category: kind.name for kind in KINDS for category in kind.categories}
    frame["kind"] = frame["category"].map(kind_of)
    frame["area"] = (
        frame["area"].str.replace("Th Street", "th Street").replace("West La", "West LA")
    )
    grouped = frame.groupby(["year", "month", "area", "kind"], as_index=False)["crimes"].sum()
    return grouped.rename(columns={"crimes": "reports"})


def _recorded(place: Path) -> pd.DataFrame:
    """Return the recorded reports with their kind, delay in days and source file."""
    parts = []
    for name in ("crime_2023q1_partial", "crime_west_la_2020_2021"):
        frame = pd.read_parquet(place / f"{name}.parquet").assign(file=name)
        parts.append(frame[["file", "date_occ", "date_rptd", "crm_cd"]])
    frame = pd.concat(parts, ignore_index=True)
    kind_of = {code: kind.name for kind in KINDS for code in kind.codes}
    frame["kind"] = frame["crm_cd"].map(kind_of).fillna("other")
    frame["delay"] = (frame["date_rptd"] - frame["date_occ"]).dt.days
    return frame


def _kind(
    kind: KindOfReport,
    monthly: pd.DataFrame,
    recorded: pd.DataFrame,
    yearly_codes: pd.DataFrame,
    warm_share_by_month: NDArray[np.float64],
) -> Kind:
    season, month_sd = _season(monthly[monthly["kind"] == kind.season_of], kind.warm_day,
                               warm_share_by_month)  # fmt: skip
    mine = recorded[recorded["kind"] == kind.name]
    first, weekday = _calendar(recorded[recorded["kind"] == kind.season_of])
    return Kind(
        name=kind.name,
        field=kind.field,
        codes=_code_shares(kind, mine),
        year_factor=_year_factors(kind, yearly_codes, monthly),
        season=season,
        weekday=weekday,
        first_of_month=first,
        warm_day=kind.warm_day,
        month_sd=month_sd,
        delay_share=_delays(recorded, kind),
    )


def _code_shares(kind: KindOfReport, mine: pd.DataFrame) -> dict[str, float]:
    counts = mine["crm_cd"].value_counts().reindex(list(kind.codes), fill_value=0)
    shares = (counts / counts.sum()).round(4)
    return {str(code): float(share) for code, share in shares.items() if share > 0}


def _year_factors(
    kind: KindOfReport, yearly_codes: pd.DataFrame, monthly: pd.DataFrame
) -> dict[int, float]:
    """Return the city total of the kind's codes in each year before 2020, relative to 2020."""
    others = [code for other in KINDS for code in other.codes]
    codes = yearly_codes["crm_cd"]
    chosen = codes.isin(kind.codes) | ((kind.name == "other") & ~codes.isin(others))
    totals = yearly_codes[chosen].groupby("year")["reports"].sum()
    in_2020 = monthly[(monthly["kind"] == kind.name) & (monthly["year"] == YEARS[0])]
    factors = (totals / in_2020["reports"].sum()).round(3)
    return {int(year): float(factor) for year, factor in factors.items()}


def _season(
    monthly: pd.DataFrame, warm_day: float, warm_share_by_month: NDArray[np.float64]
) -> tuple[tuple[float, float, float, float], float]:
    """Return the harmonics of the log rate, warm days taken out, and the residual's spread."""
    city = monthly[monthly["year"].isin(YEARS)].groupby(["year", "month"])["reports"].sum()
    start = pd.to_datetime([f"{year}-{month}-1" for year, month in city.index])
    rate = np.log(city.to_numpy() / np.asarray(start.days_in_month))
    trend = pd.Series(rate).rolling(13, center=True, min_periods=7).mean().to_numpy()
    is_used = np.asarray(start.year) > YEARS[0]  # the spring of 2020 was no ordinary season
    warm = warm_day * warm_share_by_month[np.asarray(start.month) - 1]
    residual = (rate - trend - warm)[is_used]
    basis = harmonics(np.asarray(start.day_of_year[is_used]) + 14)
    design = np.column_stack([np.ones(len(basis)), basis])
    fit, *_ = np.linalg.lstsq(design, residual, rcond=None)
    spread = (residual - design @ fit).var() - 1 / city.mean()
    sd = float(np.clip(np.sqrt(max(spread, 0)), 0.02, _MAX_MONTH_SD))
    a, b, c, d = (round(float(x), 4) for x in fit[1:])
    return (a, b, c, d), round(sd, 4)


def harmonics(day_of_year: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (n, 4): cos and sin of one and two turns a year."""
    turn = 2 * np.pi * np.asarray(day_of_year) / 365.25
    return np.column_stack([np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)])


def _calendar(mine: pd.DataFrame) -> tuple[float, tuple[float, ...]]:
    """Return log effects of the first of a month and of each weekday, the two files pooled."""
    by_day = mine.groupby(["file", "date_occ"]).size().rename("reports").reset_index()
    is_first = by_day["date_occ"].dt.day == 1
    usual = by_day["reports"].where(~is_first).groupby(by_day["file"]).transform("mean")
    ratio = _pooled_ratio(by_day["reports"], usual, is_first)
    rest = by_day[~is_first]
    effects = _pooled_ratio(rest["reports"], usual[~is_first], rest["date_occ"].dt.day_of_week)
    return float(ratio[True]), tuple(float(effects[k]) for k in range(7))


def _pooled_ratio(found: pd.Series, expected: pd.Series, group: pd.Series) -> pd.Series:
    ratio = found.groupby(group).sum() / expected.groupby(group).sum()
    return pd.Series(np.log(ratio), index=ratio.index).round(3)


def _delays(recorded: pd.DataFrame, kind: KindOfReport) -> tuple[float, ...]:
    """Return the share of reports made within each of DELAY_DAYS.

    Both files pooled up to four weeks, the first corrected for what came after its end; after
    that the second, which was seen for years.
    """
    pool = recorded[recorded["kind"].isin(DELAY_FALLBACK.get(kind.name, (kind.name,)))]
    city, west = (pool[pool["file"] == name]["delay"] for name in recorded["file"].unique())
    within = np.array([(west <= d).mean() for d in DELAY_DAYS])
    early = np.array([(city <= d).mean() for d in DELAY_DAYS]) * (west <= 60).mean()
    share = (len(west) * within + len(city) * early) / len(pool)
    at = DELAY_DAYS.index(28)
    rest = (within[at + 1 :] - within[at]) / (1 - within[at])
    share[at + 1 :] = share[at] + (1 - share[at]) * rest
    share[-1] = 1.0
    return tuple(round(float(x), 4) for x in np.maximum.accumulate(share))


def _weekly_means(monthly: pd.DataFrame) -> dict[int, tuple[tuple[float, ...], ...]]:
    areas, names = load_city("los_angeles").divisions, [kind.name for kind in KINDS]
    means = {}
    for year in YEARS:
        chosen = monthly[monthly["year"] == year]
        table = chosen.pivot_table("reports", "area", "kind", "sum", fill_value=0)
        table = (table.reindex(index=list(areas), columns=names) / _WEEKS_PER_YEAR).round(2)
        means[year] = tuple(tuple(row) for row in table.to_numpy().tolist())
    return means


def _legacy_share(place: Path) -> dict[int, float]:
    """Return, by month of 2024, legacy reports relative to the same month of 2023."""
    daily = pd.read_csv(place / "daily_city_total_2020_2024.csv", parse_dates=["date"])
    months = daily.groupby([daily["date"].dt.year, daily["date"].dt.month])["crimes"].sum()
    share = (months[2024] / months[2023]).clip(upper=1.0).round(2)
    return {int(month): float(share[month]) for month in range(3, 13)}


def main(arguments: list[str]) -> None:
    """Fit to the folder named by the first argument and write the package's file."""
    parameters = calibrate(Path(arguments[0]))
    PARAMETERS_FILE.write_text(parameters.model_dump_json(indent=None) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
