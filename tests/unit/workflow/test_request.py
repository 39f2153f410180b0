"""What may be asked for, and the reason where it may not."""

from datetime import UTC, date, datetime

import pytest

from pipeline.domain.city import load_city
from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.replay.server import ReplayServer
from pipeline.replay.simulator import simulate
from pipeline.settings import Settings
from pipeline.workflow.plan import make_plan
from pipeline.workflow.request import check_issue_date, check_request, day_meant

NOW = datetime(2026, 11, 25, 15, tzinfo=UTC)
FORM = {
    "city": "los_angeles",
    "issue_date": None,
    "training": "auto",
    "publish": True,
    "notes": None,
}


def asked(given, form=FORM, **chosen):
    how = {"run_type": "manual", "logical_date": None, "now": NOW, **chosen}
    check_request(Settings(), given, form, **how)


@pytest.mark.parametrize("given", [{}, FORM, {"issue_date": "2026-11-25"}, {"publish": False}])
def test_what_can_be_run_passes(given):
    asked(given)


@pytest.mark.parametrize("how", ["manual", "backfill"])
def test_a_name_that_the_form_lacks_is_refused_with_the_one_that_was_meant(how):
    with pytest.raises(InvalidRequest, match=r"no field 'isue_date'.*mean issue_date\?"):
        asked({"isue_date": "2026-11-04"}, run_type=how)
    with pytest.raises(InvalidRequest, match=r"no field 'colour'\. Known fields: city\.$"):
        asked({"colour": "red"}, {"city": "los_angeles"})


def test_a_form_without_a_date_has_none_to_check():
    asked({}, {"city": "los_angeles"}, logical_date=datetime(2030, 1, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    "wrong", [{"issue_date": "2030-01-02"}, {"logical_date": datetime(2030, 1, 2, tzinfo=UTC)}]
)
def test_the_future_is_refused(wrong):
    given = {k: v for k, v in wrong.items() if k == "issue_date"}
    with pytest.raises(WeekNotReady, match="2030-01-02 lies after today, 2026-11-25"):
        asked(given, logical_date=wrong.get("logical_date"))


def test_a_day_before_the_citys_first_report_is_refused():
    with pytest.raises(InvalidRequest, match=r"first report of Los Angeles, which is of 2010-01-0"):
        asked({"issue_date": "2009-12-30"})
    with pytest.raises(InvalidRequest, match="which is of 2024-01-01"):
        check_issue_date(
            Settings(history_start="2024-01-01"),
            load_city("los_angeles"),
            date(2023, 12, 31),
            now=NOW,
        )


def test_a_backfill_that_begins_before_the_first_report_is_refused():
    with pytest.raises(InvalidRequest, match="2009-12-31 lies before the first report"):
        asked({}, run_type="backfill", logical_date=datetime(2009, 12, 24, tzinfo=UTC))
    asked({}, run_type="backfill", logical_date=datetime(2009, 12, 25, tzinfo=UTC))


def test_a_backfill_with_an_issue_date_is_refused():
    start = datetime(2026, 10, 1, tzinfo=UTC)
    with pytest.raises(InvalidRequest, match="would make all of them that one"):
        asked({"issue_date": "2026-11-11"}, run_type="backfill", logical_date=start)
    asked({"issue_date": None, "training": "reuse"}, run_type="backfill", logical_date=start)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-04T00:00:00+00:00", date(2026, 11, 4)),  # a date without a time
        ("2026-11-04T06:30:00+00:00", date(2026, 11, 3)),  # the evening before, in Los Angeles
        ("2026-11-04T08:00:00+00:00", date(2026, 11, 4)),  # midnight there
    ],
)
def test_a_logical_date_stands_for_a_day_of_the_citys(moment, day):
    assert day_meant(datetime.fromisoformat(moment), load_city("los_angeles")) == day


@pytest.fixture(scope="module")
def replayed():
    with ReplayServer(simulate(3, date(2024, 2, 25), date(2024, 5, 4))) as server:
        yield Settings(replay_url=server.url), server.source


def test_a_replay_ahead_of_the_clock_takes_days_until_the_one_it_shows(replayed):
    settings, source = replayed
    city, before = load_city("los_angeles"), datetime(2001, 1, 1, tzinfo=UTC)
    check_issue_date(settings, city, source.shown_day, now=before)
    with pytest.raises(WeekNotReady, match=f"{source.shown_day}, the day that the replay shows"):
        check_issue_date(settings, city, date(2030, 1, 2), now=before)


def test_a_replay_behind_the_clock_takes_days_until_today(replayed):
    settings, city = replayed[0], load_city("los_angeles")
    check_issue_date(settings, city, NOW.date(), now=NOW)
    with pytest.raises(WeekNotReady, match="after today, 2026-11-25"):
        check_issue_date(settings, city, date(2026, 11, 26), now=NOW)


@pytest.mark.parametrize("chosen", [{"data_interval_end": NOW}, {"logical_date": NOW}])
def test_the_present_of_a_replay_is_the_day_that_it_shows(replayed, chosen):
    settings, source = replayed
    asked = {"city": "los_angeles", "issue_date": None, "now": NOW, **chosen}
    made = make_plan(settings, **asked)
    assert (made.issue_date, made.is_current) == (source.shown_day, False)
    assert make_plan(Settings(), **asked).issue_date == date(2026, 11, 25)
    given = make_plan(settings, **{**asked, "issue_date": "2026-11-25"})
    assert given.issue_date == date(2026, 11, 25)
    if "data_interval_end" in chosen:
        scheduled = make_plan(settings, **asked, occasion="scheduled")
        assert scheduled.issue_date == date(2026, 11, 25)


def test_its_first_report_is_the_citys(replayed):
    settings, source = replayed
    with pytest.raises(InvalidRequest, match=f"which is of {source.first_day}"):
        check_issue_date(settings, load_city("los_angeles"), date(2020, 1, 1), now=NOW)


def test_one_that_gives_no_answer_says_nothing_of_its_days():
    gone, city = Settings(replay_url="http://127.0.0.1:1"), load_city("los_angeles")
    check_issue_date(gone, city, date(2020, 1, 1), now=NOW)
    with pytest.raises(WeekNotReady, match="after today"):
        check_issue_date(gone, city, date(2026, 11, 26), now=NOW)
