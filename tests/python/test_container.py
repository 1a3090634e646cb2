"""The image: built without a daemon, run as its own user; what it makes stays on the volume."""

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from images import build, buildah, container_of, provide_base, run_in
from linters import installed_program, linter
from requirements import lacking
from taxi_pipeline.seeds import read_yaml
from warehouse import REPOSITORY

pytestmark = pytest.mark.full  # builds an image and runs the sample in it

USER = 10001
IMAGE = "localhost/nyc-taxi-warehouse:test"
DOCKERFILES = (REPOSITORY / "Dockerfile", *sorted((REPOSITORY / "docker").glob("*.Dockerfile")))


def base_name() -> str:
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    [base] = re.findall(r"^FROM (python:\S+) AS base", text, flags=re.MULTILINE)
    return f"docker.io/library/{base}"


@pytest.fixture(scope="module")
def image() -> str:
    if os.geteuid() != 0:
        lacking("container", "an image is built by root alone, without a daemon")
    provide_base(base_name())
    build(IMAGE)
    return IMAGE


@pytest.fixture(scope="module")
def config(image: str) -> dict[str, Any]:
    return dict(json.loads(buildah("inspect", "--type", "image", image).stdout)["Docker"]["config"])


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """An empty volume as a container engine makes it of the image's folder /data: with its owner."""
    folder = tmp_path / "volume"
    folder.mkdir()
    os.chown(folder, USER, USER)
    for parent in (tmp_path, *tmp_path.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    return folder


def test_a_run_in_an_empty_volume_leaves_data_and_pages_there(image: str, volume: Path) -> None:
    mounted = (f"--volume={volume}:/data",)
    with container_of(image) as container:
        for command in (["sample", "--scale", "0.1"], ["run", "/data/sample"]):
            done = run_in(container, "taxi-entrypoint", "taxi", *command, options=mounted)
            assert done.returncode == 0, done.stdout + done.stderr
    assert "Green" in (volume / "site" / "index.html").read_text(encoding="utf-8")
    assert (volume / "warehouse.duckdb").stat().st_size > 1_000_000
    assert list((volume / "lake").rglob("*.parquet"))
    owners = {path.stat().st_uid for path in volume.rglob("*")}
    assert owners == {USER}
    with container_of(image) as another:
        query = ["sql", "select count(*) as trips from fact_trips", "--format", "csv"]
        answer = run_in(another, "taxi-entrypoint", "taxi", *query, options=mounted)
        assert int(answer.stdout.split()[-1]) > 1000, answer.stderr
        assert run_in(another, "taxi", "status", options=mounted).returncode == 0


def test_a_volume_that_the_image_names_itself_would_hide_the_one_that_is_mounted(
    image: str, tmp_path: Path
) -> None:
    """Why the Dockerfile has no VOLUME: buildah lays a folder of its own over the one that was mounted."""
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nVOLUME /data\n")
    build("localhost/nyc-taxi-warehouse:volume", context=tmp_path)
    kept = {}
    for tag in (image, "localhost/nyc-taxi-warehouse:volume"):
        folder = tmp_path / tag.rpartition(":")[2]
        folder.mkdir()
        folder.chmod(0o777)
        with container_of(tag) as container:
            options = (f"--volume={folder}:/data",)
            assert run_in(container, "touch", "/data/kept", options=options).returncode == 0
        kept[tag.rpartition(":")[2]] = [path.name for path in folder.iterdir()]
    assert kept == {"test": ["kept"], "volume": []}


def test_a_volume_of_another_owner_is_a_sentence(image: str, tmp_path: Path) -> None:
    """A folder of the host that the image's user may not write."""
    folder = tmp_path / "volume"
    folder.mkdir(mode=0o755)
    with container_of(image) as container:
        done = run_in(
            container,
            *("taxi-entrypoint", "taxi", "sample"),
            options=(f"--volume={folder}:/data",),
        )
    assert done.returncode == 2, done.stdout + done.stderr
    assert re.search(r"error /data.*Permission denied", done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_the_image_holds_the_wheel_and_no_compiler(image: str, config: dict[str, Any]) -> None:
    look = (
        "id -u; command -v gcc cc g++ make uv pip; ls /project;"
        " python3 -c 'import taxi_pipeline; print(taxi_pipeline.__file__)';"
        " touch /project/x 2>/dev/null && echo writable; ls /project/tests"
    )
    with container_of(image) as container:
        lines = run_in(container, "sh", "-c", look).stdout.splitlines()
    assert lines[0] == str(USER)
    assert any("/venv/lib/python3.11/site-packages/taxi_pipeline" in line for line in lines)
    assert {"dbt_project.yml", "models", "profiles.yml", "dbt_packages"} <= set(lines)
    forbidden = {"writable", "python", "scripts", "docs", ".git", "secrets"}
    assert not forbidden & set(lines)
    assert not [line for line in lines if line.endswith(("/gcc", "/cc", "/g++", "/make", "/uv"))]
    assert config["User"] == f"{USER}:{USER}"
    assert config["Labels"]["org.opencontainers.image.title"] == "nyc-taxi-warehouse"
    assert config["Healthcheck"]["Test"] == ["CMD", "taxi", "status"]
    assert not config.get("Volumes")


def test_a_secret_comes_from_a_file_and_is_not_printed(image: str, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("it's $ecret\n")
    secret.chmod(0o444)
    named = "DBT_ENV_SECRET_PG_PASSWORD_FILE=/run/secret"
    show = 'printf "%s|%s" "$DBT_ENV_SECRET_PG_PASSWORD" "${DBT_ENV_SECRET_PG_PASSWORD_FILE-}"'
    mounted = f"--volume={secret}:/run/secret:ro"
    with container_of(image) as container:
        done = run_in(
            container,
            *("taxi-entrypoint", "sh", "-c", show),
            options=(f"--env={named}", mounted),
        )
        assert done.stdout == "it's $ecret|", done.stderr
        missing = run_in(container, "taxi-entrypoint", "true", options=(f"--env={named}2",))
    assert missing.returncode == 2
    assert "it cannot be read by user 10001" in missing.stderr


def test_the_size_and_the_start_are_told(image: str, record_property: Any) -> None:
    """Read off for docs/containers.md; a size that doubles is a fault, a slow machine is none."""
    told = buildah("images", "--format", "{{.Size}}", image).stdout.split()
    with container_of(image) as container:
        started = time.monotonic()
        assert run_in(container, "taxi-entrypoint", "taxi", "--version").returncode == 0
        seconds = time.monotonic() - started
    print(f"image: {' '.join(told)}; taxi --version in a container: {seconds:.2f} s")
    record_property("image_size", " ".join(told))
    assert float(told[0]) < 2.0
    assert told[1] == "GB"


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing(path: Path, tmp_path: Path) -> None:
    hadolint = str(linter("hadolint", "container"))
    done = subprocess.run([hadolint, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert not done.stdout
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python\nRUN cd /tmp\n")
    assert subprocess.run([hadolint, str(bad)], capture_output=True, check=False).returncode == 1


def test_base_images_are_of_one_exact_version() -> None:
    named = [
        line.split()[1]
        for path in DOCKERFILES
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("FROM python")
    ]
    assert len(named) > 2
    assert len(set(named)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", named[0])


def test_compose_is_valid_and_publishes_on_loopback_alone(tmp_path: Path) -> None:
    compose = installed_program("docker-compose", ("docker-compose",), "container")
    for profile in ([], ["--profile", "airflow", "--profile", "docs"]):
        command = [compose, "--file", str(REPOSITORY / "compose.yaml"), *profile, "config"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    wrong = tmp_path / "compose.yaml"
    text = (REPOSITORY / "compose.yaml").read_text(encoding="utf-8")
    wrong.write_text(text.replace("    restart:", "    restarts:", 1))
    command = [compose, "--file", str(wrong), "config", "--quiet"]
    assert subprocess.run(command, capture_output=True, check=False, cwd=tmp_path).returncode != 0


def test_compose_keeps_data_and_takes_secrets_from_files() -> None:
    compose = read_yaml(REPOSITORY / "compose.yaml")
    services = compose["services"]
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert len(ports) > 4
    assert not [port for port in ports if not port.startswith("127.0.0.1:")]
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN", variable):
                assert variable.endswith("_FILE"), (name, variable)
                assert value.rpartition("/")[2] in service["secrets"]
        assert ":" in service["image"], name
        assert not service["image"].endswith(":latest"), name
    mounted = {
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", ())
        if not volume.startswith(".")
    }
    assert mounted == set(compose["volumes"])
    assert "data:/data" in services["taxi"]["volumes"]
    for secret in compose["secrets"].values():
        ignored = subprocess.run(
            ["git", "check-ignore", "--quiet", secret["file"]], cwd=REPOSITORY, check=False
        )
        assert ignored.returncode == 0, secret


def test_the_development_container_is_of_the_same_base() -> None:
    text = (REPOSITORY / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    built = json.loads(text)["build"]
    assert (REPOSITORY / ".devcontainer" / built["dockerfile"]).resolve() == DOCKERFILES[0]
    assert f" AS {built['target']}\n" in DOCKERFILES[0].read_text(encoding="utf-8")
