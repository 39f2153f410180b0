"""What a step tells a catalogue of what it wrote."""

import pytest

from pipeline.workflow.operations.written import FACTS
from pipeline.workflow.tasks import STEPS, written

REF = '{"path": "cubes/los_angeles/3f", "sha256": "3f"}'
PLAN = {
    "city": "los_angeles",
    "issue_date": "2026-11-11",
    "target_week": "2026-11-15",
    "publish": True,
}
HEAD = {"city": "los_angeles", "week": "2026-11-15", "issue_date": "2026-11-11"}
GRID = {"ref": REF, "edge_week": "2026-10-25", "horizon": 3, "tally": {"rows": 90}}
CHECKED = {"provenance": "simulated"}
MODEL = {"sha256": "ab", "version": "3", "trained_through": "2026-10-25", "mode": "fine_tune"}
SNAPSHOT = {"rows": 7, "sha256": "cd"}


def test_a_pull_tells_of_the_snapshots_that_it_stored():
    pulled = {"snapshots": {}, "stored": {"nibrs": SNAPSHOT}, "provenance": "live", "notes": []}
    facts = {**HEAD, "provenance": "live", "rows": {"nibrs": 7}, "sha256": {"nibrs": "cd"}}
    assert written("pull_crime", [PLAN], pulled) == facts
    assert written("pull_weather", [PLAN], pulled) == facts
    assert written("pull_crime", [PLAN], {**pulled, "stored": {}}) is None


def test_a_history_has_no_week():
    made = {"city": "chicago", "rows": {"crimes": 7}, "sha256": {"crimes": "cd"}}
    assert written("snapshot_history", [[]], made) == made


def test_a_cube_tells_its_reports_and_where_they_are_from():
    facts = {**HEAD, "edge_week": "2026-10-25", "provenance": "simulated"}
    facts |= {"rows": 90, "sha256": "3f"}
    assert written("build_grid", [PLAN, CHECKED], GRID) == facts


def test_a_model_that_is_reused_is_not_written():
    facts = {**HEAD, "trained_through": "2026-10-25", "mode": "fine_tune", "version": "3"}
    facts |= {"rows": 90, "sha256": "ab"}
    assert written("train", [PLAN, GRID, {}], MODEL) == facts
    assert written("train_challenger", [PLAN, GRID], MODEL) == facts
    assert written("train", [PLAN, GRID, {}], {**MODEL, "mode": "reuse"}) is None


@pytest.mark.parametrize(("revision", "is_written"), [(2, True), (0, False)])
def test_a_forecast_is_told_unless_it_is_a_dry_run(revision, is_written):
    made = {"ref": REF, "model_name": "cnn", "city_mean": 437.2}
    published = {"revision": revision, "cells": 1663, "forecast_sha256": "ef", "difference": ""}
    found = written("publish", [PLAN, CHECKED, GRID, MODEL, made], published)
    facts = {**HEAD, "edge_week": "2026-10-25", "horizon": 3, "provenance": "simulated"}
    facts |= {"expected": 437.2, "revision": revision, "rows": 1663, "sha256": "ef"}
    assert found == (facts if is_written else None)


def test_other_steps_tell_nothing():
    for step in set(STEPS) - set(FACTS):
        assert written(step, [PLAN], {}) is None
