"""An alert says what failed, what it means for this week, what to do, and where to look."""

from datetime import UTC, date, datetime

import pytest

from pipeline.domain.errors import SchemaDrift, SourceUnavailable
from pipeline.results.store.writer import ResultsStore
from pipeline.workflow.operations.alerts import Failure, is_first, make_alert
from tests.unit.results.samples import make_weeks, publish, small_cells

NOW = datetime(2026, 11, 27, 15, tzinfo=UTC)
DRIFT = SchemaDrift("y8y3-fqfu lacks the column lat; found 28 columns, expected 29.")


def failure(error=DRIFT, **changes):
    facts = {"dag": "weekly_forecast", "task": "pull_crime", "run": "scheduled__2026-11-18",
             "city": "los_angeles", "error": error, **changes}  # fmt: skip
    return Failure(**facts)


def alert(settings, *args, **changes):
    return make_alert(settings, failure(*args, **changes), now=NOW)


def stored(settings, target):
    store = ResultsStore(settings.results_database)
    store.migrate()
    publish(store, small_cells(), city="los_angeles", target=target, weeks=make_weeks(target))
    return store


def test_it_says_what_failed_what_to_do_and_where_to_look(settings):
    made = alert(settings)
    assert made.title == "los_angeles: weekly_forecast failed at pull_crime"
    assert "What failed: SchemaDrift: y8y3-fqfu lacks the column lat" in made.body
    assert "What to do: Compare the table's columns" in made.body
    assert "Source: https://data.lacity.org/d/" in made.body
    assert "Run: scheduled__2026-11-18" in made.body


def test_it_names_the_error_that_airflows_own_was_raised_from(settings):
    wrapped = RuntimeError("SchemaDrift: ...")
    wrapped.__cause__ = DRIFT
    assert "What failed: SchemaDrift: y8y3" in alert(settings, wrapped).body


def test_an_error_not_foreseen_is_called_a_bug(settings):
    assert "report it as a bug" in alert(settings, KeyError("row")).body


def test_without_a_store_no_forecast_can_be_served(settings):
    assert "What it means: No forecast can be served (There is no results store" in (
        alert(settings).body
    )


def test_a_city_without_a_forecast_is_said_to_have_none(settings):
    ResultsStore(settings.results_database).migrate()
    assert "Los Angeles has no forecast at all" in alert(settings).body


def test_the_last_forecast_keeps_serving_when_one_is_due(settings):
    store = stored(settings, date(2026, 11, 22))
    assert "no forecast for the week of 2026-11-29; the one for the week of 2026-11-22 keeps " in (
        alert(settings).body
    )
    assert "and is not marked" in alert(settings).body
    store.mark_stale("los_angeles", "SchemaDrift", date(2026, 11, 25))
    assert "marked stale" in alert(settings).body


PLAN = {"target_week": "2026-11-29", "issue_date": "2026-11-25", "publish": True}
PARAMS = {"city": "los_angeles", "issue_date": None, "training": "auto", "publish": True}


def meaning(settings, **changes):
    (line,) = (
        line for line in alert(settings, **changes).body.splitlines() if "What it means" in line
    )
    return line.removeprefix("What it means: ")


def test_the_alert_of_a_run_speaks_of_that_runs_own_week(settings):
    stored(settings, date(2026, 11, 22))
    past = {**PLAN, "target_week": "2026-09-06", "issue_date": "2026-09-02"}
    assert meaning(settings, asked=past) == (
        "There is no forecast for the week of 2026-09-06; newer weeks are not affected, the "
        "newest is that of 2026-11-22."
    )
    held = {**PLAN, "target_week": "2026-11-22"}
    assert "the forecast for the week of 2026-11-22 stands" in meaning(settings, asked=held)
    assert "the one for the week of 2026-11-22 keeps serving" in meaning(settings, asked=PLAN)


def test_before_the_plan_is_made_the_params_and_the_runs_moment_tell_the_week(settings):
    stored(settings, date(2026, 11, 22))
    by_hand = {**PARAMS, "issue_date": "2026-09-02"}
    assert "no forecast for the week of 2026-09-06" in meaning(settings, asked=by_hand)
    moment = datetime(2026, 12, 2, 14, tzinfo=UTC)
    assert "no forecast for the week of 2026-12-06" in (
        meaning(settings, asked=PARAMS, moment=moment)
    )
    unreadable = {**PARAMS, "issue_date": "soon"}
    assert "no forecast for the week of 2026-11-29" in meaning(settings, asked=unreadable)


@pytest.mark.parametrize(
    "asked", [{**PLAN, "publish": False}, {"city": "los_angeles", "issue_date": None, "notes": ""}]
)
def test_a_run_that_publishes_nothing_affects_no_reader(settings, asked):
    stored(settings, date(2026, 11, 8))
    assert meaning(settings, asked=asked) == (
        "Readers are not affected: this run publishes no forecast."
    )


def test_a_failure_after_the_forecast_was_stored_does_not_affect_readers(settings):
    stored(settings, date(2026, 11, 29))
    assert "Readers are not affected: the forecast for the week of 2026-11-29 stands" in (
        alert(settings).body
    )


def test_a_city_that_is_not_known_still_gives_an_alert(settings):
    body = alert(settings, city="atlantis").body
    assert "There is no city 'atlantis'" in body
    assert "Source: unknown" in body


def test_the_same_failure_of_the_same_run_is_told_once(settings):
    assert is_first(settings, alert(settings))
    assert not is_first(settings, alert(settings, SchemaDrift("in other words")))
    for other in ({"run": "manual__1"}, {"task": "validate"}):
        assert is_first(settings, alert(settings, **other))
    assert is_first(settings, alert(settings, SourceUnavailable("another trouble")))
    kept = (settings.home / "alerts" / f"{alert(settings).key}.txt").read_text()
    assert kept.startswith("los_angeles: weekly_forecast failed at pull_crime\nWhat failed:")
