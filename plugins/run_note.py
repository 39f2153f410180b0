"""Notes on a run, as it ends, what came of it and what its first task resolved it to.

A task can't write that itself. Airflow calls this in the middle of a transaction of its
scheduler's, which a note must not break.
"""

from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin
from sqlalchemy import select
from sqlalchemy.orm import Session, object_session
from sqlalchemy.orm.attributes import set_committed_value

LONGEST = 1000  # characters, in Airflow's table
LONGEST_REASON = 200
OPENING = "Week of "
KEYS = ("return_value", "note", "failure")
Said = dict[tuple[str, str], Any]  # (task, key) -> what it left as XCom


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
    """Note on a run its week, total and state, and what `resolve_week` said below.

    A person's own note stays.
    """
    from airflow import settings
    from airflow.models.dagrun import DagRunNote
    from airflow.utils.session import create_session

    # Asked in a session apart, so that an error in it leaves the scheduler's usable.
    with create_session(scoped=False) as session:
        said, failed = what_was_said(session, dag_run), failed_task(session, dag_run)
        held = vars(dag_run).get("dag_run_note") or session.get(DagRunNote, dag_run.id)
    briefing = said.get(("resolve_week", "note"))
    # The plan comes last: a run that is ended before it has nothing to say yet.
    if not briefing or ("resolve_week", "return_value") not in said or (held and not is_ours(held)):
        return
    note = DagRunNote(note_text(first_line(said, failed, dag_run.state), briefing))
    note.dag_run_id = dag_run.id
    # `airflow dags test` has let go of its run, and goes on with the session of its thread.
    its_session = object_session(dag_run)
    kept = (its_session or settings.get_session()()).merge(note)
    if its_session:
        set_committed_value(dag_run, "dag_run_note", kept)  # without asking for what was there


def note_text(line: str, briefing: str) -> str:
    """Return a note as Airflow shows it, which is as Markdown: the briefing keeps its columns."""
    head, tail = f"{line}\n\n```\n", "\n```"
    text = (head + briefing)[: LONGEST - len(tail)] + tail
    return text.encode(errors="ignore").decode()  # JSON may hold half a character, no database does


def is_ours(note: Any) -> bool:  # noqa: ANN401
    """Say whether a note is the one that a run was given before it was cleared."""
    return note.user_id is None and note.content.startswith(OPENING)


def what_was_said(session: Session, dag_run: Any) -> Said:  # noqa: ANN401
    """Return what the tasks of a run left."""
    from airflow.models.xcom import XComModel

    asked = select(XComModel.task_id, XComModel.key, XComModel.value).where(
        XComModel.dag_id == dag_run.dag_id,
        XComModel.run_id == dag_run.run_id,
        XComModel.key.in_(KEYS),
        XComModel.map_index == -1,
    )
    return {(task, key): value for task, key, value in session.execute(asked)}


def failed_task(session: Session, dag_run: Any) -> str | None:  # noqa: ANN401
    """Return the task of a run that failed first, if one did."""
    from airflow.models.taskinstance import TaskInstance

    asked = select(TaskInstance.task_id).where(
        TaskInstance.dag_id == dag_run.dag_id,
        TaskInstance.run_id == dag_run.run_id,
        TaskInstance.state == "failed",
    )
    return session.scalar(asked.order_by(TaskInstance.end_date))


def first_line(said: Said, failed: str | None, state: str) -> str:
    """Return what a run is for and what came of it, in one line."""
    plan, made, published, promoted = (
        said.get((task, "return_value"), {})
        for task in ("resolve_week", "forecast", "publish", "promote")
    )
    parts = [f"{made['city_mean']:,.0f} expected"] if made else []
    if published:
        revision = published["revision"]
        parts.append(f"published (revision {revision})" if revision else "dry run, nothing stored")
    if promoted:
        parts.append(f"model version {promoted['champion']} promoted")
    if state == "failed":
        parts.append(why_it_failed(said, failed))
    elif not parts:
        parts.append("the champion stays")  # of retrain_model, whose challenger was turned down
    return f"{OPENING}{plan['target_week']}: {', '.join(parts)}"


def why_it_failed(said: Said, failed: str | None) -> str:
    """Return where a run failed, and why as far as the task could say."""
    if failed is None:
        return "ended before it was done"
    reason = " ".join(said.get((failed, "failure"), "").split())
    if len(reason) > LONGEST_REASON:
        reason = f"{reason[:LONGEST_REASON]}..."
    return f"failed at {failed}: {reason}" if reason else f"failed at {failed}"


class RunNotePlugin(AirflowPlugin):
    """Makes Airflow call `RunNotes`."""

    name = "run_note"
    listeners = [RunNotes()]  # noqa: RUF012 - as Airflow declares it
