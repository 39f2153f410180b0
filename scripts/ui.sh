#!/usr/bin/env bash
# Airflow with its UI on loopback; stops with Ctrl-C.
source "$(dirname "$0")/environment.sh"
port="${PORT:-8080}"
password_file="$AIRFLOW_HOME/passwords.json"
export AIRFLOW__LOGGING__LOGGING_LEVEL=INFO
export AIRFLOW__API__HOST=127.0.0.1 AIRFLOW__API__PORT="$port" AIRFLOW__API__BASE_URL="http://127.0.0.1:$port"
export AIRFLOW__CORE__EXECUTION_API_SERVER_URL="http://127.0.0.1:$port/execution/"
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS="admin:admin,viewer:viewer"
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE="$password_file"

[ -n "${LIVE:-}" ] || start_replay
prepare_airflow
stop() {
    [ -z "${airflow_pid:-}" ] || kill -TERM -- "-$airflow_pid" 2>/dev/null || true
    [ -z "${replay_pid:-}" ] || kill "$replay_pid" 2>/dev/null || true
}
trap stop EXIT
trap "exit 0" INT TERM
setsid airflow standalone >"$AIRFLOW_HOME/standalone.log" 2>&1 &
airflow_pid=$!
for _ in $(seq 120); do
    if python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/api/v2/monitor/health', timeout=1)" 2>/dev/null; then
        echo "Airflow is up: http://127.0.0.1:$port"
        python - "$password_file" <<'PY'
import json, sys
for user, password in json.load(open(sys.argv[1])).items():
    print(f"  login: {user}  password: {password}")
PY
        [ -n "${LIVE:-}" ] && echo "  sources: live" || echo "  sources: SIMULATED city; trigger weekly_forecast with issue date 2026-11-11"
        echo "  stop with Ctrl-C; log: $AIRFLOW_HOME/standalone.log"
        wait "$airflow_pid"
        exit 0
    fi
    kill -0 "$airflow_pid" 2>/dev/null || break
    sleep 1
done
tail -n 30 "$AIRFLOW_HOME/standalone.log" >&2
echo "Airflow did not start; the whole log is $AIRFLOW_HOME/standalone.log" >&2
exit 1
