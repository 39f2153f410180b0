"""The distributed form from its images, as README starts it: weeks, a kill, a restart, a backup.

It needs a container engine, and runs apart from the other tests: make compose-test.
The tests are one story and build on one another.
"""

import hashlib
import json
import os
import re
import subprocess
from base64 import b64decode
from datetime import timedelta

import pytest

from tests.conftest import ROOT
from tests.deployment import Deployment, say
from tests.e2e.conftest import FIRST_DAY, LAST_DAY
from tests.e2e.test_distributed import stored
from tests.services import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif("COMPOSE_TEST" not in os.environ, reason="make compose-test runs it"),
]

EARLIER = LAST_DAY - timedelta(weeks=2)
KILLED = "killed"
SMALL = {
    "HOTSPOTS_WINDOW_WEEKS": "6",
    "HOTSPOTS_TRAIN_EPOCHS": "40",
    "HOTSPOTS_TRAIN_MEMBERS": "1",
}
# What tasks read and write, but for Airflow's logs, which go on being written.
FILES = "cd /var/lib/hotspots && find . -type f -not -path './airflow/*'"
CITY = ("--first-day", f"{FIRST_DAY}", "--shown-day", f"{LAST_DAY}")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    """Build and start everything in an empty project, for a city that trains in seconds."""
    made = Deployment(tmp_path_factory.mktemp("clone"))
    made.environment["HOTSPOTS_HISTORY_START"] = f"{FIRST_DAY}"
    quick = {"environment": SMALL}
    served = ["hotspots", "replay", "serve", "--host", "0.0.0.0", "--port", "8765", *CITY]
    at_once = {
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__CORE__MAX_TASK_RETRY_DELAY": "5",
    }
    made.adapt(
        {
            "postgres": {
                "ports": [f"127.0.0.1:{made.database_port}:5432"],
                "networks": ["outside"],
            },
            "replay": {"command": served},
            "scheduler": {"environment": at_once},
            "worker": quick,
            "worker-training": quick,
        }
    )
    try:
        with made.stage("build the images"):
            made.compose("build", seconds=1800)
        with made.stage("start, until all parts are healthy"):
            made.compose("up", "--detach", seconds=1800)
            wait_for(lambda: all_are_well(made), 600, "every part is healthy")
        yield made
        for service, held in made.memory().items():
            say(f"{held}  {service}, at the end")
    finally:
        made.remove()


def all_are_well(made):
    """Ask Airflow after its own parts."""
    try:
        _, health = made.api("viewer").ask("api/v2/monitor/health")
    except OSError:
        return False
    return {part["status"] for part in health.values()} == {"healthy"}


@pytest.fixture(scope="module")
def alone(deployment, tmp_path_factory):
    """The same two weeks by the command line, from the same sources into a home of its own."""
    path = tmp_path_factory.mktemp("alone") / "results.db"
    own = "HOTSPOTS_HOME=/tmp/alone HOTSPOTS_RESULTS_URL= HOTSPOTS_MLFLOW_URL="
    with deployment.stage("the same two weeks by `hotspots run`"):
        for issued, training in ((LAST_DAY, "auto"), (EARLIER, "retrain")):
            words = f"--issue-date {issued} --training {training}"
            deployment.inside("worker", f"{own} hotspots run {words}")
        path.write_bytes(b64decode(deployment.inside("worker", "base64 /tmp/alone/results.db")))
    return f"sqlite:///{path}"


def test_its_users_log_in_and_a_viewer_starts_nothing(deployment):
    assert deployment.api("admin").ask("api/v2/dags")[0] == 200
    status, said = deployment.api("viewer").trigger("weekly_forecast")
    assert status == 403, said


def test_the_demo_ends_in_a_week_one_can_look_at(deployment):
    with deployment.stage("the week of the demo, trained anew"):
        wait_for(lambda: deployment.ended_with("demo-week") is not None, 1200, "the demo's week")
    said = deployment.compose("logs", "--no-log-prefix", "demo-week")
    assert deployment.ended_with("demo-week") == 0, said
    assert "SIMULATED" in said.upper()
    tasks = deployment.run_when_done(deployment.api("admin"), "demo", 300)
    assert {task["try_number"] for task in tasks.values()} == {1}


def test_a_week_by_rest_outlives_its_training_worker(deployment):
    admin = deployment.api("admin")
    body = {
        "dag_run_id": KILLED,
        "logical_date": None,
        "conf": {"issue_date": f"{EARLIER}", "training": "retrain"},
    }
    with deployment.stage("a week by REST, its training worker killed and come back"):
        assert admin.ask("api/v2/dags/weekly_forecast/dagRuns", body, "POST")[0] == 200
        trains = "ls /var/lib/hotspots/trainings/*-retrain-*/progress.json | wc -l"
        wait_for(lambda: deployment.inside("worker", trains) == "2", 900, "a second training")
        # All but the init that watches: what is left of a container whose worker is gone.
        words = ["docker", "compose", "exec", "-T", "worker-training", "bash", "-c", "kill -9 -1"]
        subprocess.run(words, cwd=deployment.folder, env=deployment.environment)
        tasks = deployment.run_when_done(admin, KILLED, 1200)
    restarts = ["docker", "inspect", "-f", "{{.RestartCount}}"]
    assert deployment.run(*restarts, deployment.container("worker-training")).strip() == "1"
    tries = {name: task["try_number"] for name, task in tasks.items() if task["try_number"] > 1}
    assert tries == {"train": 2}
    for name, task in tasks.items():
        service = "worker-training" if name == "train" else "worker"
        assert task["queue"] == ("gpu" if name == "train" else "default")
        assert deployment.container(service).startswith(task["hostname"])


def test_postgres_holds_the_rows_of_the_command_line(deployment, alone):
    found = stored(deployment.database("results_reader"))
    assert len(found["cell_forecasts"]) == 2 * 1663
    assert found == stored(alone)


def test_the_page_answers_a_viewer(deployment):
    viewer = deployment.api("viewer")
    status, weeks = viewer.ask("hotspots/v1/weeks")
    assert (status, len(weeks["weeks"])) == (200, 2)
    status, table = viewer.ask(f"hotspots/v1/weeks/{week_of(LAST_DAY)}/downloads/csv")
    assert (status, len(table.splitlines())) == (200, 1 + 1663)


def test_no_secret_is_in_a_log(deployment):
    logs = deployment.compose("logs", "--no-color")
    logs += deployment.inside("worker", "cat $(find /var/lib/hotspots/airflow/logs -type f)")
    assert "train" in logs
    secret = [n for n in deployment.given if n.endswith(("_PASSWORD", "_SECRET", "_FERNET_KEY"))]
    assert len(secret) == 12
    assert [name for name in secret if deployment.given[name] in logs] == []


# Asks a port of another part for a connection.
REACH = (
    "python -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)'"
)
PARTS = ("api-server", "scheduler", "dag-processor", "triggerer", "worker", "worker-training")


@pytest.mark.parametrize(
    ("asked", "port", "may"),
    [
        ("mlflow", 5000, {"worker", "worker-training"}),
        ("redis", 6379, {"scheduler", "worker", "worker-training"}),
        ("api-server", 8080, set(PARTS)),
        ("postgres", 5432, set(PARTS)),
    ],
)
def test_a_part_is_reached_by_those_who_need_it(deployment, asked, port, may):
    said = {p: deployment.inside(p, f"{REACH} {asked} {port} 2>&1 || true") for p in PARTS}
    assert {part for part, trouble in said.items() if not trouble} == may, said
    refused = "".join(trouble for part, trouble in said.items() if part not in may)
    assert "timed out" in refused or "resolution" in refused or not refused


def test_mlflow_is_not_reached_from_this_machine(deployment):
    form = "{{json .NetworkSettings.Ports}} {{json .HostConfig.PortBindings}}"
    said = deployment.run("docker", "inspect", "-f", form, deployment.container("mlflow"))
    assert "HostPort" not in said


# Logs in as nobody: makes a token of a user, or of a task, with the key that the part has, and asks
# the API server for something by it.
MINT = """
import sys, urllib.error, urllib.request
from airflow.api_fastapi.auth.tokens import JWTGenerator, get_signing_args
from airflow.configuration import conf
as_user = sys.argv[1] == "user"
audience = "apache-airflow" if as_user else conf.get("execution_api", "jwt_audience")
task = "00000000-0000-7000-8000-000000000000"
claims = {"sub": "admin", "role": "ADMIN"} if as_user else {"sub": task}
made = JWTGenerator(**get_signing_args(), valid_for=600, audience=audience).generate(claims)
path = "api/v2/dags" if as_user else "execution/variables/none"
asked = urllib.request.Request(f"http://api-server:8080/{path}")
asked.add_header("Authorization", f"Bearer {made}")
try:
    print(urllib.request.urlopen(asked, timeout=30).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.mark.parametrize("kind", ["user", "task"])
def test_a_worker_cannot_make_a_token_that_counts(deployment, kind):
    def asked_from(part):
        command = f"python -W ignore - {kind} <<'END' 2>/dev/null\n{MINT}\nEND"
        return int(deployment.inside(part, command).split()[-1])

    assert asked_from("worker") in {401, 403}
    assert asked_from("worker-training") in {401, 403}
    # With the key the same token counts: 404 is that there is no such variable.
    assert asked_from("scheduler") == {"user": 200, "task": 404}[kind]


def test_a_worker_holds_no_key_of_airflows(deployment):
    keys = ("AIRFLOW_JWT_SECRET", "AIRFLOW_API_SECRET", "AIRFLOW_FERNET_KEY", "AIRFLOW_DB_PASSWORD")
    for part in ("worker", "worker-training"):
        held = deployment.inside(part, "cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
        held += deployment.inside(part, "cat /home/airflow/airflow/airflow.cfg")
        assert "HOTSPOTS_HOME=" in held
        assert [key for key in keys if deployment.given[key] in held] == []


@pytest.mark.parametrize(
    ("part", "may"), [("api-server", set()), ("worker", {"/var/lib/hotspots"})]
)
def test_a_part_writes_to_its_volume_at_most(deployment, part, may):
    places = ("/opt/hotspots/plugins", "/opt/venv/bin", "/etc", "/var/lib/hotspots", "/var/tmp")
    command = "for d in {}; do touch $d/written 2>/dev/null && rm $d/written && echo $d; done; true"
    assert set(deployment.inside(part, command.format(" ".join(places))).split()) == may


def week_of(issued):
    """Return the Sunday after an issue date."""
    return issued + timedelta(days=6 - issued.weekday())


def everything(deployment):
    """Return a hash for each kind of thing that must not be lost."""
    viewer = deployment.api("viewer")
    page = [viewer.ask(f"hotspots/v1/weeks/{week_of(day)}")[1] for day in (EARLIER, LAST_DAY)]
    runs = viewer.ask("api/v2/dags/weekly_forecast/dagRuns?order_by=id")[1]["dag_runs"]
    kinds = {
        "rows": repr(stored(deployment.database("results_reader"))),
        "page": json.dumps(page),
        "runs": json.dumps([(run["dag_run_id"], run["state"], run["note"]) for run in runs]),
        "files": deployment.inside("worker", f"{FILES} -print0 | sort -z | xargs -0 sha256sum"),
        "models": deployment.inside("worker", "hotspots models"),
    }
    assert all(kinds.values())
    return {kind: hashlib.sha256(text.encode()).hexdigest() for kind, text in kinds.items()}


def test_down_and_up_lose_nothing(deployment):
    before = everything(deployment)
    with deployment.stage("down and up"):
        deployment.compose("down", "--timeout", "30")
        deployment.compose("up", "--detach")
        wait_for(lambda: all_are_well(deployment), 600, "every part is healthy again")
    assert everything(deployment) == before


def documented(heading):
    """Return the shell lines that docs/operations.md gives under a heading."""
    text = (ROOT / "docs/operations.md").read_text()
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def test_the_documented_backup_is_restored_into_an_empty_project(deployment):
    before = everything(deployment)
    save, restore = documented("Backup")
    (deployment.folder / "backup").mkdir(mode=0o700)
    with deployment.stage("backup"):
        deployment.run("bash", "-euo", "pipefail", "-c", save)
    deployment.compose("down", "--volumes", "--timeout", "30")
    with deployment.stage("restore into an empty project"):
        deployment.run("bash", "-euo", "pipefail", "-c", restore)
        wait_for(lambda: all_are_well(deployment), 600, "every part is healthy again")
    assert everything(deployment) == before
