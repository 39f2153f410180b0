#!/usr/bin/env bash
# Every check and test.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" TF_CPP_MIN_LOG_LEVEL=3 GX_ANALYTICS_ENABLED=false
bash scripts/lint.sh
# A file's tests stay together, so that what they share is made once.
python -m pytest --numprocesses=2 --dist=loadfile --cov --cov-report=term-missing:skip-covered "$@"
