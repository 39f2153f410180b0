"""The first pull, in pieces: whole in the end, nothing twice, and the same as a pull at once."""

from datetime import UTC, datetime

import pytest

from pipeline.domain.city import load_city
from pipeline.domain.errors import WeekNotReady
from pipeline.lake.lake import Lake, Ref
from pipeline.workflow import load_history as history
from pipeline.workflow import pull
from pipeline.workflow.load_history import load_piece, plan_history, snapshot_history
from pipeline.workflow.plan import make_plan

NOW = datetime(2018, 3, 1, 15, tzinfo=UTC)
CHICAGO = load_city("chicago").datasets[0].id


def years(settings):
    return [piece for piece in plan_history(settings, "chicago", now=NOW) if piece["year"] >= 2016]


def load(settings, pieces):
    return [load_piece(settings, piece, now=NOW) for piece in pieces]


def test_a_piece_is_planned_for_every_year_of_every_dataset(settings):
    pieces = plan_history(settings, "los_angeles", now=datetime(2026, 11, 25, tzinfo=UTC))
    by_dataset = {}
    for piece in pieces:
        by_dataset.setdefault(piece["dataset"], []).append(piece["year"])
    assert by_dataset["63jg-8b9z"] == list(range(2010, 2020))
    assert all(found == sorted(set(found)) for found in by_dataset.values())
    assert max(map(max, by_dataset.values())) == 2026
    late = settings.model_copy(update={"history_start": "2022-06-01"})
    assert (
        min(
            piece["year"] for piece in plan_history(late, "los_angeles", now=NOW.replace(year=2026))
        )
        == 2022
    )


def test_the_pieces_together_are_what_a_pull_at_once_gives(settings, tmp_path):
    made = snapshot_history(settings, load(settings, years(settings)), now=NOW)
    assert made["rows"] == {CHICAGO: 25_200}
    lake = Lake(settings.lake_root)
    [snapshot] = lake.snapshots("chicago", CHICAGO)
    at_once = settings.model_copy(update={"home": tmp_path / "at_once"})
    plan = make_plan(at_once, city="chicago", issue_date="2018-02-28", now=NOW)
    pull.pull_crime(at_once, plan, now=NOW)
    other = Lake(at_once.lake_root)
    [whole] = other.snapshots("chicago", CHICAGO)
    key = [(name, "ascending") for name in lake.read_snapshot(snapshot).column_names]
    assert lake.read_snapshot(snapshot).sort_by(key) == other.read_snapshot(whole).sort_by(key)
    assert snapshot.source_updated_at == whole.source_updated_at


@pytest.mark.parametrize("kind", ["disk", "s3"])
def test_a_second_load_pulls_nothing_and_makes_no_second_snapshot(
    settings, monkeypatch, request, kind
):
    if kind == "s3":
        update = {"lake_url": request.getfixturevalue("s3_url")}
        settings = settings.model_copy(update=update)
    first = load(settings, years(settings))
    snapshot_history(settings, first, now=NOW)

    def never(*_words, **_named):
        raise AssertionError("rows were pulled again")

    monkeypatch.setattr("pipeline.sources.socrata.SocrataDataset.fetch", never)
    again = load(settings, years(settings))
    assert [piece["was_held"] for piece in again] == [True] * len(again)
    assert [piece["ref"] for piece in again] == [piece["ref"] for piece in first]
    snapshot_history(settings, again, now=NOW.replace(day=2))
    assert len(Lake(settings.lake_root).snapshots("chicago", CHICAGO)) == 1


def test_a_weekly_pull_after_it_takes_the_snapshot_as_its_own(settings):
    snapshot_history(settings, load(settings, years(settings)), now=NOW)
    plan = make_plan(settings, city="chicago", issue_date="2018-03-01", now=NOW)
    pulled = pull.pull_crime(settings, plan, now=NOW.replace(hour=20))
    [snapshot] = Lake(settings.lake_root).snapshots("chicago", CHICAGO)
    assert Ref.from_json(pulled["snapshots"][CHICAGO]) == snapshot.ref


def test_a_source_refreshed_in_between_is_loaded_anew(settings, monkeypatch):
    pieces = years(settings)
    old = load(settings, pieces[:1])
    later = datetime(2018, 3, 1, 16, tzinfo=UTC)
    monkeypatch.setattr("pipeline.sources.socrata.SocrataDataset.updated_at", lambda self: later)
    mixed = old + load(settings, pieces[1:])
    with pytest.raises(WeekNotReady, match="was refreshed while its years were pulled"):
        snapshot_history(settings, mixed, now=NOW)
    again = load(settings, pieces)
    assert [piece["was_held"] for piece in again] == [False] + [True] * (len(pieces) - 1)
    assert snapshot_history(settings, again, now=NOW)["rows"] == {CHICAGO: 25_200}
    assert history._held(Lake(settings.lake_root), pieces[0]) == Ref.from_json(again[0]["ref"])
