#!/usr/bin/env bash
# Every check and test.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" TF_CPP_MIN_LOG_LEVEL=3 GX_ANALYTICS_ENABLED=false
bash scripts/lint.sh
# Tests that share something stay together (tests/conftest.py).
tests=(python -m pytest --dist=loadfile --no-loadscope-reorder)
ended=0
# Lines are counted in the fast tests alone: counting takes half as long again where TensorFlow runs.
"${tests[@]}" -m "not slow" --numprocesses=2 --cov --cov-report=term-missing:skip-covered || ended=$?
# A test that drives Airflow waits often, so that three processes keep two cores busy.
"${tests[@]}" -m slow --numprocesses=3 || ended=$?
exit "$ended"
