"""scripts/fill-env.sh: secrets for docker compose, made once and shown to nobody."""

import base64
import os
import re
import shutil
import subprocess

import pytest

from tests.conftest import ROOT


@pytest.fixture
def filled(tmp_path):
    """Give a call that fills a copy of .env.example and returns its values and what was said."""
    (tmp_path / "scripts").mkdir()
    for name in ("docker-compose.yml", "scripts/fill-env.sh"):
        shutil.copy(ROOT / name, tmp_path / name)
    env_file = tmp_path / ".env"
    shutil.copy(ROOT / ".env.example", env_file)

    def fill(contact=""):
        done = subprocess.run(
            ["bash", "scripts/fill-env.sh"], cwd=tmp_path, capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "HOTSPOTS_CONTACT": contact},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return values(env_file), done.stdout + done.stderr

    return fill


def values(env_file):
    lines = env_file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_one_command_fills_what_is_demanded_and_tells_no_secret(filled, tmp_path):
    given, said = filled()
    demanded = re.findall(r"\$\{(\w+):\?set it", (ROOT / "docker-compose.yml").read_text())
    made = {name: given[name] for name in demanded}
    assert len(set(made.values())) == len(made)
    assert all(len(value) >= 24 and value not in said for value in made.values())
    assert len(base64.urlsafe_b64decode(made["AIRFLOW_FERNET_KEY"])) == 32
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / ".env.new").exists()
    assert filled()[0] == given


def test_without_a_contact_it_is_the_demo(filled):
    demo, said = filled()
    assert demo["HOTSPOTS_REPLAY_URL"] == "http://replay:8765"
    assert demo["AIRFLOW_ON_SCHEDULE"] == "False"
    assert "--profile demo" in said


def test_with_a_contact_it_is_live(filled):
    live, said = filled("you@example.org")
    assert live["HOTSPOTS_CONTACT"] == "you@example.org"
    assert live["HOTSPOTS_REPLAY_URL"] == live["AIRFLOW_ON_SCHEDULE"] == ""
    assert "live sources" in said


def test_secrets_are_kept_out_of_git_and_of_the_images():
    names = (".env", ".env.new", "passwords.json", "backup/.env", "certificates/own.crt")
    for name in names:
        done = subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT)
        assert done.returncode == 0, name
    kept_out = set((ROOT / ".dockerignore").read_text().split())
    assert {".env*", "backup", "passwords.json"} <= kept_out
