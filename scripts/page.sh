#!/usr/bin/env bash
# Build the Hotspots page of folder $1 and touch the stamp $2. Everything but the page works without
# it, so a machine that can't build it goes on.
set -euo pipefail
log="${2%/*}/page.log"
export PATH="$PWD/.venv/bin:$PATH" # a Node.js that was fetched before comes first

# Vite asks for Node.js 20.19 of the twenties, or 22.12 and on. The subshell keeps where it found
# npm to itself, since another may be fetched.
node_will_do() (
    version=$(node --version) && npm --version || return
    IFS=. read -r major minor _ <<<"${version#v}"
    ((major == 20 && minor >= 19 || major == 22 && minor >= 12 || major > 22))
)

build() {
    if ! node_will_do &>/dev/null; then
        echo "Setting up: fetching Node.js into .venv (61 MB, once), as this machine has none that builds the page" >&3
        .tools/bin/uv sync --locked --inexact --quiet --only-group node || return
    fi
    echo "Setting up: building the Hotspots page (npm, about 100 MB, once)" >&3
    cd "$1" && npm ci --no-audit --no-fund && npm run build
}

if (build "$1") 3>&1 >"$log" 2>&1; then
    touch "$2"
else
    tail -n 5 "$log" >&2
    echo "The Hotspots page could not be built; the whole log is $log. All else works without it; 'make page' tries again." >&2
fi
