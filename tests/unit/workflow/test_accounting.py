"""The account of rows: everything that came in stands in exactly one line, or the week stops."""

import pytest

from pipeline.domain.errors import CorruptArtifact
from pipeline.workflow.accounting import account, unplaced

# 100 in = 7 dropped + 3 not yet published + 2 quarantined + 88 accepted;
# 88 accepted = 80 placed + 4 missing + 2 withheld + 1 out of box + 1 outside the city.
VALIDATED = {
    "rows_in": 100,
    "dropped": {"duplicate_rows": 7},
    "not_yet_known": 3,
    "quarantined_rows": 2,
    "quarantined": {"occurred_on_range": 1, "located_in_box": 2},
    "accepted": 88,
}
TALLY = {
    "rows": 88, "placed": 80, "moved": 5, "missing": 4, "withheld": 2, "out_of_box": 1,
    "outside_city": 1, "early": 0,
}  # fmt: skip


def lines(validated=VALIDATED, tally=TALLY):
    return {line.label: line.rows for line in account(validated, {"tally": tally})}


def test_every_part_stands_in_a_line():
    found = lines()
    assert found["rows in"] == 100
    assert found["dropped: duplicate rows"] == 7
    assert found["quarantined"] == 2
    # A row may fail two checks: reasons may add up to more than the rows.
    assert (found["occurred on range"], found["located in box"]) == (1, 2)
    assert found["placed on the grid"] == 80
    assert found["not placed: withheld"] == 2
    assert not [label for label in found if "history" in label]
    found = lines(tally={**TALLY, "early": 3})
    assert found["of all accepted, of days before the history begins"] == 3


@pytest.mark.parametrize(
    ("validated", "tally"),
    [
        ({**VALIDATED, "rows_in": 101}, TALLY),
        ({**VALIDATED, "accepted": 87}, TALLY),
        (VALIDATED, {**TALLY, "placed": 79}),
    ],
)
def test_a_lost_row_stops_the_week(validated, tally):
    with pytest.raises(CorruptArtifact, match="does not add up"):
        lines(validated, tally)


def test_reports_that_are_in_no_cell_are_told_loudly():
    most = {**TALLY, "placed": 200, "out_of_box": 780, "outside_city": 0, "missing": 20}
    assert unplaced(most) == (
        "80% of the reports (800 of 1,000) are in no cell, and so in no forecast: 780 outside the "
        "grid's box, 20 without usable coordinates. Check [grid] in the city's file, and the "
        "coordinates."
    )
    assert unplaced(TALLY) is None
    assert unplaced({**TALLY, "placed": 0, "withheld": 90, "missing": 0, "out_of_box": 0,
                     "outside_city": 0}) is None  # fmt: skip
