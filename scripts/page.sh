#!/usr/bin/env bash
# Build the Hotspots page of folder $1 and touch the stamp $2. Everything but the page works without
# it, so a machine that can't build it goes on.
set -euo pipefail
log="${2%/*}/page.log"
if ! command -v npm >/dev/null; then
    echo "The Hotspots page is not built: npm is missing. Install Node.js 20 or later with npm, then 'make page'. All else works without it." >&2
    exit 0
fi
echo "Setting up: building the Hotspots page (npm, about 45 MB, once)"
if (cd "$1" && npm ci --no-audit --no-fund && npm run build) >"$log" 2>&1; then
    touch "$2"
else
    tail -n 5 "$log" >&2
    echo "The Hotspots page could not be built; the whole log is $log. All else works without it." >&2
fi
