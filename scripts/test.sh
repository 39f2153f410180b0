#!/usr/bin/env bash
# Every check and test, the quick ones first; the first failure ends it.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" TF_CPP_MIN_LOG_LEVEL=3 GX_ANALYTICS_ENABLED=false
ruff check .
ruff format --check .
mypy
python -m pytest --cov --cov-report=term-missing:skip-covered "$@"
