"""Notes on a run, as it ends, what its first task resolved it to: a task can't write that itself.

Airflow calls this in the middle of a transaction of its scheduler's, which a note must not break.
"""

from typing import Any, ClassVar

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin
from sqlalchemy import select
from sqlalchemy.orm import object_session
from sqlalchemy.orm.attributes import set_committed_value

LONGEST = 1000  # characters, in Airflow's table


class RunNotes:
    """Writes the note of a run that has ended, however it did."""

    @hookimpl
    def on_dag_run_success(self, dag_run: Any) -> None:  # noqa: ANN401 - Airflow's own
        """Write the note of a run that succeeded."""
        write_note(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any) -> None:  # noqa: ANN401
        """Write the note of a run that failed."""
        write_note(dag_run)


def write_note(dag_run: Any) -> None:  # noqa: ANN401
    """Give a run the note that its `resolve_week` said, unless a person has written one."""
    from airflow.models.dagrun import DagRunNote
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    said = select(XComModel.value).filter_by(
        dag_id=dag_run.dag_id, run_id=dag_run.run_id, task_id="resolve_week", key="note"
    )
    # Asked in a session apart, so that an error in it leaves the scheduler's usable.
    with create_session(scoped=False) as session:
        has_note = vars(dag_run).get("dag_run_note") or session.get(DagRunNote, dag_run.id)
        text = None if has_note else session.scalar(said)
    its_session = object_session(dag_run)  # none in `airflow dags test`, whose runs nobody looks up
    if text and its_session:
        # JSON may hold half a character, which no database takes.
        note = DagRunNote(text.encode(errors="ignore").decode()[:LONGEST])
        note.dag_run_id = dag_run.id
        its_session.add(note)
        set_committed_value(dag_run, "dag_run_note", note)  # without asking for what was there


class RunNotePlugin(AirflowPlugin):
    """Makes Airflow call `RunNotes`."""

    name = "run_note"
    listeners: ClassVar[list[Any]] = [RunNotes()]
