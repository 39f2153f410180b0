"""A worker killed with SIGKILL in the middle of a step: no half week, and the same step completes.

Each step runs in a fresh process, as a worker runs it, and is killed at a planted point.
"""

import importlib
import multiprocessing
import os
import shutil
import signal
from datetime import UTC, datetime
from functools import reduce
from itertools import count
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.pool import NullPool

from pipeline.files import TEMPORARY
from pipeline.results.store.seals import SEALS
from pipeline.results.store.tables import Base
from pipeline.results.store.writer import ResultsStore
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_week
from pipeline.workflow.tasks import NEEDS_CLOCK, STEPS
from tests.integration.conftest import ISSUE_DATE, small_settings
from tests.services import create_database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["pipeline.workflow.tasks", "pipeline.results.store.writer", __name__])
NOW = datetime(2018, 3, 1, 15, tzinfo=UTC)
CITY = "chicago"


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def plant(owner, name, calls=0):
    """Let a function of the code kill its process: instead of its first call, or after some."""
    function, left = getattr(owner, name), count(calls, -1)

    def dies(*args, **kwargs):
        if not calls:
            die()
        made = function(*args, **kwargs)
        if next(left) == 1:
            die()
        return made

    setattr(owner, name, dies)


# Where a step dies -> module, what in it (of a class: "Class.name"), and after how many calls.
IN_TRAINING = {
    "between two steps of an epoch": ("keras.optimizers", "Optimizer.apply", 3),
    "with half of the model's files": ("numpy", "savez", 1),
    "trained but not registered": ("pipeline.model.registry", "Registry.register", 0),
    "stored in the registry, but no version": ("mlflow", "MlflowClient.create_model_version", 0),
}
STATEMENT = ("sqlalchemy.engine.default", "DefaultDialect.do_execute")
IN_MAKING_A_REGISTRY = {  # which takes 1,695 statements
    "at its first statement": (*STATEMENT, 1),
    "with some tables": (*STATEMENT, 600),
    "with most tables": (*STATEMENT, 1_500),
    "with all, not yet named": ("pathlib", "Path.rename", 0),
}
IN_PUBLISHING = {
    "before anything is written": ("pipeline.results.store.writer", "_added", 0),
    "with the run and its cells written": ("pipeline.results.store.writer", "_insert", 1),
    "with all written but not committed": ("pipeline.results.store.writer", "_add", 2),
    "committed but not reported back": ("pipeline.results.store.writer", "ResultsStore.publish", 1),
}


def run_planted(module, name, calls, settings, step, inputs):
    *owner, attribute = name.split(".")
    plant(reduce(getattr, owner, importlib.import_module(module)), attribute, calls)
    clock = {"now": NOW} if step in NEEDS_CLOCK else {}
    STEPS[step](settings, *inputs, **clock)


def killed(where, settings, step, *inputs):
    """Run a step in a process of its own, as a worker does, and see that it is killed there."""
    process = FRESH.Process(target=run_planted, args=(*where, settings, step, inputs))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture(scope="module")
def whole(portal, tmp_path_factory):
    """A week that nothing disturbed."""
    portal.clear_faults()
    settings = small_settings(portal.url, tmp_path_factory.mktemp("whole"))
    plan = make_plan(settings, city=CITY, issue_date=ISSUE_DATE, now=NOW)
    return SimpleNamespace(settings=settings, plan=plan, week=run_week(settings, plan, now=NOW))


def test_training_that_is_killed_leaves_no_model_in_use_and_trains_the_same_again(
    whole, tmp_path, subtests
):
    week = whole.week
    for where, point in IN_TRAINING.items():
        with subtests.test(where):
            home = tmp_path / where.replace(" ", "_")
            shutil.copytree(whole.settings.lake_root, home / "lake")
            settings = whole.settings.model_copy(update={"home": home})
            inputs = (whole.plan, week.grid, week.decision)
            killed(point, settings, "train", *inputs)
            assert STEPS["decide_training"](settings, whole.plan, week.grid) == {
                "mode": "retrain", "why": "no earlier model of these features",
            }  # fmt: skip
            again = STEPS["train"](settings, *inputs)
            assert again["sha256"] == week.trained["sha256"]
            made = STEPS["forecast"](settings, whole.plan, week.grid, again)
            assert made["ref"] == week.forecast["ref"]


def test_a_registry_whose_making_is_killed_is_made_again(whole, tmp_path, subtests):
    for where, point in IN_MAKING_A_REGISTRY.items():
        with subtests.test(where):
            home = tmp_path / where.replace(" ", "_")
            shutil.copytree(whole.settings.lake_root, home / "lake")
            settings = whole.settings.model_copy(update={"home": home})
            killed(point, settings, "decide_training", whole.plan, whole.week.grid)
            decided = STEPS["decide_training"](settings, whole.plan, whole.week.grid)
            assert decided["mode"] == "retrain"
            assert not list(home.glob(f"{TEMPORARY}*"))


@pytest.fixture(params=["sqlite", "postgresql"])
def results(request, tmp_path):
    """The URL of a new results store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/results.db"
    return create_database(request.getfixturevalue("postgres"), "kills")


OF_TRAINING = {"model_cards"}
SEALED_ROWS = select(SEALS.c.table_name, func.count()).group_by(SEALS.c.table_name)
AFTER_PUBLISHING = {"observed_weeks", "observed_cells"}  # what became of past weeks


def rows(url, *, but=OF_TRAINING):
    """Return how many rows each table holds, but for some, and how many hashes are of its rows."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        sealed = dict(connection.execute(SEALED_ROWS).all())
        return {
            table.name: (
                connection.scalar(select(func.count()).select_from(table)),
                sealed.get(table.name, 0),
            )
            for table in Base.metadata.sorted_tables
            if table.name not in but | {SEALS.name}
        }


def test_publishing_that_is_killed_leaves_all_of_a_week_or_nothing(whole, results, subtests):
    week = whole.week
    inputs = (whole.plan, week.validated, week.grid, week.trained, week.forecast)
    settings = whole.settings.model_copy(update={"results_url": results})
    ResultsStore(results).migrate()
    others = OF_TRAINING | AFTER_PUBLISHING
    undisturbed = rows(whole.settings.results_database, but=others)
    for where, point in IN_PUBLISHING.items():
        with subtests.test(where):
            killed(point, settings, "publish", *inputs)
            is_committed = where.startswith("committed")
            expected = undisturbed if is_committed else dict.fromkeys(undisturbed, (0, 0))
            assert rows(results, but=others) == expected
    published = STEPS["publish"](settings, *inputs, now=NOW)
    # the week may be stored by now, which the re-run says in words; what it stores is the same
    for name in ("revision", "forecast_sha256"):
        assert published[name] == week.published[name]
    assert rows(results) == rows(whole.settings.results_database)


def test_a_step_that_is_killed_while_it_writes_to_the_lake_leaves_nothing_to_read(whole, tmp_path):
    shutil.copytree(whole.settings.lake_root, tmp_path / "lake")
    forecasts = tmp_path / "lake" / "forecasts"
    shutil.rmtree(forecasts)
    shutil.copytree(whole.settings.home / "models", tmp_path / "models")
    settings = whole.settings.model_copy(update={"home": tmp_path})
    inputs = (whole.plan, whole.week.grid, whole.week.trained)
    killed(("pipeline.files", "_write", 1), settings, "forecast", *inputs)
    left = [path.name for path in forecasts.rglob("*") if path.is_dir()]
    assert any(name.startswith(".tmp-") for name in left)
    assert STEPS["forecast"](settings, *inputs) == whole.week.forecast
