"""A newcomer's first hour: `make run`, the lines of README and docs pasted in order, `make ui`.

Everything happens in a checkout of links, so that its var/ is its own.
"""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.commands import blocks
from tests.conftest import ROOT
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.forms import logged_in
from tests.integration.conftest import made_up_reports
from tests.services import free_port, wait_for

pytestmark = [*NEEDS_THE_PAGE, pytest.mark.timeout(1800)]

# Weeks that `make ui` fills; all 30 would take minutes, which README has measured.
SCORED_WEEKS = 4
QUICK = {
    "HOTSPOTS_WINDOW_WEEKS": "6",
    "HOTSPOTS_TRAIN_EPOCHS": "1",
    "HOTSPOTS_TRAIN_MEMBERS": "1",
    "DEMO_WEEKS": str(SCORED_WEEKS),
}
# One of the demo's three years, for commands of Los Angeles: three take minutes more.
YEAR = {"HOTSPOTS_HISTORY_START": "2025-11-02"}
MADE_BEFORE = ("-o", ".venv/.run", "-o", ".venv/.page")  # by `make test`

# Commands that aren't run here, and why.
NOT_RUN = {
    "make run LIVE=1": "asks the real sources",
    "hotspots run --city los_angeles": "asks the real sources",
    "make run": "has run before all others",
    "make test": "runs this",
    "make ui": "runs below",
    "TOKEN=$(curl": "runs below, against the Airflow of `make ui`",
    "curl ": "runs below, against the Airflow of `make ui`",
    "hotspots ablate": "forecasts every variant's weeks, for minutes: test_ablation holds it",
    "hotspots replay serve": "serves until it is stopped: runs below",
    "airflow ": "asks a running Airflow: test_by_hand and test_backfill do the same",
    "HOTSPOTS_AIRFLOW_URL=": "asks an Airflow elsewhere",
    "docker": "needs a container engine",
    "cp .env.example": "needs a container engine",
}
FOLLOWED_ELSEWHERE = {"docs/cities.md"}  # by tests/integration/test_own_city.py
ENDS_WITH = {"hotspots doctor": 5}  # the demo's last week is long past


def is_run(command):
    return not any(command.startswith(start) for start in NOT_RUN)


RUN = [
    pytest.param(block, id=f"{block.file}: {block.commands[0][:50]}")
    for block in blocks()
    if block.file not in FOLLOWED_ELSEWHERE and any(is_run(command) for command in block.commands)
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with all that the repository holds, and the files that README's lines name."""
    folder = tmp_path_factory.mktemp("la-hotspots")
    for path in ROOT.iterdir():
        if path.name not in ("var", ".git", ".env"):
            (folder / path.name).symlink_to(path)
    (folder / "DIR").mkdir()
    reports = made_up_reports()
    reports.to_parquet(folder / "DIR" / "crime_2016_2017.parquet")
    reports.rename(columns={"primary_type": "offence"}).to_parquet(folder / "events.parquet")
    return folder


@pytest.fixture(scope="module")
def environment():
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HOTSPOTS_", "AIRFLOW", "MAKE", "VIRTUAL_ENV"))
    }
    return {**kept, **QUICK}


@pytest.fixture(scope="module")
def of_a_year(environment):
    return {**environment, **YEAR}


@pytest.fixture(scope="module")
def demo(checkout, of_a_year):
    """What `make run` has printed."""
    done = subprocess.run(
        ["make", *MADE_BEFORE, "run"], cwd=checkout, env=of_a_year, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def paste(block, checkout, environment):
    """Run a block's commands in one shell; return each with its exit code and what it printed."""
    script = "".join(
        f"{command}\nprintf '\\n=== %s\\n' $?\n" for command in block.commands if is_run(command)
    )
    if not script.startswith(". .venv"):
        script = ". .venv/bin/activate\n" + script
    done = subprocess.run(
        ["bash"], input=script, cwd=checkout, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said = re.split(r"\n=== (\d+)\n", done.stdout)
    return [
        (command, int(code), text)
        for command, text, code in zip(
            filter(is_run, block.commands), said[::2], said[1::2], strict=False
        )
    ]


def test_make_run_ends_with_the_week_of_a_simulated_city(demo):
    assert "SIMULATED DATA" in demo
    assert "Target week      2026-11-15 to 2026-11-21" in re.sub(r" {2,}", "      ", demo)
    assert re.search(r"Done in \d+ s\.", demo)


@pytest.mark.parametrize("block", RUN)
def test_what_is_pasted_works(demo, checkout, environment, of_a_year, block):
    is_of_files = any("chicago" in command for command in block.commands)  # of 2016 and 2017
    done = paste(block, checkout, environment if is_of_files else of_a_year)
    assert [command for command, _, _ in done] == [*filter(is_run, block.commands)]
    for command, code, said in done:
        wanted = next((ENDS_WITH[start] for start in ENDS_WITH if command.startswith(start)), 0)
        assert code == wanted, f"{command} ended with {code}:\n{said[-3000:]}"
        assert "Traceback" not in said
        if command == "hotspots show":
            assert "SIMULATED DATA" in said
            assert "2026-11-15 to 2026-11-21" in said


def test_nothing_is_named_that_no_document_says():
    commands = [command for block in blocks() for command in block.commands]
    for start in (*NOT_RUN, *ENDS_WITH):
        if start not in ("docker", "cp .env.example"):
            assert any(command.startswith(start) for command in commands), start


def test_the_demo_takes_nothing_from_the_live_sources(demo, checkout, environment):
    done = subprocess.run(
        [".venv/bin/hotspots", "run"], cwd=checkout, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "var/demo/lake holds simulated snapshots" in done.stderr
    assert "HOTSPOTS_HOME to another folder, such as var/live" in done.stderr


def test_recorded_files_are_served_until_stopped(checkout, environment):
    [command] = [c for b in blocks() for c in b.commands if c.startswith("hotspots replay serve")]
    port = free_port()
    process = subprocess.Popen(
        ["bash", "-c", f". .venv/bin/activate; exec {command} --port {port}"],
        cwd=checkout, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    said = process.stderr.readline()
    assert f"Replaying recorded data of DIR on http://127.0.0.1:{port}" in said
    wait_for(lambda: asked(f"http://127.0.0.1:{port}/_replay/faults"), 120, "the replay")
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)


def asked(address):
    return subprocess.run(["curl", "-sf", address], capture_output=True).returncode == 0


class Ui:
    """`make ui` as in a terminal: what it printed so far, and Ctrl-C."""

    def __init__(self, checkout, environment):
        self.port = free_port()
        self.log = checkout / "ui.log"
        with self.log.open("w") as file:
            self.process = subprocess.Popen(
                ["make", *MADE_BEFORE, "ui"], env={**environment, "PORT": str(self.port)},
                cwd=checkout, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
        self.address = f"http://127.0.0.1:{self.port}"

    def said(self):
        return self.log.read_text()

    def is_ready(self):
        assert self.process.poll() is None, self.said()
        return "stop with Ctrl-C" in self.said()

    def password(self, user):
        return re.search(rf"login: {user}  password: (\S+)", self.said())[1]

    def ctrl_c(self):
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(60)


@pytest.fixture(scope="module")
def ui(demo, checkout, of_a_year):
    ui = Ui(checkout, of_a_year)
    wait_for(ui.is_ready, 1500, "make ui")
    yield ui
    if ui.process.poll() is None:
        ui.ctrl_c()


def processes_of(checkout):
    """Return the commands of all processes that work in the checkout's demo."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"AIRFLOW_HOME={checkout}/".encode() in (path / "environ").read_bytes():
                found.append((path / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_make_ui_fills_the_record_and_says_where_it_is(ui):
    assert f"Airflow is up: {ui.address}" in ui.said()
    filled = re.search(r"Filled in \d+ s: (\d+) weeks are stored, (\d+) of them scored", ui.said())
    assert int(filled[2]) >= SCORED_WEEKS
    assert "sources: SIMULATED city" in ui.said()


def test_whoever_logs_in_sees_whether_it_is_any_good(ui, browser):
    with logged_in(browser, ui, "admin") as page:
        page.get_by_role("link", name="Hotspots").first.click()
        frame = page.frame_locator("iframe")
        frame.locator("#provenance").wait_for()
        frame.get_by_text("Is it any good?").first.click()
        lead = frame.locator("p.lead").first
        lead.wait_for()
        weeks = int(re.search(r"Over (\d+) scored weeks", lead.inner_text())[1])
        assert weeks >= SCORED_WEEKS
        page.screenshot(path=SHOTS / "first_contact.png")


def test_the_api_answers_the_lines_of_the_readme(ui, checkout, environment):
    lines = [c for b in blocks() for c in b.commands if c.startswith(("TOKEN=", "curl "))]
    script = "\n".join(lines).replace("localhost:8080", f"127.0.0.1:{ui.port}")
    script = script.replace('"..."', json.dumps(ui.password("viewer")))
    done = subprocess.run(
        ["bash", "-e"], input=script, cwd=checkout, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    weeks = json.loads(done.stdout)["weeks"]
    assert len(weeks) > SCORED_WEEKS
    assert [path.name for path in checkout.glob("*_simulated.csv")]


def test_secrets_and_databases_are_their_owners_alone(ui, checkout):
    home = checkout / "var" / "demo"
    names = ("*.db", "airflow.cfg", "passwords.json")
    private = [path for name in names for path in home.rglob(name)]
    assert {path.name for path in private} >= {
        "airflow.db", "airflow.cfg", "passwords.json", "results.db", "mlflow.db",
    }  # fmt: skip
    assert {oct(path.stat().st_mode & 0o777) for path in private} == {"0o600"}
    assert home.stat().st_mode & 0o077 == 0


def test_no_password_is_in_a_log(ui, checkout):
    home = checkout / "var" / "demo"
    passwords = json.loads((home / "airflow" / "passwords.json").read_text())
    for path in home.rglob("*"):
        if path.is_file() and path.name != "passwords.json":
            held = path.read_bytes()
            assert not any(password.encode() in held for password in passwords.values()), path


def test_a_second_make_ui_says_that_the_port_is_taken(ui, checkout, environment):
    done = subprocess.run(
        ["make", *MADE_BEFORE, "ui"], env={**environment, "PORT": str(ui.port)},
        cwd=checkout, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"Port {ui.port} is taken" in done.stderr


def test_ctrl_c_ends_every_process(ui, checkout):
    assert len(processes_of(checkout)) > 4
    ui.ctrl_c()
    assert processes_of(checkout) == []
