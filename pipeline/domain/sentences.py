"""What pydantic found wrong, in plain sentences: the field, what was found, what was expected."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

MOST_FOUND = 60  # characters shown of what was found
EXPECTED = {
    "missing": "nothing was found, and it is required",
    "extra_forbidden": "there is no such field",
    "string_type": "a text in quotation marks",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "date_type": "a date, such as 2010-01-01",
    "date_parsing": "a date, such as 2010-01-01",
    "date_from_datetime_parsing": "a date, such as 2010-01-01",
    "date_from_datetime_inexact": "a date without a time, such as 2010-01-01",
    "tuple_type": 'a list, such as ["robbery"]',
    "dict_type": "a section with fields of its own",
    "model_type": "a section with fields of its own",
    "literal_error": "{expected}",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "string_pattern_mismatch": "a text of the form {pattern}",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length}",
}
NOT_FOUND = ("missing", "extra_forbidden")


class Problems(Protocol):
    """What pydantic raises, or FastAPI of a request."""

    def errors(self) -> Sequence[Any]:
        """Return each thing that is wrong: its type, place and input."""


def sentences(error: Problems, named: Mapping[str, str] | None = None) -> str:
    """Return a sentence for each thing that is wrong.

    Args:
        error: what pydantic or FastAPI raised.
        named: what to say was expected of a field, by its name, instead of its pattern.
    """
    return " ".join(_sentence(problem, named or {}) for problem in error.errors())


def _sentence(problem: Mapping[str, Any], named: Mapping[str, str]) -> str:
    kind, place = problem["type"], _place(problem["loc"])
    if kind == "value_error":  # a check of ours, which says it all
        return f"{place}: {problem['ctx']['error']}".removeprefix(": ")
    expected = EXPECTED.get(kind, problem["msg"]).format(**problem.get("ctx", {}))
    if kind in NOT_FOUND:
        return f"{place}: {expected}."
    if kind == "string_pattern_mismatch":
        expected = named.get(str(problem["loc"][-1]), expected)
    return f"{place}: found {_shown(problem['input'])}, expected {expected}."


def _place(parts: tuple[str | int, ...]) -> str:
    """Return where it stands, counted from 1, such as `datasets` 2, `adapter`."""
    place = ""
    for part in parts:
        place += f" {part + 1}" if isinstance(part, int) else f", `{part}`"
    return place.removeprefix(", ")


def _shown(found: object) -> str:
    text = repr(found) if not hasattr(found, "isoformat") else str(found)
    return text if len(text) <= MOST_FOUND else f"{text[:MOST_FOUND]}..."
