# syntax=docker/dockerfile:1
# The command `taxi` with the dbt project beside it, for a scheduler. docs/containers.md says how it is run.

FROM python:3.11.14-slim-bookworm AS base

# What is installed is thrown away with its stage; the last one has only /venv and /project.
FROM base AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_NO_PROGRESS=1
WORKDIR /source
COPY pyproject.toml constraints.txt ./
RUN python3 -m venv /tools && /tools/bin/pip install --quiet --no-cache-dir --constraint constraints.txt uv setuptools
# Dependencies alone, so that a change of the project's code installs nothing anew.
RUN python3 -m venv --without-pip /venv \
    && /tools/bin/uv pip install --quiet --system-certs --compile-bytecode --python /venv/bin/python \
        --constraint constraints.txt --extra s3 --extra gs --requirements pyproject.toml
COPY README.md LICENSE ./
COPY scripts/taxi_pipeline scripts/taxi_pipeline
RUN /tools/bin/uv build --quiet --wheel --no-build-isolation --python /tools/bin/python --out-dir /wheels . \
    && /tools/bin/uv pip install --quiet --compile-bytecode --no-deps --python /venv/bin/python /wheels/*.whl
WORKDIR /project
COPY dbt_project.yml packages.yml profiles.yml.example ./
COPY models models
COPY seeds seeds
COPY macros macros
COPY tests tests
COPY snapshots snapshots
COPY analyses analyses
COPY vendor vendor
# The folder is read only for who runs the image: what dbt writes into it is written now.
RUN TAXI_PROJECT_DIR=/project TAXI_DATA_DIR=/tmp/data DBT_TARGET_PATH=/tmp/target DBT_LOG_PATH=/tmp/logs /venv/bin/taxi deps

FROM base AS taxi
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="nyc-taxi-warehouse" \
      org.opencontainers.image.description="NYC TLC trip files as tables that add up" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11.14-slim-bookworm"
# A named volume takes over the owner of the folder that it is mounted on. No VOLUME: see docs/decisions/0094.
RUN mkdir --mode=0750 /data && chown 10001:10001 /data
COPY --from=build /venv /venv
COPY --from=build /project /project
COPY --chmod=0755 docker/entrypoint.sh /usr/local/bin/taxi-entrypoint
ENV PATH=/venv/bin:$PATH \
    HOME=/data \
    PYTHONUNBUFFERED=1 \
    TAXI_DATA_DIR=/data \
    TAXI_PROJECT_DIR=/project
WORKDIR /data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=60s --timeout=30s --start-period=10s --retries=3 CMD ["taxi", "status"]
ENTRYPOINT ["taxi-entrypoint", "taxi"]
CMD ["--help"]
