# Airflow beside the command, in an environment of its own: orchestration/airflow says which versions.
ARG TAXI_IMAGE=nyc-taxi-warehouse:0.1.0

FROM python:3.11.14-slim-bookworm AS build
COPY orchestration/airflow/requirements.txt orchestration/airflow/constraints.txt /source/
RUN python3 -m venv /airflow-venv \
    && /airflow-venv/bin/pip install --quiet --no-cache-dir --constraint /source/constraints.txt --requirement /source/requirements.txt

# hadolint ignore=DL3006 # the project's own image, by its version
FROM ${TAXI_IMAGE}
USER 0
COPY --from=build /airflow-venv /airflow-venv
COPY orchestration /project/orchestration
RUN mkdir --mode=0750 /airflow && chown 10001:10001 /airflow
# The pages listen on every address of the container; compose.yaml publishes them on 127.0.0.1 alone.
ENV AIRFLOW_HOME=/airflow \
    AIRFLOW_VENV=/airflow-venv \
    AIRFLOW__API__HOST=0.0.0.0 \
    TAXI_EXECUTABLE=/venv/bin/taxi
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=5 \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/api/v2/monitor/health', timeout=4)"]
ENTRYPOINT ["taxi-entrypoint", "/project/orchestration/airflow/start"]
CMD []
