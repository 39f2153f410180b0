# Sourced by run.sh and ui.sh: one folder for everything that Airflow and the pipeline write.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"
if [ -n "${LIVE:-}" ]; then
    export HOTSPOTS_HOME="${HOTSPOTS_HOME:-$PWD/var/live}"
else
    export HOTSPOTS_HOME="${HOTSPOTS_HOME:-$PWD/var/demo}"
fi
mkdir -p "$HOTSPOTS_HOME"
export AIRFLOW_HOME="$HOTSPOTS_HOME/airflow"
export AIRFLOW__CORE__DAGS_FOLDER="$PWD/dags"
export AIRFLOW__CORE__PLUGINS_FOLDER="$PWD/plugins"
export AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__CORE__PARALLELISM=4
# A writer waits up to a minute for another: of SQLite there is one at a time.
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:///$AIRFLOW_HOME/airflow.db?timeout=60"
export AIRFLOW__EXECUTION_API__JWT_EXPIRATION_TIME=86400 # longer than the longest training
export AIRFLOW__LOGGING__LOGGING_LEVEL="${AIRFLOW_LOG_LEVEL:-WARNING}"
export GX_ANALYTICS_ENABLED=false MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR=false
export TF_CPP_MIN_LOG_LEVEL=3 PYTHONWARNINGS=ignore

free_port() { python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Start the simulated sources on loopback and point the pipeline at them; they end with the script.
start_replay() {
    local port log="$HOTSPOTS_HOME/replay.log"
    port=$(free_port)
    hotspots replay serve --port "$port" >"$log" 2>&1 &
    replay_pid=$!
    export HOTSPOTS_REPLAY_URL="http://127.0.0.1:$port"
    for _ in $(seq 240); do
        if ! kill -0 "$replay_pid" 2>/dev/null; then
            echo "The replay did not start:" >&2
            cat "$log" >&2
            exit 3
        fi
        if python -c "import urllib.request as u; u.urlopen('$HOTSPOTS_REPLAY_URL/_replay/faults', timeout=1)" 2>/dev/null; then
            return
        fi
        sleep 0.5
    done
    echo "The replay did not answer within two minutes; see $log" >&2
    exit 3
}

prepare_airflow() {
    mkdir -p "$AIRFLOW_HOME"
    airflow db migrate >"$AIRFLOW_HOME/migrate.log" 2>&1 || { cat "$AIRFLOW_HOME/migrate.log" >&2; exit 1; }
    airflow pools set gpu 1 "One slot per accelerator; training runs here" >/dev/null 2>&1
}
