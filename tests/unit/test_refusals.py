"""What is refused as Airflow is about to store a new run or backfill."""

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from tests.plugins import import_plugin

FORM = {"city": "los_angeles", "issue_date": None}
START = datetime(2026, 10, 1, tzinfo=UTC)


class Waiting:
    """A session with one new row, and a stored DAG of these tasks' owners."""

    def __init__(self, row, owner="hotspots", form=FORM):
        self.new, self.no_autoflush = [row], nullcontext()
        params = SimpleNamespace(dump=lambda: form)
        dag = SimpleNamespace(tasks=[SimpleNamespace(owner=owner)], params=params)
        self._stored = SimpleNamespace(dag=dag)

    def scalar(self, _query):
        return self._stored


@pytest.fixture(scope="module")
def plugin(airflow_home):
    return import_plugin("refusals", import_tables)


def import_tables():
    from airflow.models import import_all_models

    import_all_models()


@pytest.fixture
def refuse(plugin):
    return lambda *words, **named: plugin.refuse(Waiting(*words, **named), None, None)


def run(run_type="manual", **given):
    from airflow.models.dagrun import DagRun

    return DagRun(dag_id="weekly_forecast", run_id="r", run_type=run_type, conf=given)


def backfill(**given):
    from airflow.models.backfill import Backfill

    return Backfill(dag_id="weekly_forecast", from_date=START, dag_run_conf=given)


@pytest.mark.parametrize("row", [lambda: run(issue_date="2026-11-11"), run, backfill, object])
def test_what_can_be_run_passes(refuse, row):
    refuse(row())


def test_a_run_by_hand_is_refused_as_airflow_refuses_a_bad_value(refuse):
    from airflow.exceptions import ParamValidationError

    for given, reason in (
        ({"isue_date": "2026-11-11"}, "There is no field 'isue_date'"),
        ({"issue_date": "9999-01-06"}, "lies after today"),
        ({"issue_date": "2001-01-03"}, "lies before the first report"),
    ):
        with pytest.raises(ParamValidationError, match=reason):
            refuse(run(**given))


def test_a_backfill_is_refused_as_airflow_refuses_its_fields(refuse):
    from airflow.models.backfill import InvalidBackfillConf

    with pytest.raises(InvalidBackfillConf, match="all of them that one"):
        refuse(backfill(issue_date="2026-11-11"))


def test_other_peoples_dags_and_runs_of_the_schedule_are_let_alone(refuse):
    refuse(run(colour="red"), owner="airflow")
    refuse(run("scheduled", colour="red"))


def test_it_looks_at_what_every_session_adds(plugin):
    from sqlalchemy import event
    from sqlalchemy.orm import Session

    import_plugin("airflow_local_settings")
    assert event.contains(Session, "before_flush", plugin.refuse)
