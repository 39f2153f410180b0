#!/usr/bin/env bash
# Ask the databases of known weaknesses (OSV, npm's) about every locked package: UV
# Ends with 4 where something is known, and with 3, naming why, where a database was not reached.
set -uo pipefail
cd "$(dirname "$0")/.."
uv=$1 web=plugins/hotspots_ui/web code=0
export PATH="$PWD/.venv/bin:$PATH"
said=$(mktemp)
trap 'rm -f "$said"' EXIT

not_run() { # WHAT
    echo "AuditNotRun: the $1 were not audited, and nothing is known of them: $(grep -m 1 -E '^(error|npm)' "$said")" >&2
    echo "Run 'make audit' again on a machine that reaches the database." >&2
    [ "$code" = 4 ] || code=3
}

"$uv" audit --locked --preview-features audit 2>"$said"
case $? in
    0) echo "Python packages: nothing is known against them." ;;
    1) cat "$said" >&2; code=4 ;;
    *) not_run "Python packages" ;;
esac
found=$(npm --prefix "$web" audit --package-lock-only --fetch-retries=0 2>"$said")
case $?,$found in
    0,*) echo "The page's packages: nothing is known against them." ;;
    *vulnerabilit*) echo "$found"; code=4 ;;
    *) not_run "page's packages" ;;
esac
exit $code
