"""The mail of a week's report: what it says, and whether it is due."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.files import exclusive, write_file
from pipeline.results.page.track_record import scores
from pipeline.results.page.views import week_forecast
from pipeline.results.page.week_health import week_health
from pipeline.results.products.dates import day_words, week_words
from pipeline.results.products.week_report import CAVEATS, report_page, three_figures
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan

END = (
    "You get this because the installation has your address, as it would give you a login. The "
    "report shows single cells: pass it on only to those it is meant for "
    "(docs/responsible-use.md)."
)


@dataclass(frozen=True)
class Mail:
    """A week's report as a mail.

    Attributes:
        subject: one line.
        text: the body, plain.
        report: the printed sheet, HTML.
        file_name: of the sheet.
        key: the same for the same forecast.
    """

    subject: str
    text: str
    report: str
    file_name: str
    key: str


def one_mailer(settings: Settings) -> AbstractContextManager[None]:
    """Wait for whoever mails reports just now: two runs of a week would both find it due."""
    return exclusive(settings.home / "mails" / "lock")


def mail_due(settings: Settings, planned: Mapping[str, Any]) -> Mail | None:
    """Return the mail of a run's week; None where it was sent before.

    A dry run has none, nor has a week that was forecast only after it had begun.

    Args:
        settings: the installation.
        planned: the run's plan as JSON.

    Raises:
        WeekNotReady: the week has no forecast.
    """
    plan = Plan.model_validate(planned)
    if not plan.publish:
        return None
    store = ResultsReader(settings.results_database)
    run = store.run(plan.city, plan.target_week)
    key = f"{plan.city}-{plan.target_week}-{run.record.forecast_sha256[:16]}"
    if run.is_backfill or _note(settings, key).exists():
        return None
    return _mail(settings, store, plan, key)


def note_sent(settings: Settings, mail: Mail) -> None:
    """Remember under `home` that a mail was sent."""
    write_file(_note(settings, mail.key), f"{mail.subject}\n\n{mail.text}".encode())


def _note(settings: Settings, key: str) -> Path:
    return settings.home / "mails" / f"{key}.txt"


def _mail(settings: Settings, store: ResultsReader, plan: Plan, key: str) -> Mail:
    city, week = settings.city(plan.city), plan.target_week
    forecast, health = week_forecast(store, city, week), week_health(store, city.name, week)
    cells, run = store.cells_frame(city.name, week), forecast.run
    figures = three_figures(city, forecast, cells, scores(store, city.name))
    revised = f", revision {run.revision}" if run.revision > 1 else ""
    origin = "" if run.provenance == "live" else f" ({run.provenance} data)"
    made = (
        f"Issued {day_words(city, run.issue_date)} from {run.provenance} data, on whole weeks up "
        f"to that of {day_words(city, run.edge_week)}; {run.model}."
    )
    parts = [
        f"{city.title}: week of {week_words(city, week)}",
        run.banner,
        "\n".join(f"{value} {text}" for value, text in figures),
        health.verdict.sentence,
        made,
        "\n".join(CAVEATS),
        "The report is attached; it prints on one sheet.",
        f"{END} {_how_to_end(settings)}",
    ]
    return Mail(
        subject=f"{city.title}, week of {week_words(city, week)}{revised}{origin}",
        text="\n\n".join(filter(None, parts)) + "\n",
        report=report_page(store, city, week),
        file_name=f"{city.name}_{week}_report.html",
        key=key,
    )


def _how_to_end(settings: Settings) -> str:
    is_set = settings.contact != Settings.model_fields["contact"].default
    return f"To get no more, ask {settings.contact if is_set else 'those who run it'}."
