"""The DAGs as Airflow runs them."""

import json
import re
import sqlite3
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer

import pytest

from tests.e2e.conftest import BIN, run_command
from tests.integration.conftest import ISSUE_DATE, made_up_folder, portal  # noqa: F401
from tests.planted import NOWHERE, everything_in, found_in, planted, with_login

RUNS = """
    select (julianday(run.end_date) - julianday(run.start_date)) * 86400, note.content
    from dag_run run join dag_run_note note on note.dag_run_id = run.id
"""


@pytest.fixture
def portal_of_chicago(airflow, portal):  # noqa: F811
    portal.clear_faults()
    return {
        **airflow,
        "HOTSPOTS_REPLAY_URL": with_login(portal.url, "replay"),
        "HOTSPOTS_SOCRATA_TOKEN": f" {planted('token')}",
        "HOTSPOTS_AIRFLOW_URL": with_login(f"http://{NOWHERE}", "airflow"),
        "HTTPS_PROXY": with_login(f"http://{NOWHERE}", "proxy"),
        "HOTSPOTS_CITIES": "chicago",
    }


def dag_test(environment, code=0, dag="weekly_forecast", **conf):
    """Run a DAG as scripts/run.sh does: without a logical date."""
    chosen = json.dumps({"city": "chicago", "issue_date": ISSUE_DATE, **conf})
    words = ["dags", "test", dag, "--conf", chosen]
    return run_command(environment, BIN / "airflow", *words, code=code)


def metadata(environment, query):
    database = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def test_a_week_runs_through_airflow(portal_of_chicago):
    said = dag_test(portal_of_chicago)
    assert "calling listener" not in said
    [(took, note)] = metadata(portal_of_chicago, RUNS)
    assert 0 < took < 3600
    assert re.match(r"Week of 2017-12-17: \d+ expected, published \(revision 1\)\n", note)
    # Logs of tasks, metadata with XCom and notes, lake, reports, registry and store are all there.
    written = everything_in(Path(portal_of_chicago["AIRFLOW_HOME"]))
    assert b"published (revision 1)" in written
    assert found_in(said.encode() + written) == []
    said = run_command(portal_of_chicago, BIN / "hotspots", "show", "--city", "chicago")
    assert "2017-12-17 to 2017-12-23" in said
    assert "RECORDED" in said


class Refusal(BaseHTTPRequestHandler):
    """Knows nobody."""

    def do_GET(self):
        self.send_error(401)

    def log_message(self, *_):
        pass


def test_a_week_that_fails_at_a_server_with_a_login_tells_nobody_the_password(
    portal_of_chicago, listening, tmp_path
):
    server = f"127.0.0.1:{listening(HTTPServer, Refusal).server_port}"
    registry = {
        "HOTSPOTS_MLFLOW_URL": with_login(f"http://{server}", "mlflow"),
        "HOTSPOTS_HOME": str(tmp_path),
    }
    said = dag_test({**portal_of_chicago, **registry}, code=1)
    assert f"The model registry at http://{server} refuses the login" in said
    [(why,)] = metadata(portal_of_chicago, "select value from xcom where key = 'failure'")
    assert server in why
    [alert] = (tmp_path / "alerts").iterdir()
    assert server in alert.read_text()
    written = everything_in(tmp_path) + everything_in(Path(portal_of_chicago["AIRFLOW_HOME"]))
    assert found_in(said.encode() + written) == []


def test_a_new_model_is_tried_and_promoted_through_airflow(portal_of_chicago):
    said = dag_test(portal_of_chicago, dag="retrain_model")
    assert "The challenger is **not worse**" in said or "needs no trial" in said
    said = run_command(portal_of_chicago, BIN / "hotspots", "models", "--city", "chicago")
    assert "champion" in said
    assert "challenger" not in said


def test_the_history_is_loaded_through_airflow(portal_of_chicago, tmp_path):
    own = {"HOTSPOTS_HOME": str(tmp_path), "HOTSPOTS_HISTORY_START": "2016-01-01"}
    environment = {**portal_of_chicago, **own}
    words = ["dags", "test", "load_history", "2018-01-03", "--conf", '{"city": "chicago"}']
    run_command(environment, BIN / "airflow", *words)
    assert len(list((tmp_path / "lake" / "snapshots" / "chicago").iterdir())) == 1


def test_a_bad_parameter_is_refused_before_anything_runs(portal_of_chicago):
    said = dag_test(portal_of_chicago, code=1, training="harder")
    assert "harder" in said
    said = dag_test(portal_of_chicago, code=1, isue_date="2017-12-13")
    assert "There is no field 'isue_date'" in said
    assert "resolve_week" not in said


def test_a_run_without_an_issue_date_is_for_the_date_it_is_given(portal_of_chicago):
    words = ["dags", "test", "weekly_forecast", "2017-12-06", "--conf", '{"publish": false}']
    only = ["--mark-success-pattern", "(?!resolve_week)"]  # the others count as done
    said = run_command(portal_of_chicago, BIN / "airflow", *words, *only)
    assert "Wednesday 2017-12-06" in said
    assert "2017-12-10 to 2017-12-16" in said


class Webhook(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


class Mailbox(StreamRequestHandler):
    """As much of SMTP as a client needs to hand over a mail."""

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            word = line.split()[0].upper()
            self.wfile.write({b"DATA": b"354 go on\r\n"}.get(word, b"250 fine\r\n"))
            if word == b"DATA":
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.got.append(mail.decode())
                self.wfile.write(b"250 taken\r\n")


@pytest.fixture
def listening():
    """Start servers on loopback that keep what they get."""
    started = []

    def start(kind, handler):
        server = kind(("127.0.0.1", 0), handler)
        server.got = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def test_an_error_that_no_retry_mends_fails_at_once_by_name_and_says_so(
    portal_of_chicago,
    portal,  # noqa: F811
    listening,
    tmp_path,
):
    portal.set_fault("moved_403", match="ijzp-q8t2")
    slack, mailbox = listening(HTTPServer, Webhook), listening(TCPServer, Mailbox)
    address = f"http://127.0.0.1:{slack.server_port}/hook"
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "a@x.org", "to": "b@x.org"}
    mail = {"conn_type": "smtp", "host": "127.0.0.1", "port": mailbox.server_address[1]}
    environment = {
        **portal_of_chicago,
        "HOTSPOTS_HOME": str(tmp_path),  # a past week whose data are held is not pulled again
        "AIRFLOW_CONN_HOTSPOTS_SLACK": json.dumps({"conn_type": "http", "password": address}),
        "AIRFLOW_CONN_HOTSPOTS_SMTP": json.dumps({**mail, "extra": extra}),
    }
    said = dag_test(environment, code=1)
    assert "AirflowFailException" in said
    [told] = slack.got
    assert told["text"].startswith("*chicago: weekly_forecast failed at pull_crime*")
    assert "What failed: DatasetMoved: data.cityofchicago.org" in told["text"]
    [mailed] = mailbox.got
    assert "Subject: chicago: weekly_forecast failed at pull_crime" in mailed
    assert "To: b@x.org" in mailed
    assert "ALERT chicago: weekly_forecast failed at pull_crime" in said
