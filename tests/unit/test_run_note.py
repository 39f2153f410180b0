"""The note that a run is given as it ends, in tables of Airflow's own."""

from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from tests.plugins import import_plugin

DAG, RUN = "weekly_forecast", "scheduled-1"
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


def say(scheduler, run, text, task="resolve_week"):
    from airflow.models.xcom import XComModel

    place = {"dag_id": DAG, "run_id": RUN, "dag_run_id": run.id, "task_id": task}
    scheduler.add(XComModel(**place, key="note", value=text))
    scheduler.commit()


def notes(scheduler):
    from airflow.models.dagrun import DagRunNote

    scheduler.commit()
    return [(note.content, note.user_id) for note in scheduler.scalars(select(DagRunNote))]


@pytest.mark.parametrize("end", ["on_dag_run_success", "on_dag_run_failed"])
def test_a_run_is_noted_what_it_was_resolved_to_when_it_ends(plugin, scheduler, run, end):
    say(scheduler, run, SAID)
    [listener] = plugin.RunNotePlugin.listeners
    getattr(listener, end)(run)
    getattr(listener, end)(run)  # once more in its transaction
    assert notes(scheduler) == [(SAID, None)]
    getattr(listener, end)(run)  # and when it was cleared and has run anew
    assert notes(scheduler) == [(SAID, None)]
    assert run.note == SAID


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_persons_note_stays(plugin, scheduler, run, is_stored):
    say(scheduler, run, SAID)
    run.note = ("look at the feed", "admin")
    if is_stored:
        scheduler.commit()
    plugin.write_note(run)
    assert notes(scheduler) == [("look at the feed", "admin")]


@pytest.mark.parametrize(
    ("said", "noted"), [("x" * 1001, "x" * 1000), ("a half \ud83d", "a half ")]
)
def test_what_the_table_does_not_take_is_left_out(plugin, scheduler, run, said, noted):
    say(scheduler, run, said)
    plugin.write_note(run)
    assert notes(scheduler) == [(noted, None)]


def test_a_run_that_was_not_resolved_has_none(plugin, scheduler, run):
    say(scheduler, run, "another task's", task="other")
    plugin.write_note(run)
    assert notes(scheduler) == []


def test_an_error_in_what_it_asks_leaves_the_schedulers_transaction_whole(
    plugin, scheduler, run, monkeypatch
):
    @contextmanager
    def no_session(*, scoped):
        raise ConnectionError
        yield

    say(scheduler, run, SAID)
    run.state = "success"
    monkeypatch.setattr("airflow.utils.session.create_session", no_session)
    with pytest.raises(ConnectionError):
        plugin.write_note(run)
    assert notes(scheduler) == []
    assert run.state == "success"
