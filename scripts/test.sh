#!/usr/bin/env bash
# Every check and test.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" TF_CPP_MIN_LOG_LEVEL=3 GX_ANALYTICS_ENABLED=false
bash scripts/lint.sh
# Tests that share something stay together (tests/conftest.py). A test that drives Airflow waits often,
# so that three processes keep two cores busy.
python -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder --cov --cov-report=term-missing:skip-covered "$@"
