"""What a run's form comes to is told before any work starts."""

from datetime import UTC, date, datetime

import pyarrow as pa

from pipeline.lake.lake import Lake
from pipeline.workflow.operations.briefing import briefing
from pipeline.workflow.plan import make_plan

NOW = datetime(2026, 11, 25, 15, tzinfo=UTC)


def told(settings, **chosen):
    asked = {"city": "los_angeles", "issue_date": "2026-11-25", "now": NOW, **chosen}
    text = briefing(settings, make_plan(settings, **asked), now=NOW)
    return {line.partition("  ")[0]: line.partition("  ")[2].strip() for line in text.splitlines()}


def test_the_values_are_the_resolved_ones(settings):
    found = told(settings, notes="after the holiday", publish=False)
    assert found["issue date"] == "Wednesday 2026-11-25"
    assert found["target week"] == "2026-11-29 to 2026-12-05"
    # Refreshed on 11-24 with ten days' lag: known through the 14th, a Saturday.
    assert found["edge week"].startswith("2026-11-08, so horizon 3")
    assert found["publish"] == "no, the stored forecast stays"
    assert found["notes"] == "after the holiday"


def test_the_age_of_each_snapshot_is_told_as_of_the_issue_date(any_lake):
    assert told(any_lake)["snapshot 63jg-8b9z"] == "none yet"
    for pulled_at in (datetime(2026, 11, 10, 15, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)):
        Lake(any_lake.lake_root).add_snapshot(
            "los_angeles", "63jg-8b9z", pa.table({"x": [1]}), pulled_at=pulled_at,
            source_updated_at=None, provenance="live",
        )  # fmt: skip
    assert told(any_lake)["snapshot 63jg-8b9z"] == "pulled 1 days before"
    past = told(any_lake, issue_date="2026-11-18")
    assert past["snapshot 63jg-8b9z"] == "pulled 8 days before"


def test_a_city_that_publishes_too_late_is_told_so(settings, monkeypatch):
    from pipeline.domain.city import Publication

    monkeypatch.setattr(Publication, "known_through", lambda self, day: date(2026, 9, 1))
    assert "at most 5 is allowed" in told(settings)["edge week"]
