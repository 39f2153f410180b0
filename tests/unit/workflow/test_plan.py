"""What a run is for: resolved from a parameter or an interval, or refused."""

import json
from datetime import UTC, date, datetime

import pytest

from pipeline.domain.city import CITIES_DIR, load_city
from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan, end_of_day, make_plan

NOW = datetime(2026, 11, 25, 15, tzinfo=UTC)


def plan(settings=None, **chosen):
    asked = {"city": "los_angeles", "issue_date": None, "now": NOW, **chosen}
    return make_plan(settings or Settings(), **asked)


def test_a_parameter_decides_before_the_interval():
    made = plan(issue_date="2026-11-11", data_interval_end=NOW)
    assert (made.issue_date, made.target_week) == (date(2026, 11, 11), date(2026, 11, 15))


def test_the_intervals_end_is_read_in_the_citys_zone():
    # 06:00 UTC on the 19th is still the evening of the 18th in Los Angeles.
    made = plan(data_interval_end=datetime(2026, 11, 19, 6, tzinfo=UTC))
    assert made.issue_date == date(2026, 11, 18)


def test_a_run_of_airflow_keeps_its_name_and_one_by_hand_has_none():
    assert plan(issue_date="2026-11-11", run="manual__1").run == "manual__1"
    assert plan(issue_date="2026-11-11").run is None


def test_neither_is_refused_with_what_to_do():
    with pytest.raises(InvalidRequest, match="Give issue_date as YYYY-MM-DD"):
        plan()


@pytest.mark.parametrize("wrong", ["11/25/2026", "2026-13-01", "soon"])
def test_a_date_that_is_none_is_refused(wrong):
    with pytest.raises(InvalidRequest, match="is not a date"):
        plan(issue_date=wrong)


def test_an_unknown_training_or_city_is_refused():
    with pytest.raises(InvalidRequest, match="not one of auto"):
        plan(issue_date="2026-11-11", training="harder")
    with pytest.raises(InvalidRequest, match="no city"):
        plan(issue_date="2026-11-11", city="atlantis")


def test_a_layer_that_cannot_be_read_stops_the_week_before_anything_is_pulled(tmp_path):
    text = (CITIES_DIR / "chicago.toml").read_text().replace('"chicago"', '"springfield"', 1)
    layer = '[neighbourhoods]\nfile = "gone.geojson"\n'
    (tmp_path / "springfield.toml").write_text(f"{text}\n{layer}")
    with pytest.raises(InvalidRequest, match=r"gone\.geojson is not a GeoJSON of neighbourhoods"):
        plan(Settings(cities_dir=tmp_path), city="springfield", issue_date="2026-11-11")


def test_the_plan_carries_the_name_of_a_city_of_ones_own(tmp_path):
    text = (CITIES_DIR / "chicago.toml").read_text().replace('"chicago"', '"springfield"', 1)
    path = tmp_path / "springfield.toml"
    path.write_text(text)
    settings, city = Settings().with_city(str(path))
    made = plan(settings, city=city.name, issue_date="2026-11-11")
    assert made.city == "springfield"
    assert settings.city(made.city) == city
    with pytest.raises(InvalidRequest, match="There is no city 'springfield'"):
        Settings().city(made.city)


def test_a_logical_date_decides_before_the_interval_and_after_a_parameter():
    given = datetime(2026, 11, 4, tzinfo=UTC)
    made = plan(logical_date=given, data_interval_end=NOW)
    assert (made.issue_date, made.target_week) == (date(2026, 11, 4), date(2026, 11, 8))
    assert plan(issue_date="2026-11-11", logical_date=given).issue_date == date(2026, 11, 11)


def test_the_future_is_refused():
    with pytest.raises(WeekNotReady, match="after today, 2026-11-25"):
        plan(issue_date="2026-11-26")


def test_an_emptied_field_of_notes_means_none():
    assert plan(issue_date="2026-11-11", notes=None).notes == ""


def test_a_citys_day_ends_at_its_own_midnight():
    # Pacific standard time is eight hours behind UTC.
    end = end_of_day(date(2026, 11, 25), load_city("los_angeles"))
    assert end.isoformat() == "2026-11-26T07:59:59.999999+00:00"


def test_a_plan_of_another_version_of_the_code_can_still_be_run():
    dates = {"issue_date": "2026-11-11", "target_week": "2026-11-15"}
    old = Plan.model_validate({"city": "chicago", **dates, "a_field_of_then": 1})
    assert old == Plan(
        city="chicago", issue_date=date(2026, 11, 11), target_week=date(2026, 11, 15)
    )
    assert (old.training, old.publish, old.files, old.is_current) == ("auto", True, True, False)


def test_a_plan_is_handed_on_as_json_and_read_back():
    made = plan(issue_date="2026-11-11", run="manual__1", training="reuse")
    assert Plan.model_validate(json.loads(json.dumps(made.to_json()))) == made
