"""Validate: what was known on the issue date, checked row by row and as a whole."""

from datetime import timedelta
from pathlib import Path

from pipeline.domain.errors import QualityGateFailed
from pipeline.lake.lake import Lake
from pipeline.quality.gate import GateReport, check_incidents, check_weather, health_rows
from pipeline.settings import Settings
from pipeline.sources import weather
from pipeline.workflow.checked import write_checked
from pipeline.workflow.operations.staleness import marks_stale
from pipeline.workflow.plan import Plan
from pipeline.workflow.published import Published, as_published
from pipeline.workflow.reads import Reads, Snapshots
from pipeline.workflow.refusals import note_refused
from pipeline.workflow.step_results import Pulled, Validated

WEATHER_KNOWN_AFTER = timedelta(days=1)


@marks_stale
def validate(
    settings: Settings,
    plan: Plan,
    crime_pull: Pulled,
    weather_pull: Pulled,
    *,
    reads: Reads | None = None,
) -> Validated:
    """Make incidents and daily weather of the snapshots, as known on the issue date, and check.

    Raises:
        QualityGateFailed, StaleData: a check that stops the week failed.
    """
    city, lake, issued = settings.city(plan.city), Lake(settings.lake_root), plan.issue_date
    reads, snapshots = reads or Reads(), tuple(crime_pull["snapshots"].items())
    build = reads.incidents(lake, city, snapshots)
    public = as_published(lake, city, plan, snapshots, build.incidents, reads)
    gate = _check_incidents(settings, plan, public, snapshots, reads)
    weather_gate = _check_weather(settings, plan, weather_pull, reads)
    health = [*health_rows(gate), *health_rows(weather_gate)]
    pulled = {"snapshots": crime_pull["snapshots"], "weather": weather_pull["snapshots"]}
    info = {"issue_date": issued.isoformat(), **pulled}
    ref = write_checked(lake, city.name, gate, weather_gate, public.archive, info)
    return Validated(
        ref=ref.to_json(),
        known_through=public.known_through.isoformat(),
        provenance=crime_pull["provenance"],
        snapshot_age_days=(issued - public.known_through).days,
        rows_in=build.rows_in,
        dropped=build.dropped,
        not_yet_known=build.incidents.num_rows - public.incidents.num_rows,
        accepted=gate.accepted.num_rows,
        quarantined_rows=len(gate.left_out),
        quarantined=_by_reason(gate),
        health=health,
        data_docs=str(gate.docs_path) if gate.docs_path else None,
        notes=[*crime_pull["notes"], *weather_pull["notes"], *public.notes],
    )


def _check_incidents(
    settings: Settings, plan: Plan, public: Published, snapshots: Snapshots, reads: Reads
) -> GateReport:
    """Return what came of the checks of the reports known on the issue date.

    Snapshots of that time that fail are noted as refused, so that the next run pulls anew.
    """
    city, lake, docs = settings.city(plan.city), Lake(settings.lake_root), _docs_dir(settings, plan)
    try:
        return check_incidents(
            city,
            public.incidents,
            issue_date=plan.issue_date,
            known_through=public.known_through,
            docs_dir=docs and docs / "incidents",
            judged=reads.judged(city, public.archive),
            vintages=() if public.archive else reads.vintages(lake, city, snapshots),
        )
    except QualityGateFailed:
        if public.archive is None:
            note_refused(lake, city.name, snapshots)
        raise


def _check_weather(settings: Settings, plan: Plan, pulled: Pulled, reads: Reads) -> GateReport:
    """Return what came of the checks of the weather known on the issue date."""
    city, lake, docs = settings.city(plan.city), Lake(settings.lake_root), _docs_dir(settings, plan)
    snapshots = tuple(pulled["snapshots"].items())
    known = weather.merge_weather(
        reads.weather(lake, snapshots), plan.issue_date - WEATHER_KNOWN_AFTER
    )
    return check_weather(
        city,
        known,
        issue_date=plan.issue_date,
        docs_dir=docs and docs / "weather",
        verdicts=reads.weather_verdicts(lake, city, snapshots),
    )


def _docs_dir(settings: Settings, plan: Plan) -> Path | None:
    return settings.data_docs_dir(plan.city, plan.issue_date) if plan.files else None


def _by_reason(gate: GateReport) -> dict[str, int]:
    counts = gate.quarantined.group_by("reason").aggregate([("reason", "count")])
    return dict(zip(counts["reason"].to_pylist(), counts["reason_count"].to_pylist(), strict=True))
