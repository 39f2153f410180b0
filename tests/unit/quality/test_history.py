"""What a snapshot still holds of the one before it."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.weeks import EPOCH
from pipeline.quality.evidence import Evidence
from pipeline.quality.history import Vintage, parts
from pipeline.quality.measures import least_kept_pct, most_grown_pct

DAY = date(2026, 3, 1)
TODAY = (DAY - EPOCH).days


def vintage(days_ago: dict[int, int], day: date = DAY, offence_class: str = "robbery") -> Vintage:
    """Return a snapshot with so many rows of the days so long before 2026-03-01."""
    reports = pd.DataFrame({"day": [TODAY - k for k in days_ago], "rows": days_ago.values()})
    return Vintage("k7nn-b2ep", day, reports.assign(offence_class=offence_class))


def every_day(first: int, last: int, rows: int = 10) -> dict[int, int]:
    return dict.fromkeys(range(last, first), rows)


def seen(before: Vintage, after: Vintage) -> Evidence:
    return Evidence(None, DAY, pd.DataFrame(), 0, DAY, ((before, after),))


def test_a_snapshot_that_only_grew_kept_all():
    before, after = vintage(every_day(700, 10)), vintage(every_day(700, 3), DAY + timedelta(7))
    assert least_kept_pct(seen(before, after)).value == pytest.approx(100)
    assert most_grown_pct(seen(before, after)).value == pytest.approx(100)


def test_a_year_that_lost_rows_is_named_with_what_it_held():
    lost = every_day(700, 10) | every_day(500, 200, rows=4)
    measure = least_kept_pct(seen(vintage(every_day(700, 10)), vintage(lost)))
    # 3,650 rows of 2025, of which 60 % of 300 days' ten are gone, but for 59 days of 2026.
    assert measure.found.startswith("6")
    assert "rows of k7nn-b2ep, 2025, where the snapshot before held 3,650" in measure.found
    assert measure.rows > 1000


def test_a_class_whose_code_was_renamed_everywhere_is_lost():
    reports = every_day(700, 10)
    other = vintage(reports, offence_class="other")
    before = vintage(reports).reports
    both = Vintage("k7nn-b2ep", DAY, pd.concat([before, other.reports]))
    after = Vintage("k7nn-b2ep", DAY, pd.concat([other.reports, other.reports]))
    measure = least_kept_pct(seen(both, after))
    assert measure.value == 0
    assert "0 rows of k7nn-b2ep, robbery, where the snapshot before held 6,900" in measure.found


def test_a_feed_of_the_last_months_may_let_its_oldest_days_go():
    before = vintage(every_day(100, 3))
    after = vintage(every_day(93, -4), DAY + timedelta(7))
    assert least_kept_pct(seen(before, after)).value >= 100
    cut_short = vintage(every_day(40, -4), DAY + timedelta(7))
    assert least_kept_pct(seen(before, cut_short)).value < 60


def test_growth_of_old_years_is_found_and_that_of_new_days_is_not():
    before = vintage(every_day(700, 10))
    late = vintage(every_day(700, 10) | every_day(80, 10, rows=20))
    assert most_grown_pct(seen(before, late)).value == pytest.approx(100)
    refilled = vintage(every_day(700, 10) | every_day(700, 500, rows=20))
    assert most_grown_pct(seen(before, refilled)).value > 110


def test_few_rows_prove_nothing():
    few, fewer = vintage(every_day(40, 0, rows=1)), vintage(every_day(20, 0, rows=1))
    assert least_kept_pct(seen(few, fewer)).value is None
    assert least_kept_pct(seen(vintage({}), vintage({}))).value is None


def test_the_snapshots_of_a_live_feed_keep_what_they_held(shared_data):
    frame = pd.read_parquet(shared_data / "san_francisco" / "snapshots_2026.parquet")
    days = {
        name: pd.to_datetime(frame[name]).dt.tz_localize(None).to_numpy("datetime64[D]").astype(int)
        for name in ("occurred_on", "first_seen", "last_seen")
    }
    vintages = []
    for day in np.unique([days["first_seen"], days["last_seen"]]):
        is_held = (days["first_seen"] <= day) & (days["last_seen"] >= day)
        reports = pd.DataFrame({"day": days["occurred_on"], "offence_class": frame["offence"]})
        reports = reports[is_held].groupby(["day", "offence_class"], as_index=False).size()
        reports = reports.rename(columns={"size": "rows"})
        vintages.append(Vintage("none", EPOCH + timedelta(days=int(day)), reports))
    assert len(vintages) == 91
    for step in (1, 7, 30):
        pairs = zip(vintages[:-step], vintages[step:], strict=True)
        kept = [least_kept_pct(seen(*pair)).value for pair in pairs]
        assert min(kept) > 99


def test_every_year_and_class_is_a_part():
    found = parts(vintage(every_day(700, 10)), vintage(every_day(700, 10)))
    assert [part.name for part in found] == ["2024", "2025", "2026", "robbery"]
    assert {part.pct for part in found} == {100}
