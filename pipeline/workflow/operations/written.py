"""What a step wrote, in the few facts that a catalogue of data keeps."""

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.lake.lake import Ref
from pipeline.workflow.load_history import Snapshotted
from pipeline.workflow.plan import Plan
from pipeline.workflow.step_results import (
    Decision,
    Forecasted,
    Gridded,
    Published,
    Pulled,
    Trained,
    Validated,
)

Facts = dict[str, Any]


def facts_written(step: str, inputs: Sequence[Any], result: Any) -> Facts | None:  # noqa: ANN401
    """Return the facts of what a step wrote; None if it wrote nothing that others build on.

    All hold `city`, `rows` and `sha256`, by dataset where there are several; all but those of a
    history hold `week`, the target week that it was written for.

    Args:
        step: name of the step.
        inputs: what it was called with.
        result: what it returned.
    """
    facts_of = FACTS.get(step)
    return facts_of(*inputs, result) if facts_of else None


def _of_pull(plan: Plan, pulled: Pulled) -> Facts | None:
    if not pulled["stored"]:
        return None
    return {
        **_head(plan),
        "provenance": pulled["provenance"],
        "rows": {name: snapshot["rows"] for name, snapshot in pulled["stored"].items()},
        "sha256": {name: snapshot["sha256"] for name, snapshot in pulled["stored"].items()},
    }


def _of_history(_pieces: object, made: Snapshotted) -> Facts:
    return {**made}


def _of_grid(plan: Plan, validated: Validated, grid: Gridded) -> Facts:
    return {
        **_head(plan),
        "edge_week": grid["edge_week"],
        "provenance": validated["provenance"],
        "rows": grid["tally"]["rows"],
        "sha256": Ref.from_json(grid["ref"]).sha256,
    }


def _of_training(plan: Plan, grid: Gridded, _decision: Decision, made: Trained) -> Facts | None:
    return None if made["mode"] == "reuse" else _of_model(plan, grid, made)


def _of_model(plan: Plan, grid: Gridded, made: Trained) -> Facts:
    return {
        **_head(plan),
        "trained_through": made["trained_through"],
        "mode": made["mode"],
        "version": made["version"],
        "rows": grid["tally"]["rows"],
        "sha256": made["sha256"],
    }


def _of_forecast(
    plan: Plan,
    validated: Validated,
    grid: Gridded,
    _trained: Trained,
    made: Forecasted,
    published: Published,
) -> Facts | None:
    if not published["revision"]:
        return None
    return {
        **_head(plan),
        "edge_week": grid["edge_week"],
        "horizon": grid["horizon"],
        "provenance": validated["provenance"],
        "expected": made["city_mean"],
        "revision": published["revision"],
        "rows": published["cells"],
        "sha256": published["forecast_sha256"],
    }


def _head(plan: Plan) -> Facts:
    weeks = {"week": plan.target_week.isoformat(), "issue_date": plan.issue_date.isoformat()}
    return {"city": plan.city, **weeks}


FACTS: dict[str, Callable[..., Facts | None]] = {
    "pull_crime": _of_pull,
    "pull_weather": _of_pull,
    "snapshot_history": _of_history,
    "build_grid": _of_grid,
    "train": _of_training,
    "train_challenger": _of_model,
    "publish": _of_forecast,
}
