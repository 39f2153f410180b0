#!/usr/bin/env bash
# Airflow with its UI on loopback, over a demo that is filled the first time; stops with Ctrl-C.
source "$(dirname "$0")/environment.sh"
port="${PORT:-8080}"
address="http://127.0.0.1:$port"
passwords="$AIRFLOW_HOME/passwords.json"
export AIRFLOW__LOGGING__LOGGING_LEVEL=INFO
export AIRFLOW__API__HOST=127.0.0.1 AIRFLOW__API__PORT="$port" AIRFLOW__API__BASE_URL="$address"
export AIRFLOW__CORE__EXECUTION_API_SERVER_URL="$address/execution/"
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS="admin:admin,viewer:viewer"
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE="$passwords"

trap end_all EXIT
trap 'exit 0' HUP INT TERM # HUP: the terminal was closed

if ! python -c "import socket as s; s.create_server(('127.0.0.1', $port))" 2>/dev/null; then
    echo "Port $port is taken. Stop what uses it, or choose another: PORT=8081 make ui" >&2
    exit 2
fi
if [ -z "${LIVE:-}" ]; then
    start_replay
    setsid python -m scripts.fill_demo "${DEMO_WEEKS:-30}" &
    names+=("the fill") logs+=(/dev/null) pids+=($!)
    wait $!
    unset 'names[-1]' 'logs[-1]' 'pids[-1]'
fi
prepare_airflow
# Passwords that Airflow makes itself it writes to its log.
[ -s "$passwords" ] || python - "$passwords" <<'PY'
import json, secrets, sys
with open(sys.argv[1], "w") as file:
    json.dump({user: secrets.token_urlsafe(12) for user in ("admin", "viewer")}, file)
PY
for part in scheduler dag-processor triggerer api-server; do
    start "Airflow's $part" "$AIRFLOW_HOME/$part.log" airflow "$part"
done
is_healthy() {
    python - "$address" <<'PY' 2>/dev/null
import json, sys, urllib.request
# The half for tasks is made at its first request, for which a task would not wait long enough.
urllib.request.urlopen(f"{sys.argv[1]}/execution/health", timeout=5)
with urllib.request.urlopen(f"{sys.argv[1]}/api/v2/monitor/health", timeout=5) as answer:
    sys.exit(any(part["status"] != "healthy" for part in json.load(answer).values()))
PY
}
echo "Starting Airflow: scheduler, DAG processor, triggerer, API server."
wait_for "Airflow's API server" is_healthy
echo "Airflow is up: $address"
python - "$passwords" <<'PY'
import json, sys
for user, password in json.load(open(sys.argv[1])).items():
    print(f"  login: {user}  password: {password}")
PY
[ -n "${LIVE:-}" ] && echo "  sources: live" || echo "  sources: SIMULATED city; trigger weekly_forecast with issue date 2026-11-11"
echo "  stop with Ctrl-C; logs: $AIRFLOW_HOME/*.log"
wait -n "${pids[@]}" || true
wait_for "nothing" false
