"""When a week's input fails, the last good forecast keeps serving, and says that it is stale."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from pipeline.domain.errors import (
    DatasetMoved,
    HotspotsError,
    QualityGateFailed,
    SchemaDrift,
    SourceUnavailable,
    StaleData,
    WeekNotReady,
)
from pipeline.domain.weeks import parse_date
from pipeline.results.store import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan, issue_date_of

INPUT_FAILED = (SourceUnavailable, DatasetMoved, SchemaDrift, QualityGateFailed, StaleData)
Rest = ParamSpec("Rest")
Result = TypeVar("Result")
Step = Callable[Concatenate[Settings, Plan, Rest], Result]


def marks_stale(step: Step[Rest, Result]) -> Step[Rest, Result]:
    """Wrap a step so that a failure of its input marks the forecast that keeps serving."""

    @wraps(step)
    def marked(
        settings: Settings, plan: Plan, /, *args: Rest.args, **kwargs: Rest.kwargs
    ) -> Result:
        try:
            return step(settings, plan, *args, **kwargs)
        except INPUT_FAILED as error:
            _mark(settings, plan, error)
            raise

    return marked


def _mark(settings: Settings, plan: Plan, error: HotspotsError) -> None:
    """Mark the city's last forecast, unless it is for this week or a later one."""
    store = ResultsStore(settings.results_database)
    try:
        latest = store.latest(plan["city"])
    except WeekNotReady:
        return
    if plan["publish"] and latest.record.weeks.target_week < parse_date(plan["target_week"]):
        store.mark_stale(plan["city"], f"{type(error).__name__}: {error}", issue_date_of(plan))
