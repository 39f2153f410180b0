"""What several commands share: their settings, a replay beside them, and progress."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

import typer
from rich.text import Text

from pipeline.clock import utc_now
from pipeline.console import Terminal, progress_bar
from pipeline.domain.city import City
from pipeline.domain.errors import InvalidRequest
from pipeline.settings import Settings, get_settings

if TYPE_CHECKING:
    from datetime import date

    from pipeline.workflow.plan import Plan
    from pipeline.workflow.step_results import Gridded, Validated

CityOption = Annotated[
    str, typer.Option("--city", help="Name of a city, or path of its TOML file.")
]


@contextmanager
def session(name_or_path: str, source_dir: Path | None) -> Iterator[tuple[Settings, City]]:
    """Give the settings and the city of a command, beside a replay of recorded files if asked for.

    A replay writes to a folder of its own, so that recorded and live data never mix.
    """
    settings, city = get_settings().with_city(name_or_path)
    if source_dir is None:
        yield settings, city
        return
    if not source_dir.is_dir():
        raise InvalidRequest(f"--source-dir {source_dir} is no folder.")
    from pipeline.replay.recorded import RecordedData
    from pipeline.replay.server import ReplayServer

    with ReplayServer(RecordedData(source_dir, city=city)) as server:
        own = settings.moved_to(settings.home / "recorded")
        yield own.model_copy(update={"replay_url": server.url}), city


class Steps:
    """Progress of a command: one line per step that is done, a moving one for the present."""

    def __init__(self, label: str) -> None:
        """Start silent; `label` names the whole."""
        self.label = label
        self.console = Terminal(stderr=True)
        self._bar = progress_bar(self.console)
        self._task = self._bar.add_task(label, total=None)
        self._step: str | None = None
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        """Show the progress."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the progress off the screen."""
        self._bar.stop()

    def start(self, step: str) -> None:
        """Say that a step begins, and so that the one before is done."""
        self.finish()
        self._step, self._since = step, time.monotonic()
        self._bar.update(self._task, description=f"{self.label}: {step}", total=None, completed=0)

    def progress(self, done: int, total: int) -> None:
        """Show how much of the present step is done."""
        self._bar.update(self._task, completed=done, total=total)

    def stage(self, name: str, done: int, total: int) -> None:
        """Show a step and how much of it is done."""
        if name != self._step:
            self.start(name)
        self.progress(done, total)

    def finish(self) -> None:
        """Print the present step as done."""
        self._end("done", "green")

    def fail(self) -> None:
        """Print the present step as failed."""
        self._end("failed", "red")

    def _end(self, how: str, style: str) -> None:
        if self._step is not None:
            seconds = time.monotonic() - self._since
            said = f" {self.label}: {self._step} ({seconds:.1f} s)"
            self.console.print(Text.assemble((how, style), said))
        self._step = None


def to_cube(
    settings: Settings, city: City, issue_date: str | date | None, steps: Steps
) -> tuple[Plan, Validated, Gridded]:
    """Run the weekly steps up to the cube, for nothing to be published; default as of today."""
    from pipeline.workflow.plan import make_plan
    from pipeline.workflow.run import run_to_cube

    now = utc_now()
    plan = make_plan(
        settings,
        city=city.name,
        issue_date=issue_date,
        data_interval_end=now,
        publish=False,
        now=now,
    )
    return plan, *run_to_cube(settings, plan, now=now, watch=steps.start)


def warning(words: str) -> Text:
    """Return words that can't be missed; none stay none."""
    return Text(f"WARNING: {words}" if words else "", style="bold red")
