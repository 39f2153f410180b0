"""When the awaited week's input fails, the last good forecast keeps serving, and says so."""

import logging
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
    StoreOutdated,
    WeekNotReady,
)
from pipeline.masking import hidden
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan

INPUT_FAILED = (SourceUnavailable, DatasetMoved, SchemaDrift, QualityGateFailed, StaleData)
log = logging.getLogger(__name__)
Rest = ParamSpec("Rest")
Result = TypeVar("Result")
Step = Callable[Concatenate[Settings, Plan, Rest], Result]


def marks_stale(step: Step[Rest, Result]) -> Step[Rest, Result]:
    """Wrap a step so that a failure of the awaited week's input is kept for those who read."""

    @wraps(step)
    def marked(
        settings: Settings, plan: Plan, /, *args: Rest.args, **kwargs: Rest.kwargs
    ) -> Result:
        try:
            return step(settings, plan, *args, **kwargs)
        except INPUT_FAILED as error:
            if plan.is_current:
                _mark(settings, plan, error)
            raise

    return marked


def _mark(settings: Settings, plan: Plan, error: HotspotsError) -> None:
    """Keep what failed beside the city's last forecast; where there is none, none can be stale."""
    store = ResultsStore(settings.results_database)
    try:
        store.latest(plan.city)
        store.mark_stale(plan.city, hidden(f"{type(error).__name__}: {error}"), plan.issue_date)
    except WeekNotReady:
        return
    except (SourceUnavailable, StoreOutdated) as why:  # the step's own error is the one to be told
        log.warning("That the forecast is stale could not be stored: %s", why)
