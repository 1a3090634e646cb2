# The manual, built, behind a web server.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /source
COPY constraints-docs.txt ./
RUN python3 -m venv /docs-venv && /docs-venv/bin/pip install --quiet --no-cache-dir --requirement constraints-docs.txt
COPY mkdocs.yml ./
COPY docs docs
RUN /docs-venv/bin/zensical build --strict

FROM python:3.11.14-slim-bookworm
COPY --from=build /source/artifacts/manual /manual
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --retries=3 \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/', timeout=4)"]
CMD ["python3", "-m", "http.server", "8000", "--directory", "/manual"]
