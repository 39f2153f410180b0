# One lock, two targets: `app` trains on the CPU, `gpu` on NVIDIA devices.
FROM node:24.19.0-bookworm-slim AS page
WORKDIR /page
COPY plugins/hotspots_ui/web/package.json plugins/hotspots_ui/web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY plugins/hotspots_ui/web ./
RUN npm run build

FROM python:3.11.14-slim-bookworm AS base
RUN pip install --no-cache-dir uv==0.13.9 \
    && useradd --uid 50000 --gid 0 --create-home airflow
WORKDIR /opt/hotspots
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=/opt/venv \
    PATH=/opt/venv/bin:$PATH \
    AIRFLOW_HOME=/var/lib/hotspots/airflow HOTSPOTS_HOME=/var/lib/hotspots \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/hotspots/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/hotspots/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    GX_ANALYTICS_ENABLED=false TF_CPP_MIN_LOG_LEVEL=3
COPY pyproject.toml uv.lock README.md ./

FROM base AS app
RUN uv sync --locked --no-dev --no-install-project --extra airflow --extra cpu
COPY pipeline ./pipeline
COPY --chmod=0555 dags ./dags
COPY --chmod=0555 plugins ./plugins
COPY --from=page --chmod=0555 /page/dist ./plugins/hotspots_ui/web/dist
RUN uv sync --locked --no-dev --no-editable --extra airflow --extra cpu \
    && install -d -o airflow -g 0 -m 770 /var/lib/hotspots
USER 50000
CMD ["hotspots", "--help"]

FROM base AS gpu
RUN uv sync --locked --no-dev --no-install-project --extra airflow --extra gpu
COPY pipeline ./pipeline
COPY --chmod=0555 dags ./dags
COPY --chmod=0555 plugins ./plugins
COPY --from=page --chmod=0555 /page/dist ./plugins/hotspots_ui/web/dist
RUN uv sync --locked --no-dev --no-editable --extra airflow --extra gpu \
    && install -d -o airflow -g 0 -m 770 /var/lib/hotspots
USER 50000
CMD ["hotspots", "--help"]
