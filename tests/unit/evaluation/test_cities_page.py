"""The page on cities is true: its example loads and is enough for a backtest."""

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from pipeline.domain import city as city_module
from pipeline.domain.city import load_city
from pipeline.evaluation.event_files import OPTIONAL, REQUIRED
from tests.unit.evaluation.conftest import backtest_events, make_events, mean_forecaster

PAGE = (Path(__file__).parents[3] / "docs" / "cities.md").read_text()
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)


def fields_in_table() -> set[str]:
    """Names in the first column of the field-by-field table."""
    rows = re.findall(r"^\| (`.*?) \|", PAGE.split("## Field by field")[1], flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}


def test_the_example_is_short_and_loads_without_a_mask(tmp_path):
    assert len([line for line in EXAMPLES[0].splitlines() if line]) <= 12
    path = tmp_path / "springfield.toml"
    path.write_text(EXAMPLES[0])
    city = load_city(str(path))
    assert city.listed_cells() is None
    assert city.grid.shape == (60, 75)
    assert city.country == "US"


def test_the_example_is_enough_for_a_backtest(settings, tmp_path):
    path = tmp_path / "springfield.toml"
    path.write_text(EXAMPLES[0])
    city = load_city(str(path))
    events = make_events()
    events = events.assign(
        offence=events["offence"].map(
            {"ROBBERY": "Robbery", "13A": "Aggravated Assault", "Theft": "Theft"}
        ),
        latitude=39.65 + (events["latitude"] - 40) * 0.3,
        longitude=-89.78 + (events["longitude"] + 90.8) * 0.5,
    )
    events.to_parquet(tmp_path / "events.parquet")
    summary = backtest_events(
        city, tmp_path / "events.parquet", last_weeks=2, horizons=[1], out=tmp_path / "out",
        settings=settings, make_forecaster=mean_forecaster(city),
    )  # fmt: skip
    assert summary["input"]["tally"]["placed"] == len(events)
    forecasts = pd.read_parquet(tmp_path / "out" / "forecasts.parquet")
    assert len(forecasts) == 2 * summary["cells"]


@pytest.mark.parametrize("extra", EXAMPLES[1:])
def test_every_other_example_fits_into_the_first(extra, tmp_path):
    whole, part = tomllib.loads(EXAMPLES[0]), tomllib.loads(extra)
    assert set(part) <= {*whole, "neighbourhoods", "datasets", "stations", "publication"}
    has_target = "target" in part.get("offences", {})
    kept = EXAMPLES[0].split("[offences]")[0] if has_target else EXAMPLES[0]
    path = tmp_path / "springfield.toml"
    path.write_text(f"{kept}\n{extra}")
    city = load_city(str(path))
    offences = {**whole["offences"], **part.get("offences", {})}
    assert list(city.offences.target) == offences["target"]
    assert (city.neighbourhoods is not None) == ("neighbourhoods" in part)


def test_every_field_is_on_the_page_and_every_one_on_the_page_exists():
    models = (
        city_module.City, city_module.GridSpec, city_module.Offences, city_module.Publication,
        city_module.Dataset, city_module.Station, city_module.NeighbourhoodLayer,
    )  # fmt: skip
    fields = {name for model in models for name in model.model_fields} - {"folder"}
    sections = {
        "grid", "offences", "codes", "publication", "datasets", "stations", "neighbourhoods",
    }  # fmt: skip
    columns = {*REQUIRED, *OPTIONAL}
    assert fields - sections <= fields_in_table()
    assert fields_in_table() - columns <= fields
    assert columns <= fields_in_table()


def test_built_in_cities_use_only_what_the_page_names():
    for path in city_module.CITIES_DIR.glob("*.toml"):
        assert f"`{path.stem}`" in PAGE
