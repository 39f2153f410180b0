#!/usr/bin/env bash
# As the official image: the first start makes a cluster with POSTGRES_PASSWORD and runs each script of /docker-entrypoint-initdb.d,
# with a server that listens on its socket alone.
set -euo pipefail
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    chmod 700 "$PGDATA"
    initdb --username=postgres --pwfile=<(echo "${POSTGRES_PASSWORD:?}") --encoding=UTF8
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=" -w start
    for script in /docker-entrypoint-initdb.d/*.sh; do
        if [ -x "$script" ]; then "$script"; else source "$script"; fi
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
