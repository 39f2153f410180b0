#!/usr/bin/env bash
# The main job: forecast one week through Airflow. LIVE=1 asks the real sources for the real week.
source "$(dirname "$0")/environment.sh"
started=$SECONDS
issue_date="${ISSUE_DATE:-2026-11-11}"
trap end_all EXIT
trap 'exit 130' HUP INT TERM

if [ -n "${LIVE:-}" ]; then
    issue_date="${ISSUE_DATE:-$(TZ=America/Los_Angeles date +%F)}"
    if [ -z "${HOTSPOTS_CONTACT:-}" ]; then
        echo "Set HOTSPOTS_CONTACT to an e-mail address: the weather service requires one." >&2
        exit 2
    fi
    echo "Forecasting from the live sources, issue date $issue_date."
else
    # The simulated city starts anew each time, so that a run does not depend on the one before.
    [ "$HOTSPOTS_HOME" != "$PWD/var/demo" ] || rm -rf "$HOTSPOTS_HOME"
    mkdir -p "$HOTSPOTS_HOME"
    echo "Simulating three years of Los Angeles (nothing is fetched; LIVE=1 asks the real sources)."
    start_replay
    echo "Forecasting from the SIMULATED city, issue date $issue_date."
fi

prepare_airflow
log="$HOTSPOTS_HOME/weekly_forecast.log"
echo "Running weekly_forecast through Airflow (training takes longest); its log is $log"
export AIRFLOW__LOGGING__LOGGING_LEVEL=INFO
say_steps() {
    sed -un 's/.*\[DAG TEST\] starting task_id=\([a-z_]*\).*/\1/p' |
        while read -r step; do echo "  $((SECONDS - started)) s  $step"; done
}
# Without a logical date of its own, from which Airflow would count the run's duration.
if ! airflow dags test weekly_forecast \
    --conf "{\"issue_date\": \"$issue_date\"}" 2>&1 | tee "$log" | say_steps; then
    grep -E "Error|error:" "$log" | tail -n 5 >&2
    echo "weekly_forecast failed; the whole log is $log" >&2
    exit 1
fi
hotspots show --city los_angeles --issued "$issue_date"
echo "Done in $((SECONDS - started)) s."
