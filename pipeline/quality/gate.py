"""The gate: what each outcome does to rows, to the week, and what is kept of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.domain.columns import INCIDENTS, WEATHER_DAILY, TableContract
from pipeline.domain.errors import HotspotsError, QualityGateFailed, StaleData
from pipeline.quality import evidence, expectations, frames, measures
from pipeline.quality.engine import Check, SuiteRun, Verdict
from pipeline.quality.history import Vintage
from pipeline.quality.judged import Judged
from pipeline.quality.quarantine import copies_among, leave_out, positions_of, quarantine
from pipeline.quality.rules import RULES, Outcome

Vintages = tuple[tuple[Vintage, Vintage], ...]
NOT_APPLICABLE = "not applicable"
# Of rows with one key the first stays, so only its copies leave.
KEEPS_FIRST = ("incident_unique", "weather_unique")


@dataclass(frozen=True)
class CheckResult:
    """What one check found, in words, and how many rows speak against it."""

    name: str
    table: str
    outcome: Outcome
    found: str
    expected: str
    rows: int


@dataclass(frozen=True)
class GateReport:
    """What passed and what did not.

    Attributes:
        accepted: the rows that go on, in the order they came.
        left_out: positions of the rows that do not, rising.
        quarantined: contract QUARANTINE, one row per row and check that it failed.
        checks: every check of the table, in the order of RULES.
        docs_path: front page of the Data Docs; None where none were asked for.
    """

    accepted: pa.Table
    left_out: NDArray[np.int64]
    quarantined: pa.Table
    checks: tuple[CheckResult, ...]
    docs_path: Path | None


@dataclass(frozen=True)
class _Subject:
    """A kind of table, and how it is seen, checked and measured."""

    contract: TableContract
    frame: Callable[[pa.Table, date], pd.DataFrame]
    row_checks: Callable[[City, date], list[Check]]
    measures: Mapping[str, measures.MeasureOf]


_INCIDENTS = _Subject(
    INCIDENTS,
    frames.incident_frame,
    expectations.incident_row_checks,
    measures.INCIDENT_MEASURES,
)
_WEATHER = _Subject(
    WEATHER_DAILY,
    frames.weather_frame,
    expectations.weather_row_checks,
    measures.WEATHER_MEASURES,
)


def judge_incidents(city: City, incidents: pa.Table, *, issue_date: date) -> Judged:
    """Make the schema and row checks of incidents, for `check_incidents` on many dates.

    Args:
        city: as for `check_incidents`.
        incidents: table of contract INCIDENTS.
        issue_date: the last issue date to be checked by what is found; no row lies after it.

    Raises:
        QualityGateFailed: the checks could not be run.
    """
    return Judged(incidents, issue_date, _Gate(_INCIDENTS, city, issue_date).judge(incidents))


def judge_weather(city: City, weather: pa.Table, *, issue_date: date) -> Mapping[str, Verdict]:
    """Return check -> verdict of schema and row checks of daily weather, for many dates.

    Raises:
        QualityGateFailed: the checks could not be run.
    """
    return _Gate(_WEATHER, city, issue_date).judge(weather)


def check_incidents(
    city: City,
    incidents: pa.Table,
    *,
    issue_date: date,
    known_through: date,
    docs_dir: Path | None,
    judged: Judged | None = None,
    vintages: Vintages = (),
) -> GateReport:
    """Check incidents as known on the issue date; what fails does what RULES says.

    Args:
        city: bounds, divisions, vocabulary and publication rhythm to check against.
        incidents: table meant for contract INCIDENTS.
        issue_date: the issue date.
        known_through: the last day through which the incidents are complete.
        docs_dir: folder that Data Docs are written to, also before a stop; None writes none.
        judged: a table whose first rows these are; none of them lies after the issue date. None
            makes the schema and row checks here.
        vintages: of each snapshot that changed, (the one held before, itself).

    Raises:
        StaleData: the only stop is that the last whole day is too old.
        QualityGateFailed: a check that stops the week failed or could not be made.
    """
    gate = _Gate(_INCIDENTS, city, issue_date, docs_dir, known_through, vintages)
    if judged is None:
        return gate.check(incidents)
    return gate.check(incidents, judged.verdicts, judged.seen)


def check_weather(
    city: City,
    weather: pa.Table,
    *,
    issue_date: date,
    docs_dir: Path | None,
    verdicts: Mapping[str, Verdict] | None = None,
) -> GateReport:
    """Check daily weather; bad rows are quarantined, and thin or old weather only warns.

    Args:
        city: its stations are the known ones.
        weather: table meant for contract WEATHER_DAILY; it may hold no rows.
        issue_date: the issue date.
        docs_dir: folder that Data Docs are written to, also before a stop; None writes none.
        verdicts: what `judge_weather` said of a table that holds these rows, if it found none bad.
            None makes the row checks here.

    Raises:
        QualityGateFailed: columns are not the contract's, or a check could not be made.
    """
    return _Gate(_WEATHER, city, issue_date, docs_dir).check(weather, verdicts)


def health_rows(report: GateReport) -> list[dict[str, Any]]:
    """Return the checks as rows for the results store."""
    return [asdict(result) for result in report.checks]


class _Gate:
    """One table's way through the gate: schema, then rows, then the accepted rows as a whole."""

    def __init__(
        self,
        subject: _Subject,
        city: City,
        issue_date: date,
        docs_dir: Path | None = None,
        known_through: date | None = None,
        vintages: Vintages = (),
    ) -> None:
        self._subject, self._city, self._issue_date = subject, city, issue_date
        self._known_through = known_through or issue_date
        self._vintages = vintages
        self._name = subject.contract.name
        self._run = SuiteRun(docs_dir, issue_date)

    def check(
        self,
        table: pa.Table,
        verdicts: Mapping[str, Verdict] | None = None,
        seen: Callable[[int, NDArray[np.int64], date], pd.DataFrame] | None = None,
    ) -> GateReport:
        known = self.judge(table) if verdicts is None else verdicts
        schema = self._check_schema(table, known)
        if schema.outcome == "stop":
            self._finish([schema])
        row_results, failures = self._check_rows(table, known)
        left_out = np.array(positions_of(failures), np.int64)
        accepted = leave_out(table, left_out).cast(self._subject.contract.schema)
        if seen is None:
            frame = self._subject.frame(accepted, self._issue_date)
        else:
            frame = seen(table.num_rows, left_out, self._issue_date)
        results = [schema, *row_results, *self._check_whole(frame, table.num_rows)]
        docs_path = self._finish(results)
        quarantined = quarantine(self._subject.contract, table, failures)
        return GateReport(accepted, left_out, quarantined, tuple(results), docs_path)

    def judge(self, table: pa.Table) -> Mapping[str, Verdict]:
        """Return check -> verdict of the schema, and of the row checks where that is met."""
        schema = expectations.schema_check(self._subject.contract)
        verdicts = self._run.validate(f"{self._name}_schema", frames.schema_frame(table), [schema])
        if not verdicts[schema.name].is_met:
            return verdicts
        checks = self._subject.row_checks(self._city, self._issue_date)
        if not table.num_rows:
            return {**verdicts, **{check.name: Verdict(is_met=True) for check in checks}}
        frame = self._subject.frame(table, self._issue_date)
        return {**verdicts, **self._run.validate(f"{self._name}_rows", frame, checks)}

    def _check_schema(self, table: pa.Table, verdicts: Mapping[str, Verdict]) -> CheckResult:
        contract = self._subject.contract
        check = expectations.schema_check(contract)
        return _result(check, verdicts[check.name], frames.schema_found(contract, table), 0)

    def _check_rows(
        self, table: pa.Table, verdicts: Mapping[str, Verdict]
    ) -> tuple[list[CheckResult], dict[str, frozenset[int]]]:
        """Return the results of row checks, and check -> positions of the rows it takes out."""
        results, failures = [], {}
        for check in self._subject.row_checks(self._city, self._issue_date):
            verdict = verdicts[check.name].of_first(table.num_rows)
            positions = verdict.positions
            if check.name in KEEPS_FIRST:
                positions = copies_among(table, positions, self._subject.contract.key)
                verdict = replace(verdict, is_met=not positions)
            found = f"{len(positions):,} of {table.num_rows:,} rows"
            found = found if check.expectations else NOT_APPLICABLE
            results.append(_result(check, verdict, found, len(positions)))
            failures[check.name] = positions
        return results, failures

    def _check_whole(self, frame: pd.DataFrame, rows_in: int) -> list[CheckResult]:
        seen = evidence.Evidence(
            self._city, self._issue_date, frame, rows_in, self._known_through, self._vintages
        )
        taken = measures.take(self._subject.measures, seen)
        checks = [
            replace(check, expectations=())
            if taken[RULES[check.name].measure or ""] == evidence.NOT_APPLICABLE
            else check
            for check in expectations.table_checks(self._name, self._city)
        ]
        verdicts = self._run.validate(f"{self._name}_table", measures.measures_frame(taken), checks)
        results = []
        for check in checks:
            measure = taken[RULES[check.name].measure or ""]
            verdict = verdicts[check.name]
            if measure.crash is not None:
                verdict = Verdict(is_met=False, crash=measure.crash)
            rows = 0 if verdict.is_met else measure.rows
            results.append(_result(check, verdict, measure.found, rows))
        return results

    def _finish(self, results: Sequence[CheckResult]) -> Path | None:
        """Write Data Docs, then raise if any result stops the week."""
        docs_path = self._run.write_docs()
        stops = [result for result in results if result.outcome == "stop"]
        if stops:
            raise self._error(stops, docs_path)
        return docs_path

    def _error(self, stops: Sequence[CheckResult], docs_path: Path | None) -> HotspotsError:
        is_stale = [result.name for result in stops] == ["freshness_stale"]
        lines = [
            f"{r.name}: found {r.found}; expected {r.expected}. {RULES[r.name].action}"
            for r in stops
        ]
        kind = StaleData if is_stale else QualityGateFailed
        return kind(
            f"{self._city.title}, {self._name} of {self._issue_date}: {len(stops)} check(s) stop "
            "the week; the last good forecast keeps serving.\n  "
            + "\n  ".join(lines)
            + (f"\n  Data Docs: {docs_path}" if docs_path else "")
        )


def _result(check: Check, verdict: Verdict, found: str, rows: int) -> CheckResult:
    rule = RULES[check.name]
    outcome: Outcome = "pass" if verdict.is_met else rule.outcome
    if verdict.crash is not None:
        outcome, found = "stop", f"the check itself failed: {verdict.crash}"
    return CheckResult(check.name, rule.table, outcome, found, check.expected, rows)
