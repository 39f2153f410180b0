import io
from datetime import timedelta

import pytest
from rich.console import Console

from pipeline.domain.errors import WeekNotReady
from pipeline.results.products.comparison import changes, compare_weeks
from tests.unit.results.samples import TARGET, publish

NEXT = TARGET + timedelta(days=7)


def printed(renderable):
    console = Console(width=80, file=io.StringIO())
    console.print(renderable)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


@pytest.fixture
def both(store, cells):
    publish(store, cells, provenance="simulated")
    publish(store, cells, target=NEXT, scale=1.5, provenance="simulated")
    return store


def test_the_largest_change_comes_first(both):
    found = changes(both.cells_frame("smallville", TARGET), both.cells_frame("smallville", NEXT))
    # Every cell rose by half: 4 to 6, 2 to 3, 1 to 1.5 and so on.
    assert found["change"].tolist() == [2.0, 1.0, 0.5, 0.25, 0.125, 0.0625]
    assert found.iloc[0][["row", "col", "before", "after", "hotspot"]].tolist() == [
        2, 0, 4.0, 6.0, "stays",
    ]  # fmt: skip


def test_hotspots_come_and_go(both):
    before, after = (both.cells_frame("smallville", week) for week in (TARGET, NEXT))
    after["band"] = 0
    after.loc[0, "band"] = 5
    found = changes(before, after.drop(index=5))
    assert sorted(found["hotspot"]) == ["", "", "", "", "gone", "new"]
    # The last cell isn't in the second week any more: it counts as 0 there.
    assert found[found["after"] == 0]["before"].tolist() == [0.125]


def test_two_weeks_fit_a_terminal_and_say_that_they_are_simulated(both, city):
    text = printed(compare_weeks(both, city, TARGET, NEXT))
    assert "SIMULATED DATA" in text
    # 7.875 reports, then half as many more.
    assert " ".join(text.split("Whole city")[1].split()[:3]) == "7.9 11.8 +3.9"
    assert "Hotspot cells: 1 stay, 0 are new, 0 are gone." in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_week_without_forecast_is_named(both, city):
    with pytest.raises(WeekNotReady, match="2026-01-18"):
        compare_weeks(both, city, TARGET, NEXT + timedelta(days=7))


def test_a_division_that_only_one_week_has_shows_no_change(both, city):
    from pipeline.results.products.comparison import totals_table

    totals = both.totals("smallville", NEXT)
    text = printed(totals_table(city, TARGET, NEXT, totals[totals["name"] != "Up"], totals))
    assert text.split("Up")[1].split()[0] == "–"
