"""What an audit says of stored forecasts, by hand over a city of six cells."""

from datetime import timedelta

import numpy as np
import pytest
from rich.console import Console

from pipeline.domain.errors import WeekNotReady
from pipeline.results.products.city_audit import audit_city, audit_table, loop_rows
from pipeline.results.store.reader import ResultsReader
from tests.unit.results.samples import TARGET, publish

WEEKS = [TARGET + timedelta(days=7 * k) for k in range(3)]


@pytest.fixture
def history(store, tmp_path):
    return ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")


def test_nothing_known_is_nothing_to_audit(store, cells, history):
    publish(store, cells)
    with pytest.raises(WeekNotReady, match="nothing to audit"):
        audit_city(history, "smallville")


def test_the_known_weeks_are_audited(store, cells, history, city):
    for k, week in enumerate(WEEKS):
        publish(store, cells, target=week, provenance="simulated", today=WEEKS[0 if k else 1])
    counts = np.zeros((2, 3, 4))
    counts[:, 2, 0] = 3, 5
    counts[0, 1, 2] = 2
    store.save_observed("smallville", WEEKS[:2], counts, WEEKS[2])
    found = audit_city(history, "smallville")
    assert (found.weeks, found.backfilled) == (tuple(WEEKS[:2]), 1)
    up, down = found.divisions.to_dict("records")
    assert (up["division"], up["reports"], up["cells"]) == ("Up", 8, 2)
    assert up["bias"] == pytest.approx(2 * 4.125 / 8 - 1)
    assert (down["reports"], down["covered"]) == (2, 0.5)  # 2 and 0 of 3.75
    # The one flagged cell, of 4.0 expected, lies in Up.
    assert (up["flagged_share"], up["reports_share"]) == (1.0, 0.8)
    assert (found.flags.weeks, found.flags.cells, found.flags.most_weeks) == (2, 6, 2.0)
    assert found.flags.ever == pytest.approx(1 / 6)

    console = Console(width=80, record=True)
    console.print(audit_table(city, found))
    text = console.export_text()
    assert text.startswith("SIMULATED DATA")
    assert "2 known weeks from 2026-01-04 to 2026-01-11, 1 of them \nstored late" in text
    line = next(row for row in text.splitlines() if row.startswith("Up"))
    assert line.split()[-4:] == ["100.0", "%", "80.0", "%"]
    assert "Gini 0.833 (0.83 if always the same)" in text  # one of six cells takes all flags
    assert "SIMULATED: 52 weeks" in text
    assert [row[0] for row in loop_rows(found)] == ["0 %", "10 %", "25 %"]
    # 4.0 of 7.875 truly happen in the flagged cell, whatever is reported.
    assert {row[3] for row in loop_rows(found)} == {"50.8 %"}


def test_a_live_audit_of_timely_weeks_has_no_banner_and_a_dash_where_nothing_is_known(
    store, cells, history, city
):
    publish(store, cells)
    store.save_observed("smallville", [TARGET], np.zeros((1, 3, 4)), WEEKS[2])
    found = audit_city(history, "smallville")
    console = Console(width=80, record=True)
    console.print(audit_table(city, found))
    text = console.export_text()
    assert text.startswith("Audit of Smallville: 1 known weeks from 2026-01-04 to 2026-01-04\n")
    assert next(row for row in text.splitlines() if row.startswith("Up")).endswith("–")
