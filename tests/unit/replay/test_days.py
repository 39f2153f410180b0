"""Which days a replay says that it has."""

from datetime import date

from pipeline.settings import Settings
from pipeline.sources.replayed import ReplayedDays, replayed_days
from tests.unit.replay.conftest import LEGACY, NIBRS


def test_its_days_are_from_the_first_report_to_the_day_it_shows(server):
    known = replayed_days(Settings(replay_url=server.url), [LEGACY, NIBRS])
    assert known == ReplayedDays(date(2023, 3, 1), date(2026, 11, 25))


def test_of_datasets_without_rows_it_has_no_days(server):
    settings = Settings(replay_url=server.url)
    assert replayed_days(settings, [NIBRS]) is None
    assert replayed_days(settings, ["none-such"]) is None


def test_without_a_replay_or_an_answer_there_are_none():
    assert replayed_days(Settings(), [LEGACY]) is None
    assert replayed_days(Settings(replay_url="http://127.0.0.1:1"), [LEGACY]) is None
