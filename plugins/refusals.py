"""Refuses runs and backfills that are asked for wrongly, before Airflow stores them.

A form, the REST API, the command line and another DAG all end in the same place, a new row of
Airflow's metadata, and each hands on the reason that is given there. Airflow itself checks each
value alone, passes over names that the form doesn't have, and knows no dates of a city's.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

OURS = "hotspots"  # the owner of our DAGs' tasks


def listen() -> None:
    """Look at every row that this process adds to Airflow's metadata from now on."""
    event.listen(Session, "before_flush", refuse)


def refuse(session: Session, _flush: object, _instances: object) -> None:
    """Raise what Airflow expects of a bad value where a new run or backfill has one."""
    for row in session.new:
        kind = f"{type(row).__module__}.{type(row).__name__}"
        if kind == "airflow.models.dagrun.DagRun" and row.run_type == "manual":
            from airflow.exceptions import ParamValidationError

            check(session, row, row.conf, "manual", row.logical_date, ParamValidationError)
        elif kind == "airflow.models.backfill.Backfill":
            from airflow.models.backfill import InvalidBackfillConf

            check(session, row, row.dag_run_conf, "backfill", row.from_date, InvalidBackfillConf)


def check(
    session: Session,
    row: Any,  # noqa: ANN401 - Airflow's own
    conf: dict[str, Any] | None,
    run_type: str,
    logical_date: Any,  # noqa: ANN401
    refusal: type[Exception],
) -> None:
    """Raise the refusal where a DAG of ours can't be run so."""
    from airflow.models.serialized_dag import SerializedDagModel

    from pipeline.domain.errors import HotspotsError
    from pipeline.workflow.tasks import check_request

    with session.no_autoflush:
        stored = session.scalar(SerializedDagModel.latest_item_select_object(row.dag_id))
    if stored is None or OURS not in {task.owner for task in stored.dag.tasks}:
        return
    try:
        check_request(
            conf or {}, stored.dag.params.dump(), run_type=run_type, logical_date=logical_date
        )
    except HotspotsError as error:
        raise refusal(str(error)) from None
