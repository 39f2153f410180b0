"""The alert of a failed task, as Airflow calls for it: what it says, to whom, and what it hides."""

import json
import sys
import threading
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from pipeline.domain.errors import SchemaDrift
from tests.services import ROOT

PLAN = {"target_week": "2026-09-06", "issue_date": "2026-09-02", "publish": True}
ERROR = SchemaDrift("y8y3-fqfu sent <script>alert(1)</script> & <!channel>")
BEFORE, COMING = date(2026, 11, 22), date(2026, 11, 29)
SECRET = "T00/B00/not-to-be-told"


@pytest.fixture
def alerts(airflow_home, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / "dags"))
    monkeypatch.setenv("HOTSPOTS_HOME", str(tmp_path))
    from on_airflow import alerts

    monkeypatch.setattr(alerts, "_connection", lambda _name: None)
    yield alerts
    for name in ("on_airflow", "on_airflow.alerts"):
        sys.modules.pop(name, None)


def context(plan=PLAN, error=ERROR):
    def xcom_pull(*, task_ids):
        if isinstance(plan, Exception):
            raise plan
        return plan if task_ids == "resolve_week" else None

    moment = datetime(2026, 11, 25, 14, tzinfo=UTC)
    run = SimpleNamespace(
        dag_id="weekly_forecast", run_id="manual__1", run_type="manual", logical_date=None,
        data_interval_end=None, run_after=moment,
    )  # fmt: skip
    return {
        "exception": error,
        "dag_run": run,
        "ti": SimpleNamespace(task_id="pull_crime", xcom_pull=xcom_pull),
        "params": {"city": "los_angeles", "issue_date": None, "publish": True},
    }


def connect(alerts, monkeypatch, name, **facts):
    found = {name: SimpleNamespace(**facts)}
    monkeypatch.setattr(alerts, "_connection", found.get)


@pytest.fixture
def slack():
    """A webhook that keeps what it is sent, and answers as it is told."""
    taken, answer = [], {"status": 200}

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answer["status"])
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever).start()
    yield SimpleNamespace(
        url=f"http://127.0.0.1:{server.server_port}/{SECRET}", taken=taken, answer=answer
    )
    server.shutdown()
    server.server_close()


def test_it_speaks_of_the_week_the_run_resolved_to(alerts, caplog, tmp_path):
    from tests.unit.workflow.test_alerts import stored

    stored(SimpleNamespace(results_database=f"sqlite:///{tmp_path}/results.db"), COMING)
    alerts.alert(context())
    assert "There is no forecast for the week of 2026-09-06; newer weeks are not" in caplog.text


@pytest.mark.parametrize("plan", [None, [], RuntimeError("no supervisor")])
def test_without_a_plan_it_speaks_of_the_runs_own_moment(alerts, caplog, tmp_path, plan):
    from tests.unit.workflow.test_alerts import stored

    stored(SimpleNamespace(results_database=f"sqlite:///{tmp_path}/results.db"), BEFORE)
    alerts.alert(context(plan))
    assert "There is no forecast for the week of 2026-11-29; the one for" in caplog.text


def test_a_mail_shows_markup_as_text(alerts, monkeypatch):
    sent = []

    class Hook:
        def __init__(self, _connection):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def send_email_smtp(self, **mail):
            sent.append(mail)

    monkeypatch.setattr("airflow.providers.smtp.hooks.smtp.SmtpHook", Hook)
    connect(alerts, monkeypatch, "hotspots_smtp", extra_dejson={"to": "you@example.org"})
    alerts.alert(context())
    (mail,) = sent
    assert mail["subject"] == "los_angeles: weekly_forecast failed at pull_crime"
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;!channel&gt;" in mail["html_content"]
    assert "<script>" not in mail["html_content"]


def test_slack_is_sent_no_markup_of_its_own(alerts, monkeypatch, slack):
    connect(alerts, monkeypatch, "hotspots_slack", password=slack.url)
    alerts.alert(context())
    (said,) = slack.taken
    assert said["text"].startswith("*los_angeles: weekly_forecast failed at pull_crime*\n")
    assert "&lt;!channel&gt;" in said["text"]


@pytest.mark.parametrize("trouble", ["refused", "out of reach"])
def test_the_webhooks_address_is_a_secret_that_no_log_holds(
    alerts, monkeypatch, slack, caplog, trouble
):
    slack.answer["status"] = 403
    url = slack.url if trouble == "refused" else f"http://127.0.0.1:1/{SECRET}"
    connect(alerts, monkeypatch, "hotspots_slack", password=url)
    alerts.alert(context())
    assert "could not be sent by to_slack" in caplog.text
    assert SECRET not in caplog.text
