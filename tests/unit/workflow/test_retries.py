"""Only what a later try can mend is tried again, and not for ever."""

from datetime import timedelta

import pytest

from pipeline.domain import errors
from pipeline.domain.errors import (
    HotspotsError,
    ProcessInterrupted,
    SourceUnavailable,
    StorageUnavailable,
)
from pipeline.workflow.operations.retries import RETRY_FOR, RULES, UNFORESEEN, may_retry, rule_of

MENDED_BY_TIME = (SourceUnavailable, ProcessInterrupted, StorageUnavailable)
NAMED = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, HotspotsError) and kind is not HotspotsError
]


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.__name__)
def test_every_named_error_has_its_rule(kind):
    assert RULES[kind].to_do
    assert may_retry(kind("no"), timedelta()) is (kind in MENDED_BY_TIME)


def test_what_was_not_foreseen_is_a_bug_and_not_tried_again():
    assert rule_of(KeyError("week_start")) is UNFORESEEN
    assert not may_retry(KeyError("week_start"), timedelta())


def test_retries_end_with_their_deadline():
    assert may_retry(SourceUnavailable("no"), RETRY_FOR - timedelta(seconds=1))
    assert not may_retry(SourceUnavailable("no"), RETRY_FOR)
