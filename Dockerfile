# DEVICE=cpu trains on the processor, DEVICE=gpu on NVIDIA devices; both from one lock.
FROM node:24.19.0-bookworm-slim AS page
WORKDIR /page
COPY certificates /certificates
COPY plugins/hotspots_ui/web/package.json plugins/hotspots_ui/web/package-lock.json ./
RUN cat /certificates/* ${NODE_EXTRA_CA_CERTS:+"$NODE_EXTRA_CA_CERTS"} >/authorities.pem \
    && NODE_EXTRA_CA_CERTS=/authorities.pem npm ci --no-audit --no-fund
COPY plugins/hotspots_ui/web ./
RUN npm run build

FROM postgres:16.10-bookworm AS postgres
COPY --chmod=0555 scripts/postgres-roles.sh /docker-entrypoint-initdb.d/10-roles.sh

FROM python:3.11.14-slim-bookworm AS app
ARG DEVICE=cpu
COPY --chmod=0755 certificates /usr/local/share/ca-certificates
# Debian's authorities and yours, for every client that would else bring its own.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
RUN update-ca-certificates && pip install --no-cache-dir uv==0.13.9 \
    && useradd --uid 50000 --gid 0 --create-home airflow \
    && install -d -o airflow -g 0 -m 770 /var/lib/hotspots
# LightGBM needs the OpenMP runtime, which the slim image lacks.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1=12.2.* \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/hotspots
ENV UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1 UV_PROJECT_ENVIRONMENT=/opt/venv \
    PATH=/opt/venv/bin:$PATH \
    AIRFLOW_HOME=/var/lib/hotspots/airflow HOTSPOTS_HOME=/var/lib/hotspots \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/hotspots/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/hotspots/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    HOTSPOTS_PAGE_DIR=/opt/hotspots/plugins/hotspots_ui/web/dist \
    GX_ANALYTICS_ENABLED=false TF_CPP_MIN_LOG_LEVEL=3
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --no-install-project --extra airflow --extra $DEVICE
COPY README.md ./
COPY --chmod=0555 pipeline ./pipeline
RUN uv sync --locked --no-dev --no-editable --extra airflow --extra $DEVICE
COPY --chmod=0555 dags ./dags
COPY --chmod=0555 plugins ./plugins
COPY --from=page --chmod=0555 /page/dist ./plugins/hotspots_ui/web/dist
# Of the code, as `git describe` gives it: the build sees no checkout.
ARG COMMIT=
ENV COMMIT_OF_HOTSPOTS=$COMMIT
USER 50000
CMD ["hotspots", "--help"]
