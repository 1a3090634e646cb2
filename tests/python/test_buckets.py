"""A lake in a folder, on S3 and on Google Cloud Storage: the same promises, held against real servers."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from buckets import (
    BucketServer,
    Proxy,
    gs_server,
    in_environment,
    proxy,
    s3_environment,
    s3_server,
)
from requirements import lacking
from servers.bigquery import find_python, run_bigquery
from servers.postgres import run_postgres
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake, open_storage
from taxi_pipeline.lake.lake import name_of
from taxi_pipeline.lake.storage import ChangedError, Storage
from taxi_pipeline.lake.verify import require_whole, verify_lake
from taxi_pipeline.sample import write_sample
from taxi_pipeline.settings import Settings
from trip_files import YELLOW_NAME, Workplace, yellow_rows, yellow_text
from warehouse import Warehouse, copy_project, differences

TEXT = yellow_text(*yellow_rows(2))
KINDS = ("folder", "s3", "gs")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, BucketServer]]:
    with s3_server() as s3, gs_server() as gs, in_environment({**s3.environment, **gs.environment}):
        yield {"s3": s3, "gs": gs}
    fsspec.filesystem("s3").clear_instance_cache()


@pytest.fixture(params=KINDS)
def place(
    request: pytest.FixtureRequest, servers: dict[str, BucketServer], tmp_path: Path
) -> Workplace:
    return place_on(request.param, servers, tmp_path)


class Remote(Workplace):
    """A workplace whose lake is elsewhere."""

    address = ""

    @property
    def settings(self) -> Settings:
        """Settings with a lake of that address."""
        return replace(super().settings, lake_address=self.address)


def place_on(kind: str, servers: dict[str, BucketServer], folder: Path) -> Workplace:
    place = Remote(folder)
    address = (
        str(folder / "elsewhere") if kind == "folder" else f"{servers[kind].url}/{folder.name}"
    )
    object.__setattr__(place, "address", address)
    return place


def storage_of(place: Workplace) -> Storage:
    return place.lake.storage


def draft(storage: Storage, content: bytes) -> Path:
    path = storage.draft()
    path.write_bytes(content)
    return path


def test_a_file_is_created_once_and_never_changes(place: Workplace) -> None:
    storage = storage_of(place)
    assert storage.state("yellow/a.parquet") is None
    storage.create("yellow/a.parquet", draft(storage, b"one"))
    second = draft(storage, b"two")
    with pytest.raises(FileExistsError):
        storage.create("yellow/a.parquet", second)
    second.unlink()
    [file] = storage.list_files("yellow")
    assert (file.name, file.size) == ("yellow/a.parquet", 3)
    assert file == storage.state("yellow/a.parquet")
    with storage.open("yellow/a.parquet") as stream:
        assert stream.read() == b"one"
    assert storage.exists()
    assert place.temporaries() == []
    storage.delete("yellow/a.parquet")
    storage.delete("yellow/a.parquet")
    assert storage.list_files("yellow") == []


def test_a_record_changes_only_if_it_is_as_it_was_read(place: Workplace) -> None:
    storage = storage_of(place)
    assert storage.read("manifest.jsonl") == (b"", None)
    storage.swap("manifest.jsonl", b"one", None)
    with pytest.raises(ChangedError):
        storage.swap("manifest.jsonl", b"two", None)
    content, version = storage.read("manifest.jsonl")
    assert content == b"one"
    storage.swap("manifest.jsonl", b"two", version)
    with pytest.raises(ChangedError):
        storage.swap("manifest.jsonl", b"three", version)
    assert storage.read("manifest.jsonl")[0] == b"two"


def test_a_month_comes_is_restated_forgotten_verified_and_pruned(place: Workplace) -> None:
    first = place.ingest_text(YELLOW_NAME, TEXT)
    second = place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(3)))
    other = place.ingest_text("yellow_tripdata_2019-04.csv", TEXT)
    lake = place.lake
    assert lake.current() == [second, other]
    assert [change.versions for change in lake.restatements()] == [(first.load_id, second.load_id)]
    assert [finding.reason for finding in verify_lake(lake, lambda _: None)] == ["", ""]
    assert (
        place.ingest(place.write(YELLOW_NAME, yellow_text(*yellow_rows(3)))).status == "unchanged"
    )
    assert lake.prunable() == []
    assert [one.entry for one in lake.prunable(previous=True)] == lake.history()[:1]
    lake.forget([other])
    [gone] = lake.prunable()
    assert gone.file.name == name_of(other)
    lake.prune([gone])
    assert {file.name for file in lake.files()} == {name_of(first), name_of(second)}
    lake.storage.delete(name_of(second))
    with pytest.raises(TaxiError, match="the lake has lost Yellow 2019-03; nothing was changed"):
        require_whole(lake)


def test_what_a_dead_writer_left_goes_after_a_day_by_the_clock_of_the_storage(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose clock is two days ahead would delete what another one is publishing."""
    storage = storage_of(place)
    place.ingest_text(YELLOW_NAME, TEXT)
    storage.create("yellow/file_month=2019-05-01/abc.parquet", draft(storage, b"rows"))
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert place.lake.prunable() == []


def test_an_object_that_was_changed_is_found_and_repaired(
    servers: dict[str, BucketServer], tmp_path: Path
) -> None:
    place = place_on("s3", servers, tmp_path)
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    fsspec.filesystem("s3").pipe_file(place.lake.location(entry).removeprefix("s3://"), b"PAR1")
    [finding] = verify_lake(place.lake, lambda _: None)
    assert finding.reason == "its bytes are not those that ingestion wrote (checksum)"
    assert place.ingest(place.write(YELLOW_NAME, TEXT)).status == "repaired"
    assert [finding.reason for finding in verify_lake(place.lake, lambda _: None)] == [""]


INGEST = """
import json, sys
from pathlib import Path
from taxi_pipeline.ingest import ingest_file
from taxi_pipeline.lake import Lake
from taxi_pipeline.settings import Settings
data, url, *paths = sys.argv[1:]
settings = Settings(Path('/'), Path(data), '300MB', url)
for path in paths:
    print(ingest_file(Path(path), Lake.of(settings), settings).status, flush=True)
"""


def start(place: Workplace, data: str, *paths: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", INGEST, str(place.folder / data), place.lake.url, *map(str, paths)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )


def months(place: Workplace, number: int, rows: int) -> list[Path]:
    return [
        place.write(
            f"yellow_tripdata_{2010 + n // 12}-{n % 12 + 1:02}.csv", yellow_text(*yellow_rows(rows))
        )
        for n in range(number)
    ]


@pytest.mark.full  # processes against servers
@pytest.mark.parametrize("kind", KINDS)
def test_two_writers_on_two_machines_lose_nothing(
    servers: dict[str, BucketServer], tmp_path: Path, kind: str
) -> None:
    """Each publishes 15 months of its own, and both the same 15, in data folders of their own: 60 publications."""
    place = place_on(kind, servers, tmp_path)
    place.lake.ensure()
    paths = months(place, 45, 1)
    shares = (paths[:30], [*paths[15:30][::-1], *paths[30:]])
    runs = [start(place, name, *share) for name, share in zip("ab", shares, strict=True)]
    for run in runs:
        _, said = run.communicate()
        assert run.returncode == 0, said
    history = place.lake.history()
    current = {entry.file_month for entry in history if entry.superseded_at is None}
    assert len(current) == 45
    assert {name_of(entry) for entry in place.lake.current()} <= {
        f.name for f in place.lake.files()
    }
    assert [finding.reason for finding in verify_lake(place.lake, lambda _: None)] == [""] * 45


DYING = """
import os, random, signal, sys
from taxi_pipeline import ingest
from taxi_pipeline.lake import Lake, bucket, storage
from taxi_pipeline.settings import Settings

data, url, *paths = sys.argv[1:]
chance = random.Random(13)

def die_at(left):
    def dying(real):
        def call(*arguments, **options):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*arguments, **options)
            if left[0] == -1:
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        return call
    for kind in (storage.FolderStorage, bucket.BucketStorage):
        for name in ("create", "swap", "read", "state", "delete"):
            setattr(kind, name, dying(getattr(kind, name)))

kills = 0
for run in range(300):
    count = chance.randint(1, 25)
    if (child := os.fork()) == 0:
        die_at([count])
        settings = Settings(storage.Path("/"), storage.Path(data), "300MB", url)
        chance.shuffle(paths)
        ingest.ingest_many(paths, Lake.of(settings), settings)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    kills += os.WIFSIGNALED(status)
    if kills == 50:
        break
print(kills)
"""


@pytest.mark.full  # fifty kills of a process
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_or_doubled_in_fifty_kills(
    servers: dict[str, BucketServer], tmp_path: Path, kind: str
) -> None:
    """A writer is killed before or after a random request to its storage; the next one goes on."""
    place = place_on(kind, servers, tmp_path)
    place.lake.ensure()
    paths = months(place, 20, 2)
    arguments = [str(tmp_path / "a"), place.lake.url, *map(str, paths)]
    run = subprocess.run(
        [sys.executable, "-c", DYING, *arguments],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "50\n"), run.stderr
    present = {file.name for file in place.lake.files()}
    assert {name_of(entry) for entry in place.lake.current()} <= present
    assert {place.ingest(path).status for path in paths} <= {"unchanged", "ingested"}
    assert len(place.lake.history()) == len(place.lake.current()) == 20
    assert sum(entry.row_count for entry in place.lake.current()) == 40


@pytest.fixture
def between(servers: dict[str, BucketServer]) -> Iterator[Proxy]:
    with proxy(servers["s3"].port) as running, in_environment(s3_environment(running.port)):
        fsspec.filesystem("s3").clear_instance_cache()
        yield running
    fsspec.filesystem("s3").clear_instance_cache()


@pytest.mark.parametrize("kind", ["cut", "503", "lost"])
@pytest.mark.parametrize("name", ["manifest.jsonl", ".parquet"])
def test_a_fault_on_the_way_is_overcome_and_nothing_happens_twice(
    servers: dict[str, BucketServer], between: Proxy, tmp_path: Path, kind: str, name: str
) -> None:
    place = place_on("s3", servers, tmp_path)
    place.lake.ensure()
    left = [1]

    def fault(method: str, path: str) -> str:
        if method == "PUT" and path.partition("?")[0].endswith(name) and left:
            left.pop()
            return kind
        return ""

    between.fault = fault
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    assert [line.split()[:2] for line in between.broken] == [[kind, "PUT"]]
    assert place.lake.history() == [entry]
    assert [file.name for file in place.lake.files()] == [name_of(entry)]


def test_a_bucket_that_cannot_be_reached_is_named_and_the_lake_is_as_before(
    servers: dict[str, BucketServer],
    between: Proxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    place = place_on("s3", servers, tmp_path)
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    between.fault = lambda method, _path: "cut" if method == "PUT" else ""
    fsspec.filesystem("s3").clear_instance_cache()
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    with pytest.raises(TaxiError, match=r"the bucket cannot be reached") as caught:
        place.ingest_text("yellow_tripdata_2019-04.csv", TEXT)
    assert "secret-word" not in str(caught.value)
    between.fault = lambda _method, _path: ""
    assert place.lake.current() == [entry]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://", "it names no place for a lake"),
        ("ftp://a/b", "it names no place"),
        ("s3://k:s@b/l", "credentials"),
    ],
)
def test_an_address_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    from taxi_pipeline.settings import load_settings  # noqa: PLC0415

    monkeypatch.setenv("TAXI_LAKE_URL", url)
    with pytest.raises(TaxiError, match=said):
        load_settings()


def test_a_lake_elsewhere_is_where_its_address_says(tmp_path: Path) -> None:
    assert Lake(open_storage(str(tmp_path), tmp_path)).url == str(tmp_path)
    assert json.dumps(Settings(tmp_path, tmp_path, "1GB").lake_url) == json.dumps(
        f"{tmp_path}/lake"
    )


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, list[str]]:
    """A project, and three months of two services, built from a folder."""
    folder = tmp_path_factory.mktemp("bucket")
    write_sample(folder / "in", 0.1)
    files = sorted(map(str, (folder / "in").glob("[yg]*.parquet")))
    warehouse = Warehouse(copy_project(folder / "project"), folder / "data")
    warehouse.taxi("ingest", *files)
    warehouse.taxi("build")
    return warehouse, files


@pytest.mark.full  # builds from buckets
@pytest.mark.parametrize("kind", ["s3", "gs"])
def test_a_lake_that_two_machines_fill_builds_as_one_in_a_folder(
    servers: dict[str, BucketServer],
    sample: tuple[Warehouse, list[str]],
    tmp_path: Path,
    kind: str,
) -> None:
    by_hand, files = sample
    server = servers[kind]
    variables = {**server.environment, "TAXI_LAKE_URL": f"{server.url}/{tmp_path.name}"}
    machines = [Warehouse(by_hand.project, tmp_path / name, variables) for name in "ab"]
    runs = [
        subprocess.Popen(
            machine.taxi_command("ingest", *order),
            cwd=machine.project,
            env=machine.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for machine, order in zip(machines, (files, files[::-1]), strict=True)
    ]
    for run in runs:
        printed, _ = run.communicate()
        assert run.returncode == 0, printed
    machines[1].taxi("build")
    assert differences(by_hand, machines[1]) == {}
    assert "6 of 6 partitions are intact" in machines[0].taxi("lake", "verify")
    assert not (machines[1].data / "lake").exists()


@pytest.mark.full  # a load into Postgres
def test_a_server_loads_from_a_bucket(
    servers: dict[str, BucketServer], sample: tuple[Warehouse, list[str]], tmp_path: Path
) -> None:
    by_hand, files = sample
    with run_postgres() as postgres:
        variables = {**servers["s3"].environment, **postgres.environment}
        variables["TAXI_LAKE_URL"] = f"{servers['s3'].url}/{tmp_path.name}"
        warehouse = Warehouse(by_hand.project, tmp_path / "data", variables)
        warehouse.taxi("ingest", *files)
        assert "6 files loaded" in warehouse.taxi("load", "--target", "postgres")
        [(rows,)] = postgres.query("select count(*) from raw.yellow")
        [(taken,)] = by_hand.query(
            "select sum(row_count) from raw.manifest where service_type = 'Yellow'"
        )
        assert rows == taken


@pytest.mark.full  # the BigQuery emulator
def test_bigquery_reads_a_bucket_by_itself(
    servers: dict[str, BucketServer], sample: tuple[Warehouse, list[str]], tmp_path: Path
) -> None:
    by_hand, files = sample
    python = find_python()
    if python is None:
        lacking("bigquery", "the emulator needs Python 3.13")
    (tmp_path / "bigquery").mkdir()
    with run_bigquery(python, tmp_path / "bigquery") as bigquery:
        server = servers["gs"]
        variables = {**server.environment, **bigquery.environment}
        variables["TAXI_LAKE_URL"] = f"{server.url}/{tmp_path.name}"
        warehouse = Warehouse(by_hand.project, tmp_path / "data", variables)
        warehouse.taxi("ingest", *files)
        # What the emulator takes for gs:// is a folder of its own.
        held = f"{server.url.removeprefix('gs://')}/{tmp_path.name}"
        emulated = tmp_path / "bigquery" / "data" / "gcs" / held
        fsspec.filesystem("gs").get(f"{held}/", f"{emulated}/", recursive=True)
        assert "6 files loaded" in warehouse.taxi("load", "--target", "prod")
        [(rows,)] = bigquery.query("select count(*) from raw.green")
        [(taken,)] = by_hand.query(
            "select sum(row_count) from raw.manifest where service_type = 'Green'"
        )
        assert rows == taken
