#!/usr/bin/env bash
# Run once by the PostgreSQL image: one database and one role for Airflow, one for the results.
set -euo pipefail
psql --username postgres --set ON_ERROR_STOP=1 \
    --set airflow_password="$AIRFLOW_DB_PASSWORD" --set writer_password="$RESULTS_WRITER_PASSWORD" <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE DATABASE airflow OWNER airflow;
CREATE ROLE results_writer LOGIN PASSWORD :'writer_password';
CREATE DATABASE results OWNER results_writer;
SQL
