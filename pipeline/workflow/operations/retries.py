"""Which errors a later try can mend, and for how long it is tried."""

from dataclasses import dataclass
from datetime import timedelta

from pipeline.domain.errors import (
    ClockSetBack,
    CorruptArtifact,
    DatasetMoved,
    ForecastLocked,
    HotspotsError,
    InvalidRequest,
    ModelRejected,
    ProcessInterrupted,
    QualityGateFailed,
    SchemaDrift,
    SourceUnavailable,
    StaleData,
    StorageUnavailable,
    StoreOutdated,
    WeekNotReady,
)

RETRIES = 8
FIRST_WAIT = timedelta(minutes=5)  # doubled before each further try
LONGEST_WAIT = timedelta(hours=1)
RETRY_FOR = timedelta(hours=6)  # since the run began: Wednesday noon for the weekly one


@dataclass(frozen=True)
class Rule:
    """What to do about an error: whether a retry helps, and what a person does about it."""

    retry_helps: bool
    to_do: str


RULES: dict[type[HotspotsError], Rule] = {
    SourceUnavailable: Rule(
        retry_helps=True,
        to_do="See whether the source answers in a browser; then clear the failed task, and the "
        "run goes on from there.",
    ),
    ProcessInterrupted: Rule(
        retry_helps=True,
        to_do="If it happens again, give the worker more memory; then clear the failed task.",
    ),
    StorageUnavailable: Rule(
        retry_helps=True,
        to_do="Make room on the disk or make it writable again; `hotspots clean` says what may "
        "go. Then clear the failed task, if it isn't tried again.",
    ),
    DatasetMoved: Rule(
        retry_helps=False,
        to_do="Find the dataset's new address at the portal and put it into the city's TOML.",
    ),
    SchemaDrift: Rule(
        retry_helps=False,
        to_do="Compare the table's columns at the portal with the adapter; adapt it, then run the "
        "week again.",
    ),
    QualityGateFailed: Rule(
        retry_helps=False,
        to_do="Open the Data Docs of the week. If the source is at fault, wait for its correction "
        "and run the week again.",
    ),
    StaleData: Rule(
        retry_helps=False,
        to_do="Wait for the source to refresh, then run the week again.",
    ),
    StoreOutdated: Rule(
        retry_helps=False,
        to_do="Where the store is older, run `hotspots migrate` as the role that owns it; where it "
        "is newer, install the newer version. Then clear the task.",
    ),
    ModelRejected: Rule(
        retry_helps=False,
        to_do="Go back to the version before with `hotspots rollback`, or trigger retrain_model.",
    ),
    CorruptArtifact: Rule(
        retry_helps=False,
        to_do="Do what the message says of the folder that it names: restore it from a backup, or "
        "remove it and run the step that wrote it again.",
    ),
    InvalidRequest: Rule(
        retry_helps=False, to_do="Correct what the message names and trigger the run again."
    ),
    WeekNotReady: Rule(
        retry_helps=False,
        to_do="Run what the message says is missing, then this run again.",
    ),
    ClockSetBack: Rule(
        retry_helps=False,
        to_do="Set the worker's clock right (`timedatectl`); then clear the failed task.",
    ),
    ForecastLocked: Rule(
        retry_helps=False,
        to_do="Nothing: the stored forecast stands. To look at the new one, run it unpublished.",
    ),
}
UNFORESEEN = Rule(
    retry_helps=False,
    to_do="Read the task's log and report it as a bug; clear the task once it is mended.",
)


def rule_of(error: BaseException) -> Rule:
    """Return what to do about an error; one that was not foreseen counts as a bug."""
    return RULES.get(type(error), UNFORESEEN)  # type: ignore[arg-type]


def may_retry(error: BaseException, running_for: timedelta) -> bool:
    """Say whether a later try can help and there is still time for it.

    Args:
        error: what came up.
        running_for: time since the run began.
    """
    return rule_of(error).retry_helps and running_for < RETRY_FOR
