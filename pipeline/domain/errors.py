"""Every error the pipeline raises on purpose, each with the exit code that the CLI ends with."""

from typing import ClassVar


class HotspotsError(Exception):
    """Root of all named errors.

    A message names the thing, what was found, what was expected, and what to do.
    """

    exit_code: ClassVar[int] = 1


class InvalidRequest(HotspotsError):
    """What the caller asked for can't be done as asked: a bad date, city, file or option."""

    exit_code = 2


class SourceUnavailable(HotspotsError):
    """A source did not answer properly within its deadline; a later try may succeed."""

    exit_code = 3


class DatasetMoved(HotspotsError):
    """A dataset answers 403 or 404: it was moved, merged or made private. Retrying won't help."""

    exit_code = 3


class SchemaDrift(HotspotsError):
    """A table lacks a column, or holds a type or value that its contract does not allow."""

    exit_code = 4


class QualityGateFailed(HotspotsError):
    """A check that must stop the week failed; the last good forecast keeps serving."""

    exit_code = 4


class ModelRejected(HotspotsError):
    """A model can't be used: its files don't match their hash, or it knows too much."""

    exit_code = 4


class ProcessInterrupted(HotspotsError):
    """A process that a step had started was killed; a later try starts it anew."""

    exit_code = 5


class StorageUnavailable(HotspotsError):
    """The disk or database written to is full, read-only or gone; a later try may succeed."""

    exit_code = 5


class CorruptArtifact(HotspotsError):
    """What was stored, in a file or a database, was changed since, or can't be read any more."""

    exit_code = 4


class StaleData(HotspotsError):
    """The newest whole week is too old to forecast from."""

    exit_code = 5


class WeekNotReady(HotspotsError):
    """What a week needs (a snapshot, a whole week, a forecast, a model) isn't there yet."""

    exit_code = 5


class StoreOutdated(HotspotsError):
    """The results store's tables are those of another version of the code."""

    exit_code = 2


class ClockSetBack(HotspotsError):
    """The clock is behind what is stored already: nothing may be filed in the past."""

    exit_code = 5


class ForecastLocked(HotspotsError):
    """The target week has begun: its stored forecast can't be changed any more."""

    exit_code = 5
