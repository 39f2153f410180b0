#!/usr/bin/env bash
# Check style and types, of Python and of the page's JavaScript.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
web=plugins/hotspots_ui/web
ruff check .
ruff format --check .
mypy
if [ -x "$web/node_modules/.bin/tsc" ]; then
    npm --prefix "$web" run --silent check
else
    echo "The page's JavaScript is not checked: 'make page' says what stands in the way." >&2
    [ -z "${CI:-}" ]
fi
