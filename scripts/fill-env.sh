#!/usr/bin/env bash
# Fills what is empty in .env and leaves the rest: a secret for each that docker-compose.yml demands
# and, while nobody gave a HOTSPOTS_CONTACT, the settings of the demo. Prints no secret.
set -euo pipefail
umask 077
cd "$(dirname "$0")/.."
if [ ! -f .env ]; then
    echo "There is no .env here. Make it: cp .env.example .env" >&2
    exit 2
fi
demanded=" $(grep -o '\${[A-Z_]*:?set it in .env}' docker-compose.yml | sed 's/..\([A-Z_]*\).*/\1/' | sort -u | tr '\n' ' ')"
contact=$(sed -n 's/^HOTSPOTS_CONTACT=//p' .env)

random_hex() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

value_of() {
    case "$1" in
        HOTSPOTS_CONTACT) echo "${HOTSPOTS_CONTACT:-nobody, a demo}" ;;
        HOTSPOTS_REPLAY_URL) [ -n "$contact${HOTSPOTS_CONTACT:-}" ] || echo "http://replay:8765" ;;
        AIRFLOW_ON_SCHEDULE) [ -n "$contact${HOTSPOTS_CONTACT:-}" ] || echo False ;;
        AIRFLOW_ADMIN_PASSWORD | AIRFLOW_VIEWER_PASSWORD) random_hex 12 ;; # people may type them
        AIRFLOW_FERNET_KEY) head -c 32 /dev/urandom | base64 | tr '+/' '-_' ;;
        *) case "$demanded" in *" $1 "*) random_hex 32 ;; esac ;;
    esac
}

while IFS= read -r line || [ -n "$line" ]; do
    case "$line" in
        [A-Z]*=) echo "$line$(value_of "${line%=}")" ;;
        *) printf '%s\n' "$line" ;;
    esac
done <.env >.env.new
mv .env.new .env
if grep -q '^HOTSPOTS_REPLAY_URL=.' .env; then
    echo "Filled .env for the demo, a simulated city: docker compose --profile demo up"
else
    echo "Filled .env for the live sources: docker compose up"
fi
echo "Airflow's logins are admin and viewer; their passwords stand in .env as AIRFLOW_ADMIN_PASSWORD and AIRFLOW_VIEWER_PASSWORD."
