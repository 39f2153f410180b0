import inspect

import pytest

from pipeline.domain import errors
from pipeline.domain.errors import HotspotsError

NAMED = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, HotspotsError) and value is not HotspotsError
]


@pytest.mark.parametrize("error", NAMED)
def test_every_named_error_ends_the_command_with_a_code_that_means_something(error):
    # 2 bad usage, 3 source unavailable, 4 quality gate, 5 stale or not ready
    assert error.exit_code in {2, 3, 4, 5}
    assert error.__doc__
    assert str(error("what was found")) == "what was found"


@pytest.mark.parametrize(
    ("name", "exit_code"),
    [
        ("InvalidRequest", 2),
        ("SourceUnavailable", 3),
        ("DatasetMoved", 3),
        ("SchemaDrift", 4),
        ("QualityGateFailed", 4),
        ("ModelRejected", 4),
        ("CorruptArtifact", 4),
        ("ProcessInterrupted", 5),
        ("StorageUnavailable", 5),
        ("StaleData", 5),
        ("WeekNotReady", 5),
        ("ForecastLocked", 5),
    ],
)
def test_exit_codes_are_those_promised(name, exit_code):
    assert getattr(errors, name).exit_code == exit_code


def test_they_are_all_of_one_root():
    assert len(NAMED) >= 10
    assert HotspotsError.exit_code == 1
