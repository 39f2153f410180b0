"""The DAGs as Airflow runs them."""

import json

import pytest

from tests.e2e.conftest import BIN, run_command
from tests.integration.conftest import ISSUE_DATE, made_up_folder, portal  # noqa: F401


@pytest.fixture
def portal_of_chicago(airflow, portal):  # noqa: F811
    portal.clear_faults()
    return {**airflow, "HOTSPOTS_REPLAY_URL": portal.url}


def dag_test(environment, code=0, **conf):
    chosen = json.dumps({"city": "chicago", "issue_date": ISSUE_DATE, **conf})
    words = ["dags", "test", "weekly_forecast", "2017-12-13T14:00:00+00:00", "--conf", chosen]
    return run_command(environment, BIN / "airflow", *words, code=code)


def test_a_week_runs_through_airflow(portal_of_chicago):
    dag_test(portal_of_chicago)
    said = run_command(portal_of_chicago, BIN / "hotspots", "show", "--city", "chicago")
    assert "2017-12-17 to 2017-12-23" in said
    assert "RECORDED" in said


def test_a_bad_parameter_is_refused_before_anything_runs(portal_of_chicago):
    said = dag_test(portal_of_chicago, code=1, training="harder")
    assert "harder" in said


def test_an_error_that_no_retry_mends_fails_at_once_by_name(portal_of_chicago):
    said = dag_test(portal_of_chicago, code=1, issue_date="2015-01-07")
    assert "WeekNotReady" in said
