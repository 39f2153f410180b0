"""Great Expectations, quietly: a context per gate, a checkpoint per suite, Data Docs at the end."""

import logging
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.domain.errors import QualityGateFailed
from pipeline.files import exclusive, put_in_place, temporary_folder
from pipeline.quality.offline_docs import make_offline
from pipeline.quality.rules import RULES

if TYPE_CHECKING:
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.validator.v1_validator import Validator

# Counts only: Data Docs are kept and shown, and must hold no coordinates and no case numbers.
COUNTS_ONLY = {"result_format": "SUMMARY", "partial_unexpected_count": 0}
POSITIONS = {"result_format": "COMPLETE", "partial_unexpected_count": 0}
SITE = "data_docs"


@cache
def load_gx() -> ModuleType:
    """Import Great Expectations with analytics and chatter off; it takes seconds, so do it late."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
        import great_expectations.checkpoint
        import great_expectations.exceptions
        import great_expectations.expectations
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    return gx


@dataclass(frozen=True)
class Check:
    """A rule made concrete for one city and date.

    Attributes:
        name: name of the rule.
        expected: what is expected, in words.
        expectations: what Great Expectations evaluates; none means that it does not apply here.
    """

    name: str
    expected: str
    expectations: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What came of one check.

    Attributes:
        is_met: whether all its expectations hold.
        positions: index labels of the rows that break it; only asked for where rows matter.
        crash: why the check could not be made; None when it could.
    """

    is_met: bool
    positions: frozenset[int] = frozenset()
    crash: str | None = None

    def of_first(self, rows: int) -> "Verdict":
        """Return the verdict on the first rows alone, where rows matter."""
        if not self.positions:
            return self
        positions = frozenset(position for position in self.positions if position < rows)
        return Verdict(is_met=not positions, positions=positions, crash=self.crash)


class SuiteRun:
    """The suites of one gate, in an own context, written to one site of Data Docs."""

    def __init__(self, docs_dir: Path | None, issue_date: date) -> None:
        """Open a context; `docs_dir` None means no Data Docs, `issue_date` names the run."""
        gx = load_gx()
        self._gx = gx
        self._docs_dir = docs_dir
        self._run_id = gx.RunIdentifier(
            run_name=issue_date.isoformat(), run_time=datetime.combine(issue_date, time(), UTC)
        )
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            data_docs_sites={},
            progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
        )
        self._context = gx.get_context(mode="ephemeral", project_config=config)
        self._frames = self._context.data_sources.add_pandas("frames")

    def validate(
        self, name: str, frame: pd.DataFrame, checks: Sequence[Check]
    ) -> dict[str, Verdict]:
        """Run the checks on a frame as the checkpoint of this name; return check -> verdict.

        A check of no expectations is met. Positions are given for checks that quarantine.

        Raises:
            QualityGateFailed: Great Expectations itself failed.
        """
        try:
            data = self._frames.add_dataframe_asset(name).add_batch_definition_whole_dataframe(
                "all"
            )
            parts = [part for check in checks for part in check.expectations]
            suite = self._gx.ExpectationSuite(name=name, expectations=parts)
            results = self._results(data, suite, frame)
            asked = _validator(data, frame, POSITIONS)
            return {check.name: _verdict(check, results, asked) for check in checks}
        except self._gx.exceptions.GreatExpectationsError as error:
            raise QualityGateFailed(
                f"Checkpoint {name} could not be run: {error}. No check was made, so none passed; "
                "the last good forecast keeps serving."
            ) from error

    def _results(self, data: "BatchDefinition[Any]", suite: Any, frame: pd.DataFrame) -> list[Any]:  # noqa: ANN401
        """Return the result of each expectation, by a checkpoint where Data Docs are asked for.

        A checkpoint keeps all that they are made of, which costs as much as checking.
        """
        if self._docs_dir is None:
            return _validator(data, frame, COUNTS_ONLY).validate_expectation_suite(suite).results
        gx, context, name = self._gx, self._context, suite.name
        definition = gx.ValidationDefinition(name=name, data=data, suite=context.suites.add(suite))
        checkpoint = gx.Checkpoint(
            name=name,
            validation_definitions=[context.validation_definitions.add(definition)],
            result_format=COUNTS_ONLY,
        )
        run = context.checkpoints.add(checkpoint).run
        (validation,) = run({"dataframe": frame}, run_id=self._run_id).run_results.values()
        return validation.results

    def write_docs(self) -> Path | None:
        """Write Data Docs of all suites run so far; return their front page, None without docs."""
        if self._docs_dir is None:
            return None
        # Runs of the same day write the same site, one after another.
        with (
            exclusive(self._docs_dir.with_name(f".{self._docs_dir.name}.lock")),
            temporary_folder(self._docs_dir.parent) as folder,
        ):
            self._context.add_data_docs_site(SITE, _site(folder))
            self._context.build_data_docs()
            self._context.delete_data_docs_site(SITE)
            # Styles, fonts and pictures, 5 MB, of which a page made offline loads none.
            shutil.rmtree(folder / "static", ignore_errors=True)
            make_offline(folder)
            _add_plain_links(folder / "index.html")
            put_in_place(folder, self._docs_dir)
        return self._docs_dir / "index.html"


def _site(folder: Path) -> dict[str, Any]:
    store = {
        "class_name": "TupleFilesystemStoreBackend",
        "base_directory": str(folder.resolve()),
    }
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": store,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }


def _add_plain_links(index: Path) -> None:
    """Add links to every suite's results to a front page that lists them by scripts only.

    No script runs on it, so without them the page would be empty.
    """
    pages = sorted(
        page.relative_to(index.parent) for page in index.parent.glob("validations/**/*.html")
    )
    links = "".join(
        f'<li><a href="{page.as_posix()}">Results of {page.parts[1]}</a></li>' for page in pages
    )
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace("</body>", f"<ul>{links}</ul></body>"), encoding="utf-8")


def _validator(
    data: "BatchDefinition[Any]", frame: pd.DataFrame, result_format: Mapping[str, Any]
) -> "Validator":
    """Return what validates a frame again and again.

    Each batch costs a hash of the whole frame, some 0.4 s a million rows; a batch's own
    `validate` makes one more each time.
    """
    from great_expectations.validator.v1_validator import Validator

    return Validator(data, dict(result_format), {"dataframe": frame})


def _verdict(check: Check, results: Sequence[Any], asked: "Validator") -> Verdict:
    own = [r for r in results if r.expectation_config.meta["check"] == check.name]
    crashes = [text for r in own if (text := _crash(r.exception_info)) is not None]
    if len(own) != len(check.expectations):
        crashes.append(f"{len(own)} of its {len(check.expectations)} expectations were evaluated")
    if crashes:
        return Verdict(is_met=False, crash=crashes[0])
    failed = {r.expectation_config.meta["part"] for r in own if not r.success}
    if not failed or RULES[check.name].outcome != "quarantine":
        return Verdict(is_met=not failed)
    positions: set[int] = set()
    for part in failed:
        answer = asked.validate_expectation(check.expectations[part])
        positions.update(answer.result["unexpected_index_list"])
    return Verdict(is_met=False, positions=frozenset(positions))


def _crash(info: Mapping[str, Any]) -> str | None:
    """Return why an expectation could not be evaluated: told once, or once per metric."""
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry["raised_exception"]:
            return str(entry["exception_message"])
    return None
