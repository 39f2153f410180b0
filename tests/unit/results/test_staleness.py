"""Readers get one sentence: what happened, since when, what it means for the week."""

from datetime import date

import pytest

from pipeline.domain.weeks import ForecastWeeks
from pipeline.results.store.stale import UNKNOWN, WORDS, staleness
from pipeline.workflow.operations.staleness import INPUT_FAILED

# Issued on a Wednesday, for the Sunday after.
LATEST = ForecastWeeks(date(2026, 11, 4), date(2026, 10, 18), date(2026, 11, 8))


def test_it_says_what_happened_since_when_and_what_it_means():
    found = staleness(LATEST, date(2026, 11, 11), "SourceUnavailable: data.lacity.org gave 503")
    assert found.sentence == (
        "STALE since 11 Nov 2026: the city's data portal did not answer, so the week of "
        "15 Nov 2026 has no forecast yet; the last one, for the week of 8 Nov 2026, is still shown."
    )


def test_after_three_failed_weeks_it_is_stale_since_the_first():
    found = staleness(LATEST, date(2026, 11, 25), "StaleData: 40 days")
    assert (found.since, found.week) == (date(2026, 11, 11), date(2026, 11, 29))


def test_a_run_before_the_next_one_was_due_is_stale_since_then():
    found = staleness(LATEST, date(2026, 11, 9), "SchemaDrift: no lat")
    assert (found.since, found.week) == (date(2026, 11, 9), date(2026, 11, 15))


@pytest.mark.parametrize("failed_on", [date(2026, 11, 4), date(2026, 11, 7), date(2020, 1, 1)])
def test_a_week_that_has_a_forecast_or_an_older_one_is_not_stale(failed_on):
    assert staleness(LATEST, failed_on, "SchemaDrift: no lat") is None


def test_without_a_forecast_none_is_stale():
    assert staleness(None, date(2026, 11, 11), "SchemaDrift: no lat") is None


@pytest.mark.parametrize("kind", [error.__name__ for error in INPUT_FAILED])
def test_every_error_that_makes_it_stale_has_words_of_its_own(kind):
    found = staleness(LATEST, date(2026, 11, 11), f"{kind}: freshness_stale at /srv/docs")
    assert WORDS[kind] in found.sentence
    for inside in (kind, "freshness_stale", "/srv"):
        assert inside not in found.sentence


def test_a_reason_of_another_kind_is_not_repeated_to_readers():
    found = staleness(LATEST, date(2026, 11, 11), "Traceback: /opt/x.py")
    assert UNKNOWN in found.sentence
    assert "/opt" not in found.sentence
