"""Airflow's own pages as a person uses them: its forms, its backfill dialog, what waits for one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.conftest import SHOTS

SCREEN = {"width": 1280, "height": 1000}
LONGEST_MS = 120_000  # a busy machine's server takes its time


@contextmanager
def logged_in(browser: Any, airflow: Any, user: str) -> Iterator[Any]:
    """Give a page of the browser on which the user is logged in."""
    context = browser.new_context(
        viewport=SCREEN, permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    page.set_default_timeout(LONGEST_MS)
    page.goto(f"{airflow.address}/auth/login/")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", airflow.password(user))
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url)
    yield page
    context.close()


class Form:
    """The dialog behind a DAG's button *Trigger*."""

    def __init__(self, page: Any, address: str, dag: str) -> None:
        """Open it, leaving a paused DAG paused."""
        page.goto(f"{address}/dags/{dag}")
        page.get_by_role("button", name="Trigger").first.click()
        self._page, self.trigger = page, page.get_by_test_id("trigger-dag-submit")
        self.trigger.wait_for()
        self.dialog = page.get_by_role("dialog").filter(has=page.get_by_role("heading", name=dag))
        self._leave_paused()

    def choose_backfill(self, first: str, last: str) -> Any:
        """Turn to the backfill of these days, YYYY/MM/DD, and return its button."""
        self.dialog.get_by_text("Backfill", exact=True).click()
        self.dialog.get_by_text("Date Range").wait_for()
        self._leave_paused()
        calendar = self._page.locator("[data-scope=popover][data-part=content]:visible")
        for place, day in enumerate((first, last)):
            self.dialog.get_by_test_id("datetime-input").nth(place).click()
            calendar.get_by_placeholder("YYYY/MM/DD").fill(day)
            self._page.keyboard.press("Enter")
            self.dialog.get_by_role("heading", name="Run Backfill").click()
            calendar.wait_for(state="hidden")
        return self.dialog.get_by_role("button", name="Run Backfill")

    def fill(self, name: str, value: str) -> None:
        """Fill a field of the form."""
        self.dialog.locator(f"#element_{name}").fill(value)

    def open_part(self, name: str) -> None:
        """Open a part of the form that is folded."""
        self.dialog.get_by_role("button", name=name).click()

    def paste_json(self, text: str) -> None:
        """Paste over the whole of the configuration."""
        self.open_part("Advanced Options")
        self.dialog.locator(".monaco-editor").first.click()
        self._page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self._page.keyboard.press("Control+A")
        self._page.keyboard.press("Control+V")
        self.dialog.get_by_role("heading").first.click()  # leaves the editor

    def shows(self, reason: str) -> None:
        """Wait until the form says this, and bring it into view."""
        said = self.dialog.get_by_text(reason)
        said.wait_for()
        said.scroll_into_view_if_needed()

    def _leave_paused(self) -> None:
        box = self.dialog.get_by_text("Unpause")
        if box.count():
            box.click()


def answer_required_action(page: Any, address: str, answer: str) -> None:
    """Answer what `approve` asks, from the list *Required Actions*."""
    page.goto(address)
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="Required Actions").click()
    page.get_by_role("link", name="Promote a model").first.click()
    page.get_by_text("The challenger is").first.wait_for()
    page.screenshot(path=SHOTS / "approve.png")
    with page.expect_response(lambda said: said.request.method == "PATCH") as answered:
        page.get_by_test_id(f"hitl-option-{answer}").click()
    assert answered.value.ok
    page.screenshot(path=SHOTS / "approved.png")
