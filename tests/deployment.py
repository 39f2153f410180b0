"""The distributed form as a user has it: a copy of the files, .env filled in, containers."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.api import Api
from tests.services import ROOT, free_port, wait_for

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def say(line: str) -> None:
    """Show how far the story is, at once."""
    sys.stdout.write(f"compose: {line}\n")
    sys.stdout.flush()


class Deployment:
    """A project of docker compose in a folder of its own; `seconds` says what each stage took."""

    def __init__(self, folder: Path) -> None:
        """Copy the files as a clone under umask 077 has them, and fill .env as README says."""
        self.folder, self.seconds = folder, {}
        self.port, self.database_port = free_port(), free_port()
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("HOTSPOTS_", "AIRFLOW"))},
            "COMPOSE_PROJECT_NAME": f"hotspots-test-{secrets.token_hex(4)}",
            "COMPOSE_PROFILES": "demo",
            "AIRFLOW_PORT": str(self.port),
        }
        _copy(folder)
        shutil.copy(folder / ".env.example", folder / ".env")
        self.run("bash", "scripts/fill-env.sh")
        lines = (folder / ".env").read_text().splitlines()
        self.given = dict(line.split("=", 1) for line in lines if re.match("[A-Z]", line))

    def adapt(self, services: dict) -> None:
        """Lay settings of the test over the file that is shipped."""
        (self.folder / "test.yml").write_text(yaml.safe_dump({"services": services}))
        self.environment["COMPOSE_FILE"] = "docker-compose.yml:test.yml"

    def run(self, *words: str, seconds: float = 900) -> str:
        """Run a command in the folder and return what it printed."""
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment, timeout=seconds,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}\n{done.stdout[-6000:]}\n{self.story()}"
        return done.stdout

    def compose(self, *words: str, seconds: float = 900) -> str:
        """Run `docker compose`; its progress is left out of what is returned."""
        return self.run("docker", "compose", "--progress=quiet", *words, seconds=seconds)

    def inside(self, service: str, command: str) -> str:
        """Run a shell command in a running container."""
        return self.compose("exec", "-T", service, "sh", "-c", command).strip()

    def container(self, service: str) -> str:
        """Return the id of a service's container, also of one that has ended."""
        return self.compose("ps", "--all", "--quiet", service).strip()

    def ended_with(self, service: str) -> int | None:
        """Return a container's exit code; None while it runs."""
        form = "{{.State.Status}} {{.State.ExitCode}}"
        state, code = self.run("docker", "inspect", "-f", form, self.container(service)).split()
        return int(code) if state == "exited" else None

    def api(self, user: str) -> Api:
        """Log in by REST with what .env says."""
        password = self.given[f"AIRFLOW_{user.upper()}_PASSWORD"]
        return Api(f"http://127.0.0.1:{self.port}", user, password)

    def database(self, role: str) -> str:
        """Return the URL of the results store through a role of it."""
        password = self.given[f"{role.upper()}_PASSWORD"]
        return f"postgresql+psycopg://{role}:{password}@127.0.0.1:{self.database_port}/results"

    def run_when_done(self, api: Api, run: str, seconds: float) -> dict[str, dict]:
        """Return the tasks of a run of weekly_forecast, by name, once it has succeeded."""
        path = f"api/v2/dags/weekly_forecast/dagRuns/{run}"

        def state() -> str:
            return api.ask(path)[1]["state"]

        wait_for(lambda: state() in {"success", "failed"}, seconds, f"the run {run} ends")
        tasks = api.ask(f"{path}/taskInstances")[1]["task_instances"]
        states = {t["task_id"]: t["state"] for t in tasks}
        assert state() == "success", f"{states}\n{self.story()}"
        return {task["task_id"]: task for task in tasks}

    def memory(self) -> dict[str, str]:
        """Return what each service's container holds now."""
        form = '{"name": "{{.Name}}", "held": "{{.MemUsage}}"}'
        ids = self.compose("ps", "--quiet").split()
        said = self.run("docker", "stats", "--no-stream", "--format", form, *ids).splitlines()
        project = self.environment["COMPOSE_PROJECT_NAME"]
        found = (json.loads(line) for line in said)
        return {one["name"].removeprefix(f"{project}-"): one["held"] for one in found}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, and say so at once."""
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started
        say(f"{self.seconds[name]:5.0f} s  {name}")

    def story(self) -> str:
        """Return how the containers are, and their last words."""
        done = [
            subprocess.run(
                ["docker", "compose", *words], cwd=self.folder, env=self.environment,
                capture_output=True, text=True,
            ).stdout
            for words in (["ps", "--all"], ["logs", "--tail", "25", "--no-color"])
        ]  # fmt: skip
        return "\n".join(done)[-15000:]

    def remove(self) -> None:
        """Take containers, network and volumes away; the images stay."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")


def _copy(folder: Path) -> None:
    """Copy what a clone would hold, readable to its owner alone; the machine's authorities too."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    before = os.umask(0o077)
    try:
        for name in filter(lambda name: (ROOT / name).is_file(), names.splitlines()):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
        if AUTHORITIES.is_file():
            shutil.copyfile(AUTHORITIES, folder / "certificates" / "this-machine.crt")
    finally:
        os.umask(before)
