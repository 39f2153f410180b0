"""The written table of outcomes, the suites and the docs say the same."""

from datetime import date
from pathlib import Path

import pytest

from pipeline.domain.city import load_city
from pipeline.domain.columns import INCIDENTS, WEATHER_DAILY
from pipeline.domain.errors import QualityGateFailed
from pipeline.quality import engine, expectations, measures
from pipeline.quality.engine import Check, SuiteRun
from pipeline.quality.rules import RULES, limits_text, rules_table

DOCS = Path(__file__).resolve().parents[3] / "docs" / "quality.md"
AS_OF = date(2026, 11, 24)


def test_the_docs_hold_the_table_of_rules():
    assert rules_table() in DOCS.read_text()


def test_rules_cannot_be_changed():
    with pytest.raises(TypeError):
        RULES["incidents_schema"] = RULES["weather_schema"]


def test_every_rule_is_checked_once(city):
    checks = [
        expectations.schema_check(INCIDENTS),
        *expectations.incident_row_checks(city, AS_OF),
        *expectations.table_checks("incidents", city),
        expectations.schema_check(WEATHER_DAILY),
        *expectations.weather_row_checks(city, AS_OF),
        *expectations.table_checks("weather_daily", city),
    ]
    assert [check.name for check in checks] == list(RULES)
    assert all(check.expectations for check in checks)


def test_every_measure_is_held_against_a_limit():
    named = {(rule.table, rule.measure) for rule in RULES.values() if rule.measure}
    assert named == {
        *(("incidents", name) for name in measures.INCIDENT_MEASURES),
        *(("weather_daily", name) for name in measures.WEATHER_MEASURES),
    }


def test_weather_stops_a_week_only_by_its_schema():
    stops = [r.check for r in RULES.values() if r.table == "weather_daily" and r.outcome == "stop"]
    assert stops == ["weather_schema"]


def test_stops_are_critical_in_data_docs_and_the_rest_are_warnings(city):
    for check in expectations.table_checks("incidents", city):
        (expectation,) = check.expectations
        wanted = "critical" if RULES[check.name].outcome == "stop" else "warning"
        assert expectation.severity == wanted


def test_a_citys_rhythm_sets_the_limits_of_freshness():
    limits = {
        c.name: c.expected for c in expectations.table_checks("incidents", load_city("chicago"))
    }
    # Chicago: 8 days of lag + 1 between refreshes.
    assert limits["freshness_late"] == "at most 9 days"
    assert limits["freshness_stale"] == "at most 28 days"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(60, 160, "60 to 160 %"), (95, None, "at least 95 %"), (None, 2, "at most 2 %")],
)
def test_limits_are_written_with_their_unit(low, high, text):
    assert limits_text("missing_area_pct", low, high) == text
    assert limits_text("accepted_rows", 1, None) == "at least 1"


def test_records_begin_a_year_before_the_first_dataset_or_in_2001():
    assert expectations.first_day(load_city("los_angeles")) == date(2009, 1, 1)
    assert expectations.first_day(load_city("chicago")) == date(2001, 1, 1)


def test_analytics_are_off_before_great_expectations_is_imported(monkeypatch):
    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "true")
    engine.load_gx.cache_clear()
    engine.load_gx()
    assert engine.os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_a_failure_of_great_expectations_itself_is_no_pass(weather, monkeypatch):
    run = SuiteRun(None, AS_OF)

    def fail(*_):
        raise engine.load_gx().exceptions.DataContextError("the store is gone")

    monkeypatch.setattr(run, "_results", fail)
    with pytest.raises(QualityGateFailed, match="weather_rows could not be run: the store is gone"):
        run.validate("weather_rows", weather, [])


def test_an_expectation_without_an_answer_is_no_pass(weather):
    run = SuiteRun(None, AS_OF)
    (wanted,) = [c for c in expectations.table_checks("incidents", load_city("chicago"))
                 if c.name == "missing_area"]  # fmt: skip
    unanswered = engine._verdict(wanted, [], None)
    assert not unanswered.is_met
    assert unanswered.crash == "0 of its 1 expectations were evaluated"
    assert run.validate("nothing", weather, [Check("missing_area", "")])["missing_area"].is_met
