#!/usr/bin/env bash
# The distributed form from its images, on the container engine that answers. OWN_ENGINE=1: where none does, on one of our own with
# stand-ins for the official images, or, where none can be had, not at all, which is said aloud.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    printf '\n%s\n!!  SKIPPED: the distributed form was NOT tested. %s\n%s\n\n' "$line" "$1" "$line" >&2
    exit 0
}
line="!!  ----------------------------------------------------------------"

if ! docker info >/dev/null 2>&1; then
    if [ -z "${OWN_ENGINE:-}" ]; then
        echo "No container engine answers (docker info). Start one, or set DOCKER_HOST." >&2
        exit 3
    fi
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || skip "No container engine answers, and only root on Debian can start one."
    started=$SECONDS
    engine="$(mktemp -d)"
    trap 'bash scripts/container-engine.sh stop "$engine"' EXIT
    exported="$(bash scripts/container-engine.sh start "$engine")" || skip "No container engine could be started; the lines above say why."
    eval "$exported"
    echo "compose: $((SECONDS - started)) s  start an engine and make stand-ins for the official images"
fi
COMPOSE_TEST=1 .venv/bin/python -m pytest --no-cov -q -s -x tests/e2e/test_compose_up.py
