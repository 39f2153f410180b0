"""What a week was made from, what its checks found, and whether it can be trusted."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pipeline.quality.rules import RULES
from pipeline.results.page.schemas import Check, WeekHealth
from pipeline.results.page.track_record import skill_known
from pipeline.results.page.verdict import Evidence, losses, verdict
from pipeline.results.page.views import run_facts
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import Settings


def week_health(
    store: ResultsReader, city: str, week: date, settings: Settings | None = None
) -> WeekHealth:
    """Return what a week was made from and what the checks of it found.

    The settings say where the reports of all checks lie and are served, if they are.

    Raises:
        WeekNotReady: the week has no forecast.
    """
    run, stale = store.run(city, week), store.status(city).stale
    record, is_last = run.record, stale is not None and stale.last_week == week
    checks = [check_in_words(check) for check in store.health(city, week, run.revision)]
    # The track record as it was known when the forecast was made, not as it is now.
    edge_week = record.weeks.edge_week
    known_weeks, weeks_inside = store.totals_inside(city, edge_week)
    return WeekHealth(
        run=run_facts(run),
        verdict=verdict(
            Evidence(
                provenance=record.provenance,
                checks=checks,
                tally=record.tally,
                is_stale=is_last,
                is_backfill=run.is_backfill,
                known_weeks=known_weeks,
                weeks_inside=weeks_inside,
                skill=skill_known(store, city, edge_week),
            )
        ),
        losses=losses(record.tally),
        tally=dict(record.tally),
        checks=checks,
        notes=list(record.notes),
        input_sha256=record.input_sha256,
        model_sha256=record.model_sha256,
        config_sha256=record.config_sha256,
        code_version=record.code_version,
        model_version=record.model_version,
        has_card=store.has_card(city, record.model_version),
        # Airflow allows no space in a run's name; the command line's names have some.
        airflow_run=record.run_id if "/" in record.run_id else None,
        data_docs=settings and data_docs_of(settings, city, record.weeks.issue_date),
        stale_detail=stale.detail if stale and is_last else None,
    )


def check_in_words(stored: Mapping[str, Any]) -> Check:
    """Return a stored outcome with what the check means and what to do when it fails."""
    rule = RULES.get(stored["name"])  # one that is no longer made has none
    meaning = rule.meaning if rule else stored["name"].replace("_", " ")
    return Check(**stored, meaning=meaning, action=rule and rule.action)


def data_docs_of(settings: Settings, city: str, issue_date: date) -> str | None:
    """Return the address of a run's Data Docs; None where they aren't served or none were made."""
    url = settings.data_docs_url
    if url is None or not settings.data_docs_dir(city, issue_date).is_dir():
        return None
    return f"{url.rstrip('/')}/{city}/{issue_date}/incidents/index.html"
