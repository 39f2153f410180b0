"""What people come for, from the page as it opens: each done in four clicks or fewer, counted."""

import io

import pandas as pd
import pytest

from pipeline.domain.city import load_city
from pipeline.grid.neighbourhoods import neighbourhoods
from tests.e2e.conftest import NEEDS_THE_PAGE
from tests.e2e.page_steps import KNOWN, open_page, wait_for
from tests.made_up_year import CITY

pytestmark = NEEDS_THE_PAGE
MOST = 4
PLACE = "Mid-City"


class Counted:
    """A page that counts what its user does; typing a word into a field is the click into it."""

    def __init__(self, page):
        self.page, self.clicks = page, 0

    def click(self, selector):
        self.clicks += 1
        self.page.click(selector)

    def type(self, selector, text):
        self.click(selector)
        self.page.keyboard.type(text)

    def hover(self, selector, **options):
        self.clicks += 1
        self.page.hover(selector, **options)


@pytest.fixture
def user(page, address):
    open_page(page, address)
    counted = Counted(page)
    yield counted
    assert 0 < counted.clicks <= MOST


@pytest.fixture
def there(year):
    """The busiest cell of a named place, as the store has it."""
    cells = year.cells_frame(CITY, KNOWN)
    named = neighbourhoods(load_city(CITY))[cells["row"], cells["col"]] == PLACE
    return cells[named].sort_values("rank").iloc[0]


def choose(user, there):
    user.type("#filter", PLACE)
    user.click("#cells tbody tr[data-cell] button")
    user.page.wait_for_selector(f'#cell[data-cell="{there["row"]},{there["col"]}"]')


def facts(page):
    return dict(
        zip(
            page.locator("#cell dt").all_inner_texts(),
            page.locator("#cell dd").all_inner_texts(),
            strict=True,
        )
    )


def test_how_many_reports_are_expected_near_a_named_place(user, there):
    choose(user, there)
    assert facts(user.page)["Expected"] == f"{there['mean']:.2f} reports"
    assert PLACE in user.page.inner_text("#cell h2 + p")


def test_whether_this_week_is_unusual_there(user, there):
    choose(user, there)
    found = facts(user.page)
    assert found["Expected"] == f"{there['mean']:.2f} reports"
    assert found["Long-run average"] == f"{there['long_run_mean']:.2f} a week"


def test_whether_last_months_forecast_was_right_there(user, there, year):
    choose(user, there)
    past = year.cell_past(CITY, int(there["row"]), int(there["col"]))
    figure = user.page.locator("#cell figure .u-over").bounding_box()
    user.hover("#cell figure .u-over", position={"x": figure["width"] * 0.9, "y": 20})
    text = user.page.get_attribute("#cell figure[role=slider]", "aria-valuetext")
    assert "reports expected" in text
    assert "Counted: " in text
    assert len(past) > 40


def test_whether_this_weeks_data_can_be_trusted(user):
    user.click('[data-view="trust"]')
    wait_for(user.page, KNOWN, "trust")
    assert user.page.inner_text("#verdict").startswith("Do not use: ")


def test_the_figures_in_a_spreadsheet(user, year):
    with user.page.expect_download() as download:
        user.click("#downloads a:has-text('CSV table')")
    table = pd.read_csv(io.BytesIO(download.value.path().read_bytes()))
    stored = year.cells_frame(CITY, KNOWN)
    assert table["rank"].tolist() == stored["rank"].tolist()
    assert table["mean"].to_numpy() == pytest.approx(stored["mean"].to_numpy(), rel=1e-3)
