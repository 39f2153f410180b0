"""Real services for tests, each started on loopback in a folder of its own and stopped at the end.

PostgreSQL and Redis are Debian's packages; Airflow's components and moto, which stands for object
storage, are those of the environment that the tests run in.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
import requests
from moto.server import ThreadedMotoServer
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.api import STARTS_IN_S, Api
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
ORDINARY_USER = "nobody"  # initdb refuses to run as root


def absent(what: str, package: str) -> NoReturn:
    """Skip a test for want of a service; where CI promises it, fail instead."""
    reason = f"{what}; Debian's package {package} brings it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start PostgreSQL and give the URL of its superuser, without a database."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    programs = max((p.parent for p in found), key=lambda p: int(p.parent.name), default=None)
    if programs is None:
        absent("no PostgreSQL server programs in /usr/lib/postgresql/*/bin", "postgresql")
    who: dict[str, Any] = {"user": ORDINARY_USER, "extra_groups": []} if os.geteuid() == 0 else {}
    folder, port = Path(tempfile.mkdtemp(prefix="hotspots_pg_")), free_port()
    if who:
        shutil.chown(folder, ORDINARY_USER)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, "-D", folder / "data", *arguments],
            check=True, cwd=folder, stdout=subprocess.DEVNULL, **who,
        )  # fmt: skip

    try:
        run("initdb", "-U", "hotspots", "--auth=trust", "--no-sync", "--encoding=UTF8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"{options} -F", "start")
        yield f"postgresql+psycopg://hotspots@127.0.0.1:{port}"
        run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@contextmanager
def redis_server() -> Iterator[str]:
    """Start Redis, with a password as in production, and give the URL of its first database."""
    program = shutil.which("redis-server")
    if program is None:
        absent("no redis-server on the path", "redis-server")
    password, port = secrets.token_hex(8), free_port()
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", password]
    with tempfile.TemporaryDirectory(prefix="hotspots_redis_") as folder:
        server = subprocess.Popen([program, *words], cwd=folder, stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: is_open(port), 60, "Redis")
            yield f"redis://:{password}@127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(10)


@contextmanager
def object_storage() -> Iterator[dict[str, str]]:
    """Start S3-compatible storage and give the AWS_* variables that lead to it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "lake",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(8),
    }
    server.stop()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def create_database(server: str, name: str) -> str:
    """Make an empty database and return its URL."""
    admin = create_engine(f"{server}/postgres", poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database {name}"))
    return f"{server}/{name}"


def deployed_databases(server: str) -> dict[str, str]:
    """Make the databases and roles of the distributed form; role -> URL of its database.

    It runs the script that the PostgreSQL image runs. The server trusts loopback, so that the
    passwords are only there because the script demands them.
    """
    address = server.rpartition("@")[2]
    roles = ("airflow", "mlflow", "results_owner", "results_writer", "results_reader")
    names = {role: f"{role.upper()}_PASSWORD" for role in roles}
    names |= {role: f"{role.upper()}_DB_PASSWORD" for role in ("airflow", "mlflow")}
    host, _, port = address.partition(":")
    environment = {
        **os.environ,
        **{name: secrets.token_hex(8) for name in names.values()},
        "PGHOST": host,
        "PGPORT": port,
        "POSTGRES_USER": "hotspots",
    }
    subprocess.run(["bash", ROOT / "scripts/postgres-roles.sh"], env=environment, check=True)
    return {
        role: f"postgresql+psycopg://{role}@{address}/{role.partition('_')[0]}" for role in roles
    }


# As by `airflow pools set gpu 1 ""`, which takes seconds.
GPU_POOL = (
    "insert into slot_pool (pool, slots, description, include_deferred) "
    "values ('gpu', 1, '', false)"
)


class Airflow:
    """An Airflow of its own: its environment, its components and what its metadata say."""

    def __init__(self, home: Path, metadata: str, **settings: str) -> None:
        """Describe an Airflow in `home`; nothing starts yet.

        Args:
            home: folder of everything it writes.
            metadata: SQLAlchemy URL of its metadata, by a driver that the tests have too.
            settings: more environment variables.
        """
        self._engine = create_engine(metadata, poolclass=NullPool)
        self.logs = home / "component_logs"
        self.logs.mkdir(parents=True)
        self.address = f"http://127.0.0.1:{free_port()}"
        self._passwords = home / "airflow" / "passwords.json"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOTSPOTS_", "AIRFLOW"))}
        self.environment = {
            **kept,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AIRFLOW__API__BASE_URL": self.address,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": self.address.rpartition(":")[2],
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__EXECUTION_API__JWT_EXPIRATION_TIME": "86400",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "viewer:viewer,admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._passwords),
            # No file changes while it runs, and whoever waits for a task waits for the scheduler.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata.replace("+psycopg:", "+psycopg2:"),
            "HOTSPOTS_HOME": str(home / "hotspots"),
            "PYTHONWARNINGS": "ignore",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "GX_ANALYTICS_ENABLED": "false",
            **settings,
        }
        self.run("airflow", "db", "migrate")
        with self._engine.begin() as connection:
            connection.execute(text(GPU_POOL))

    def run(self, program: str, *words: str, **more: str) -> str:
        """Run a command of the environment to its end and return what it printed."""
        done = subprocess.run(
            [str(BIN / program), *words],
            env=self.environment | more, cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    @contextmanager
    def component(self, name: str, program: str, *words: str, **more: str) -> Iterator[Path]:
        """Run a part for as long as the context lasts; gives its log.

        Args:
            name: what its log is called.
            program: command of the environment.
            words: its arguments.
            more: environment variables of its own.
        """
        log = self.logs / f"{name}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [BIN / program, *words], env=self.environment | more,
                cwd=ROOT, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
        try:
            yield log
            assert process.poll() is None, log.read_text()[-4000:]
        finally:
            _end_group(process)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the metadata's answer to a query; none while SQLite is locked."""
        try:
            with self._engine.connect() as connection:
                return [dict(row._mapping) for row in connection.execute(text(query))]
        except OperationalError as error:
            if "locked" in str(error):
                return []
            raise

    def password(self, user: str) -> str:
        """Return what Airflow made up for a user."""
        return json.loads(self._passwords.read_text())[user]

    def api(self, user: str | None = None) -> Api:
        """Return the API as a user sees it."""
        return Api(self.address, user, self.password(user) if user else "")

    def wait_until_up(self) -> None:
        """Wait for both halves of the API: that for tasks is made at its first request."""
        wait_for(self._is_up, STARTS_IN_S, "Airflow")

    def _is_up(self) -> bool:
        try:
            asked = [self.api().ask(f"{half}/health") for half in ("api/v2/monitor", "execution")]
        except requests.RequestException:
            return False
        return {status for status, _ in asked} == {200}

    def start_dag(self, dag_id: str) -> None:
        """Wait until a DAG has been read, and let it run."""
        self.wait_until_up()
        self.api("admin").unpause(dag_id)

    def trigger(self, dag_id: str, **conf: object) -> None:
        """Start a run by hand, as the form does."""
        status, said = self.api("admin").trigger(dag_id, **conf)
        assert status == 200, said

    def run_states(self, dag_id: str) -> dict[str, str]:
        """Return how the runs of a DAG stand, by their type."""
        rows = self.rows(f"select run_type, state from dag_run where dag_id = '{dag_id}'")
        return {row["run_type"]: row["state"] for row in rows}

    def tasks_when_done(self, seconds: float) -> list[dict[str, Any]]:
        """Return the task instances once every run and backfill is done, whatever its outcome."""

        def are_done() -> bool:
            found = {row["state"] for row in self.rows("select state from dag_run")}
            is_open = self.rows("select id from backfill where completed_at is null")
            return bool(found) and found <= {"success", "failed"} and not is_open

        try:
            wait_for(are_done, seconds, "every run done")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story()}") from error
        return self.rows("select * from task_instance order by start_date")

    def story(self) -> str:
        """Return how far each task is, the errors of tasks, and the components' last words."""
        tasks = self.rows("select run_id, task_id, state, queue from task_instance")
        folder = Path(self.environment["AIRFLOW_HOME"]) / "logs"
        lines = (line for p in folder.rglob("attempt=*.log") for line in p.read_text().splitlines())
        errors = (line[:1500] for line in lines if '"level":"error"' in line)
        logs = (f"{p.name}: {p.read_text()[-1500:]}" for p in sorted(self.logs.iterdir()))
        return "\n".join([*map(str, tasks), *errors, *logs])


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a component and all that it started: politely, then not."""
    for sign, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
