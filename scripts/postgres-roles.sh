#!/usr/bin/env bash
# Run once by the PostgreSQL image: a database each for Airflow, MLflow and the results, and roles
# that may do no more than they need. Only results_owner, which migrates, makes or drops tables.
set -euo pipefail
psql --username "${POSTGRES_USER:-postgres}" --dbname postgres --quiet --set ON_ERROR_STOP=1 \
    --set airflow_password="${AIRFLOW_DB_PASSWORD:?}" \
    --set mlflow_password="${MLFLOW_DB_PASSWORD:?}" \
    --set owner_password="${RESULTS_OWNER_PASSWORD:?}" \
    --set writer_password="${RESULTS_WRITER_PASSWORD:?}" \
    --set reader_password="${RESULTS_READER_PASSWORD:?}" <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE ROLE results_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE results_writer LOGIN PASSWORD :'writer_password';
CREATE ROLE results_reader LOGIN PASSWORD :'reader_password';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE mlflow OWNER mlflow;
CREATE DATABASE results OWNER results_owner;
-- By default every role may connect to every database.
REVOKE ALL ON DATABASE airflow, mlflow, results FROM PUBLIC;

\connect results
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO results_owner;
GRANT USAGE ON SCHEMA public TO results_writer, results_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE results_owner IN SCHEMA public
    GRANT SELECT ON TABLES TO results_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE results_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO results_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE results_owner IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO results_writer;
-- Last, since a server counts as healthy once a reader can connect.
GRANT CONNECT ON DATABASE results TO results_writer, results_reader;
SQL
