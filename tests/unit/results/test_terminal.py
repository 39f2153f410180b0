import io
import re
from contextlib import redirect_stdout

import pytest
from hypothesis import given

from pipeline.console import Terminal
from pipeline.results.products.terminal import (
    cells_table,
    clusters_table,
    status_table,
    totals_table,
    week_table,
)
from pipeline.results.store.records import CityStatus
from tests.printed import letters, printable
from tests.unit.results.samples import TARGET, publish


def printed(renderable, width=80):
    with redirect_stdout(io.StringIO()) as out:
        Terminal(width=width).print(renderable)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


@pytest.fixture
def week(store, cells, city):
    def make(**changes):
        publish(store, cells, **changes)
        name = city.name
        return (
            city,
            store.run(name, TARGET),
            store.cells_frame(name, TARGET),
            store.totals(name, TARGET),
        )

    return make


def test_week_says_what_it_is_for_and_from(week):
    text = printed(week_table(*week()))
    for part in (
        "Smallville",
        "2026-01-04 to 2026-01-10",
        "8 reports expected, 80 % between 4 and 12",
        "75 % of the top 5 % of cells are there again when history is re-run",
        "2025-12-31, revision 1",
        "live, whole weeks up to the one of 2025-12-14 (horizon 3)",
        "reports complete through 2025-12-19",
        "dual_branch_cnn 3 (reuse), mmmmmmmmmmmm",
    ):
        assert part in re.sub(r"\s+", " ", text)
    assert "DATA" not in text


def test_top_cell_stands_first_with_its_figures(week):
    city, _, cells, _ = week()
    lines = printed(cells_table(city, cells)).splitlines()
    # Row 2, column 0: centre 10 + 2.5 * 0.5 = 11.25 N, 20 + 0.125 = 20.125 E.
    assert lines[3].split() == [
        "1", "8", "Up", "11.250,20.125", "4.00", "0-9", "89%", "0.75", "75%", "1",
    ]  # fmt: skip
    assert len(lines) == 3 + 6


def test_cells_out_of_any_cluster_and_what_is_unknown_are_dashes(week):
    city, stored, cells, totals = week()
    cells[["long_run_mean", "p_top5"]] = float("nan")
    lines = printed(cells_table(city, cells)).splitlines()
    assert lines[4].split()[-3:] == ["–", "–", "–"]
    assert printed(clusters_table(city, cells)).splitlines()[3].split()[-2:] == ["–", "–"]
    assert printed(totals_table(city, cells, totals)).splitlines()[3].split()[-1] == "–"
    assert re.search(r"Stability +–$", printed(week_table(city, stored, cells, totals)), re.M)


def test_clusters_add_up(week):
    city, _, cells, _ = week()
    cells.loc[cells["rank"] <= 3, "cluster"] = [2, 2, 1]
    lines = printed(clusters_table(city, cells)).splitlines()
    assert "2 of 2" in lines[0]
    assert lines[3].split() == [
        "1", "8", "Up", "11.250,20.125", "27.3", "x", "55.6", "1", "4.00", "0.75", "75%",
    ]  # fmt: skip
    # 2.0 + 1.0 expected, 0.75 + 0.75 in the long run, (0.25 + 0) / 2 in the top 5 % again,
    # highest at row 0, column 2.
    assert lines[4].split() == [
        "2", "2", "Down", "10.250,20.625", "27.3", "x", "111.2", "2", "3.00", "1.50", "12%",
    ]  # fmt: skip


def test_divisions_come_with_their_intervals_and_the_city_last(week):
    city, _, cells, totals = week()
    lines = printed(totals_table(city, cells, totals)).splitlines()
    q10, q90 = totals.set_index("name").loc["Up", ["q10", "q90"]]
    assert lines[3].split() == ["Up", "4.1", f"{q10}-{q90}", "1.5"]
    assert lines[4].split()[0] == "Down"
    assert lines[-1].split() == ["Smallville", "7.9", "4-12", "4.5"]


@pytest.mark.parametrize(
    ("provenance", "word"), [("simulated", "made up"), ("recorded", "replayed")]
)
def test_input_that_is_not_live_stands_above_everything(week, store, provenance, word):
    text = printed(week_table(*week(provenance=provenance)))
    assert f"{provenance.upper()} DATA" in text.splitlines()[1]
    assert word in text
    assert word in printed(status_table(store.status("smallville")))


def test_backfill_is_named(week):
    assert "stored after its week had begun" in printed(week_table(*week(today=TARGET)), 120)


def test_everything_fits_eighty_columns(week):
    text = printed(week_table(*week()))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_status_of_a_city_with_and_without_forecasts(store, cells):
    assert "0, of which 0 scored" in printed(status_table(store.status("smallville")))
    publish(store, cells)
    store.mark_stale("smallville", "SchemaDrift: y8y3-fqfu lacks [lat] in /srv/x", TARGET)
    text = printed(status_table(store.status("smallville")), 120)
    assert "for the week of 2026-01-04, issued 2025-12-31, live data" in text
    assert "scheduled-1, 2025-12-31 06:00 UTC" in text
    sentence = " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())
    assert "STALE since 4 Jan 2026: the city has changed the form of its data, so" in sentence
    assert "the week of 11 Jan 2026 has no forecast yet" in sentence
    assert not re.search("SchemaDrift|y8y3|/srv", text)


@given(text=printable)
def test_a_citys_name_is_printed_letter_by_letter(text):
    shown = letters(printed(status_table(CityStatus(text, None, 0, 0, None))))
    assert f"City{letters(text)}Weeks" in shown
