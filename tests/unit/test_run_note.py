"""The note that a run is given as it ends, in tables of Airflow's own."""

from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import Session

from tests.plugins import import_plugin

DAG, RUN = "weekly_forecast", "scheduled-1"
PLAN = {"city": "los_angeles", "target_week": "2026-11-15"}
SAID = "issue date   Wednesday 2026-11-11\ntarget week  2026-11-15 to 2026-11-21"


@pytest.fixture(scope="module")
def plugin(airflow_home):
    return import_plugin("run_note", import_tables)


def import_tables():
    from airflow.models import import_all_models

    import_all_models()


@pytest.fixture
def scheduler(plugin, tmp_path, monkeypatch):
    """The scheduler's session, and in its database a run that is about to end."""
    from airflow.models.base import Base
    from airflow.models.dagrun import DagRun

    engine = create_engine(f"sqlite:///{tmp_path}/airflow.db")
    Base.metadata.create_all(engine)

    @contextmanager
    def create_session(*, scoped):
        with Session(engine) as apart:
            yield apart

    monkeypatch.setattr("airflow.utils.session.create_session", create_session)
    with Session(engine) as session:
        session.add(DagRun(dag_id=DAG, run_id=RUN, run_type="scheduled"))
        session.commit()
        yield session
    engine.dispose()


@pytest.fixture
def run(scheduler):
    from airflow.models.dagrun import DagRun

    return scheduler.scalars(select(DagRun)).one()


def say(scheduler, run, value, task="resolve_week", key="note"):
    from airflow.models.xcom import XComModel

    place = {"dag_id": DAG, "run_id": RUN, "dag_run_id": run.id, "task_id": task}
    scheduler.add(XComModel(**place, key=key, value=value))
    scheduler.commit()


def resolve(scheduler, run, text=SAID):
    say(scheduler, run, text)
    say(scheduler, run, PLAN, key="return_value")


def fail(scheduler, run, task, *reason):
    """Let a task of the run fail; without a reason it was killed."""
    from airflow.models.taskinstance import TaskInstance

    made = {"task_id": task, "dag_id": DAG, "run_id": RUN, "map_index": -1, "state": "failed"}
    row = {**made, "id": UUID(int=1), "pool": "gpu", "pool_slots": 1, "queue": "gpu"}
    scheduler.execute(insert(TaskInstance.__table__).values(**row))
    for words in reason:
        say(scheduler, run, words, task, "failure")
    run.state = "failed"
    scheduler.commit()


def notes(scheduler):
    from airflow.models.dagrun import DagRunNote

    scheduler.commit()
    return [(note.content, note.user_id) for note in scheduler.scalars(select(DagRunNote))]


def first_line(plugin, scheduler, run):
    plugin.write_note(run)
    [(content, _)] = notes(scheduler)
    line, blank, *below = content.splitlines()
    assert (blank, "\n".join(below)) == ("", f"```\n{SAID}\n```")
    return line


@pytest.mark.parametrize("end", ["on_dag_run_success", "on_dag_run_failed"])
def test_a_run_is_noted_what_it_was_resolved_to_when_it_ends(plugin, scheduler, run, end):
    resolve(scheduler, run)
    run.state = "failed"
    [listener] = plugin.RunNotePlugin.listeners
    getattr(listener, end)(run)
    getattr(listener, end)(run)  # once more in its transaction
    text = f"Week of 2026-11-15: ended before it was done\n\n```\n{SAID}\n```"
    assert notes(scheduler) == [(text, None)]
    assert run.note == text


@pytest.mark.parametrize(
    ("revision", "state"), [(1, "published (revision 1)"), (0, "dry run, nothing stored")]
)
def test_the_first_line_says_week_total_and_state(plugin, scheduler, run, revision, state):
    resolve(scheduler, run)
    run.state = "success"
    say(scheduler, run, {"city_mean": 1437.2}, "forecast", "return_value")
    say(scheduler, run, {"revision": revision}, "publish", "return_value")
    assert first_line(plugin, scheduler, run) == f"Week of 2026-11-15: 1,437 expected, {state}"


def test_a_run_that_failed_says_where_and_why_in_one_line(plugin, scheduler, run):
    resolve(scheduler, run)
    fail(scheduler, run, "validate", "StaleData: too old.\nWait.")
    said = "Week of 2026-11-15: failed at validate: StaleData: too old. Wait."
    assert first_line(plugin, scheduler, run) == said


def test_a_task_that_was_killed_gives_no_reason_and_what_was_published_stays_said(
    plugin, scheduler, run
):
    resolve(scheduler, run)
    say(scheduler, run, {"city_mean": 437.2}, "forecast", "return_value")
    say(scheduler, run, {"revision": 2}, "publish", "return_value")
    fail(scheduler, run, "report")
    said = "Week of 2026-11-15: 437 expected, published (revision 2), failed at report"
    assert first_line(plugin, scheduler, run) == said


def test_a_long_reason_is_cut(plugin, scheduler, run):
    resolve(scheduler, run)
    fail(scheduler, run, "validate", "x" * 500)
    assert first_line(plugin, scheduler, run).endswith(": " + "x" * 200 + "...")


def test_a_new_model_is_noted(plugin, scheduler, run):
    resolve(scheduler, run)
    run.state = "success"
    assert first_line(plugin, scheduler, run) == "Week of 2026-11-15: the champion stays"
    say(scheduler, run, {"champion": "3"}, "promote", "return_value")
    assert first_line(plugin, scheduler, run) == "Week of 2026-11-15: model version 3 promoted"


def test_a_run_that_was_cleared_and_runs_anew_has_a_new_note(plugin, scheduler, run):
    resolve(scheduler, run)
    run.state = "failed"
    assert first_line(plugin, scheduler, run).endswith("ended before it was done")
    scheduler.expire_all()
    run.state = "success"
    say(scheduler, run, {"revision": 1}, "publish", "return_value")
    assert first_line(plugin, scheduler, run).endswith("published (revision 1)")


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_persons_note_stays(plugin, scheduler, run, is_stored):
    resolve(scheduler, run)
    run.note = ("Week of the fair: look at the feed", "admin")
    if is_stored:
        scheduler.commit()
    plugin.write_note(run)
    assert notes(scheduler) == [("Week of the fair: look at the feed", "admin")]


@pytest.mark.parametrize(
    ("said", "end"), [("x" * 1001, "x" * 900 + "\n```"), ("a half \ud83d", "\n```\na half \n```")]
)
def test_what_the_table_does_not_take_is_left_out(plugin, scheduler, run, said, end):
    resolve(scheduler, run, said)
    plugin.write_note(run)
    [(content, _)] = notes(scheduler)
    assert content.endswith(end)
    assert len(content) <= 1000


def test_a_run_that_was_not_resolved_has_none(plugin, scheduler, run):
    say(scheduler, run, "another task's", task="other")
    plugin.write_note(run)
    assert notes(scheduler) == []


def test_a_run_that_was_ended_while_it_was_being_resolved_has_none(plugin, scheduler, run):
    say(scheduler, run, SAID)  # the plan comes a moment later
    plugin.write_note(run)
    assert notes(scheduler) == []


def test_an_error_in_what_it_asks_leaves_the_schedulers_transaction_whole(
    plugin, scheduler, run, monkeypatch
):
    @contextmanager
    def no_session(*, scoped):
        raise ConnectionError
        yield

    resolve(scheduler, run)
    run.state = "success"
    monkeypatch.setattr("airflow.utils.session.create_session", no_session)
    with pytest.raises(ConnectionError):
        plugin.write_note(run)
    assert notes(scheduler) == []
    assert run.state == "success"


def test_a_run_that_was_let_go_is_noted_by_the_session_of_its_thread(
    plugin, scheduler, run, monkeypatch
):
    resolve(scheduler, run)
    scheduler.refresh(run)
    scheduler.expunge(run)  # as `airflow dags test` does
    run.state = "success"
    monkeypatch.setattr("airflow.settings.Session", lambda: scheduler)
    assert first_line(plugin, scheduler, run) == "Week of 2026-11-15: the champion stays"
