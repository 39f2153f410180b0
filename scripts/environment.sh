# Sourced by run.sh and ui.sh: one folder for everything that Airflow and the pipeline write.
set -euo pipefail
umask 077 # keys, passwords and databases are their owner's alone
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"
if [ -n "${LIVE:-}" ]; then
    export HOTSPOTS_HOME="${HOTSPOTS_HOME:-$PWD/var/live}"
else
    export HOTSPOTS_HOME="${HOTSPOTS_HOME:-$PWD/var/demo}"
fi
mkdir -p "$HOTSPOTS_HOME"
chmod go= "$HOTSPOTS_HOME"
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

names=() pids=() logs=()
# Start a command in a process group of its own, its output in a log.
start() { # NAME LOG COMMAND...
    names+=("$1") logs+=("$2")
    setsid "${@:3}" >"$2" 2>&1 &
    pids+=($!)
}

# Wait as long as it takes until a command succeeds, saying what for. Give up only once something
# that was started has ended.
wait_for() { # WHAT COMMAND...
    local i said=$SECONDS began=$SECONDS
    until "${@:2}"; do
        for i in "${!pids[@]}"; do
            if ! kill -0 "${pids[i]}" 2>/dev/null; then
                tail -n 20 "${logs[i]}" >&2
                echo "${names[i]} has ended; the whole log is ${logs[i]}" >&2
                return 1
            fi
        done
        sleep 1
        if ((SECONDS - said >= 15)); then
            said=$SECONDS
            echo "  waiting for $1 ($((SECONDS - began)) s); it runs, its log is ${logs[-1]}"
        fi
    done
}

# End all that was started, and what that has started: kindly, and after 20 s for good.
end_all() {
    local pid
    trap '' HUP INT TERM
    for pid in "${pids[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
    for _ in $(seq 100); do
        for pid in "${pids[@]}"; do ! kill -0 -- "-$pid" 2>/dev/null || { sleep 0.2; continue 2; }; done
        return
    done
    for pid in "${pids[@]}"; do kill -KILL -- "-$pid" 2>/dev/null || true; done
}

# Start the simulated sources on loopback and point the pipeline at them.
start_replay() {
    local port
    port=$(free_port)
    start "the replay" "$HOTSPOTS_HOME/replay.log" hotspots replay serve --port "$port"
    export HOTSPOTS_REPLAY_URL="http://127.0.0.1:$port"
    wait_for "the simulated sources" answers "$HOTSPOTS_REPLAY_URL/_replay/faults" || exit 3
}

answers() { python -c "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=5)" "$1" 2>/dev/null; }

prepare_airflow() {
    mkdir -p "$AIRFLOW_HOME"
    airflow db migrate >"$AIRFLOW_HOME/migrate.log" 2>&1 || { cat "$AIRFLOW_HOME/migrate.log" >&2; exit 1; }
    airflow pools set gpu 1 "One slot per accelerator; training runs here" >/dev/null 2>&1
}
