"""Bringing the lake into a server: only what changed, wholly or not at all, and on again after a fault."""

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from real_files import real_file
from requirements import lacking
from servers import free_port
from servers.bigquery import BigQueryServer, find_python, run_bigquery
from servers.pgbouncer import find_pgbouncer, run_pgbouncer
from servers.postgres import PostgresServer, run_postgres
from taxi_pipeline.lake import Lake, open_storage
from taxi_pipeline.sample import write_sample
from taxi_pipeline.schemas import Service
from taxi_pipeline.warehouses.base import LoadedFile, arrow_schema
from taxi_pipeline.warehouses.load import plan_load
from trip_files import restate
from warehouse import Warehouse, copy_project

pytestmark = pytest.mark.full  # servers that are cut off, full, old or behind a pooler

COPIES = 200
"""Times the rows of a month of the small sample: a load that takes long enough to be cut off."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("load") / "project")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_sample(folder, 0.1)
    return folder


@pytest.fixture(scope="module")
def large(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another version of one yellow month, of half a million rows, which repeat: only --accept-critical takes it."""
    return restate(
        files / "yellow_tripdata_2025-11.parquet",
        tmp_path_factory.mktemp("large"),
        "*",
        copies=COPIES,
    )


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with run_postgres() as server:
        yield server


@pytest.fixture
def loaded(
    postgres: PostgresServer, project: Path, files: Path, tmp_path: Path
) -> Callable[[str], Warehouse]:
    """A lake that Postgres holds already, in a schema of its own."""

    def load(schema: str) -> Warehouse:
        variables = {**postgres.environment, "TAXI_RAW_SCHEMA": schema}
        warehouse = Warehouse(project, tmp_path / "data", variables)
        warehouse.taxi("ingest", *(str(path) for path in sorted(files.glob("yellow*"))))
        warehouse.taxi("load", "--target", "postgres")
        return warehouse

    return load


def rows(server: PostgresServer, schema: str) -> int:
    [(count,)] = server.query(f"select count(*) from {schema}.yellow")
    return int(count)


def versions(server: PostgresServer, schema: str) -> set[str]:
    """The load_id of each file that the server holds."""
    sql = f"select load_id from {schema}.manifest where superseded_at is null"
    return {str(load_id) for (load_id,) in server.query(sql)}


def lake_in(data: Path) -> Lake:
    return Lake(open_storage(str(data / "lake"), data))


def the_lakes(warehouse: Warehouse) -> set[str]:
    return {entry.load_id for entry in lake_in(warehouse.data).current()}


def with_variables(warehouse: Warehouse, **variables: str) -> Warehouse:
    return replace(warehouse, variables={**warehouse.variables, **variables})


def test_a_plan_adds_and_replaces_and_removes_only_what_was_forgotten(
    project: Path, files: Path, tmp_path: Path
) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    warehouse.taxi("ingest", *(str(path) for path in sorted(files.glob("yellow*"))))
    lake = lake_in(warehouse.data)
    same, other, new = lake.history()
    held = {entry.key: held_as(entry.load_id) for entry in lake.history()}
    unknown = ("Green", "2019-01-01")
    present = {
        same.key: held_as(same.load_id),
        other.key: held_as("another"),
        unknown: held_as("of another lake"),
    }
    plan = plan_load(lake.history(), present, lake)
    assert {partition.key for partition in plan.partitions} == {other.key, new.key}
    assert sum(partition.rows for partition in plan.partitions) == other.row_count + new.row_count
    assert plan.kept == (unknown,)
    assert plan_load(lake.history(), held, lake).partitions == ()
    lake.forget([other])
    [removed] = plan_load(lake.history(), held, lake).partitions
    assert (removed.key, removed.part) == (other.key, None)
    of_another_lake = {**held, other.key: held_as("of another lake")}
    assert plan_load(lake.history(), of_another_lake, lake).kept == (other.key,)


def held_as(load_id: str) -> LoadedFile:
    return LoadedFile(load_id, 1, is_synthetic=False)


@pytest.mark.parametrize("service", list(Service))
def test_partitions_have_the_one_schema_that_loaders_take(
    service: Service, project: Path, files: Path, tmp_path: Path
) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    warehouse.taxi("ingest", str(files / f"{service}_tripdata_2025-11.parquet"))
    [part] = (warehouse.data / "lake" / service).glob("file_month=*/*.parquet")
    assert pq.read_schema(part).remove_metadata() == arrow_schema(service)
    assert pa.types.is_decimal(arrow_schema(Service.YELLOW).field("total_amount").type)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DBT_ENV_SECRET_PG_PASSWORD": "wrong-word"}, "password authentication failed"),
        ({"DBT_PG_DATABASE": "nowhere"}, 'database "nowhere" does not exist'),
        ({"DBT_PG_PORT": str(free_port())}, "refused"),
        ({"DBT_PG_HOST": "no-such-host.invalid"}, "Check the spelling of DBT_PG_HOST"),
        ({"DBT_PG_SSLMODE": "require"}, "does not support SSL"),
        ({"DBT_PG_SSLMODE": "sure"}, "Set DBT_PG_SSLMODE to disable"),
        ({"DBT_PG_SSLROOTCERT": "system"}, "Set DBT_PG_SSLMODE=verify-full"),
        ({"TAXI_RAW_SCHEMA": "raw; drop schema public"}, "not a valid name of a schema"),
        ({"DBT_PG_SCHEMA": "x" * 50}, "at most 49 letters"),
        ({"DBT_PG_SCHEMA": ""}, "unset it"),
    ],
)
def test_what_keeps_a_load_from_starting_is_one_line_without_the_secret(
    variables: dict[str, str], said: str, loaded: Callable[[str], Warehouse]
) -> None:
    printed = with_variables(loaded("raw_start"), **variables).taxi(
        "load", "--target", "postgres", exit_code=2
    )
    assert said in printed
    assert len(printed.strip().splitlines()) == 1
    assert "DBT_" in printed or "unset it" in printed  # the way out
    assert "wrong-word" not in printed
    assert "?." not in printed  # the driver's own question


def test_a_target_that_reads_the_lake_in_place_or_is_unknown_cannot_be_loaded(
    project: Path, tmp_path: Path, files: Path
) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    warehouse.taxi("ingest", str(files / "fhv_tripdata_2025-11.parquet"))
    assert "in place" in warehouse.taxi("load", "--target", "dev", exit_code=2)
    assert "nowhere" in warehouse.taxi("load", "--target", "nowhere", exit_code=2)
    unset = warehouse.taxi("load", "--target", "prod", exit_code=2)
    assert "DBT_BQ_PROJECT" in unset


def test_a_build_before_the_first_load_says_what_is_missing(
    postgres: PostgresServer, project: Path, files: Path, tmp_path: Path
) -> None:
    variables = {**postgres.environment, "TAXI_RAW_SCHEMA": "raw_never", "DBT_PG_SCHEMA": "never"}
    warehouse = Warehouse(project, tmp_path / "data", variables)
    warehouse.taxi("ingest", str(files / "fhv_tripdata_2025-11.parquet"))
    printed = warehouse.taxi("build", "--target", "postgres", exit_code=2)
    assert 'relation "raw_never.manifest" does not exist' in printed
    assert "Load the lake into the target first: `taxi load --target ...`." in printed
    assert "Exposure" not in printed


def test_a_connection_that_is_cut_leaves_the_old_rows_and_the_next_load_completes(
    postgres: PostgresServer, loaded: Callable[[str], Warehouse], large: Path
) -> None:
    warehouse = loaded("raw_cut")
    before = rows(postgres, "raw_cut"), versions(postgres, "raw_cut")
    warehouse.taxi("ingest", "--accept-critical", str(large))
    with warehouse.start("load", "--target", "postgres") as load:
        with postgres.connect() as connection, connection.cursor() as cursor:
            while load.poll() is None:
                cursor.execute(
                    "select pg_terminate_backend(pid)::text from pg_stat_progress_copy where tuples_processed > 1000"
                )
                if cursor.fetchall():
                    break
                time.sleep(0.002)
        assert load.stdout is not None
        printed = load.stdout.read()
    assert load.returncode == 2, printed
    assert "goes on where this one stopped" in printed
    assert (rows(postgres, "raw_cut"), versions(postgres, "raw_cut")) == before
    assert "1 file loaded" in warehouse.taxi("load", "--target", "postgres")
    assert rows(postgres, "raw_cut") > before[0] * 10
    assert versions(postgres, "raw_cut") == the_lakes(warehouse)


def test_a_full_disk_leaves_the_old_rows_and_the_next_load_completes(
    project: Path, files: Path, large: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="taxi-pg-"))  # where the server's own user may enter
    warehouse = Warehouse(project, tmp_path_factory.mktemp("full") / "data")
    warehouse.taxi("ingest", *(str(path) for path in sorted(files.glob("yellow*"))))
    try:
        # More than a segment of the server's log (16 MB), less than the partition.
        with run_postgres(folder, largest_file=20 << 20) as server:
            full = with_variables(warehouse, **server.environment)
            full.taxi("load", "--target", "postgres")
            before = rows(server, "raw"), versions(server, "raw")
            warehouse.taxi("ingest", "--accept-critical", str(large))
            printed = full.taxi("load", "--target", "postgres", exit_code=2)
            assert "Free some space" in printed
            assert (rows(server, "raw"), versions(server, "raw")) == before
        with run_postgres(folder) as server:
            again = with_variables(warehouse, **server.environment)
            assert "1 file loaded" in again.taxi("load", "--target", "postgres")
            assert versions(server, "raw") == the_lakes(warehouse)
    finally:
        shutil.rmtree(folder)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of `localhost` that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "server.crt", folder / "server.key"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def test_a_server_with_tls_is_verified_by_a_file_or_by_the_authorities_of_the_system(
    postgres: PostgresServer, loaded: Callable[[str], Warehouse], tmp_path: Path
) -> None:
    plain = loaded("raw_tls")
    data = postgres.folder / "data"
    for path in certificate(tmp_path):
        placed = data / path.name
        shutil.copyfile(path, placed)
        placed.chmod(0o600)
        shutil.chown(placed, data.stat().st_uid, data.stat().st_gid)
    strict = {"DBT_PG_HOST": "localhost", "DBT_PG_SSLMODE": "verify-full", "HOME": str(tmp_path)}
    authority = str(tmp_path / "server.crt")

    def load(variables: dict[str, str], exit_code: int = 0) -> str:
        warehouse = with_variables(plain, **{**strict, **variables})
        return warehouse.taxi("load", "--target", "postgres", exit_code=exit_code)

    postgres.query("alter system set ssl = on", user="postgres")
    try:
        postgres.query("select pg_reload_conf()", user="postgres")
        while postgres.query("show ssl") != [("on",)]:
            time.sleep(0.05)
        assert "root.crt" in (without := load({}, 2))
        assert "Set DBT_PG_SSLROOTCERT" in without
        assert "unchanged" in load({"DBT_PG_SSLROOTCERT": authority})
        assert "Set DBT_PG_SSLROOTCERT" in load({"DBT_PG_SSLROOTCERT": "system"}, 2)
        elsewhere = {"DBT_PG_SSLROOTCERT": authority, "DBT_PG_HOST": "127.0.0.1"}
        assert "name in the certificate" in load(elsewhere, 2)
        of_the_system = {"DBT_PG_SSLROOTCERT": "system", "SSL_CERT_FILE": authority}
        assert "unchanged" in load(of_the_system)
        dbt = with_variables(plain, **{**strict, **of_the_system})
        assert "OK connection ok" in dbt.dbt("debug", "--connection", "--target", "postgres")
    finally:
        postgres.query("alter system reset ssl", user="postgres")
        postgres.query("select pg_reload_conf()", user="postgres")


def test_a_transaction_pooler_before_the_server_changes_nothing(
    postgres: PostgresServer, loaded: Callable[[str], Warehouse]
) -> None:
    program = find_pgbouncer()
    if program is None:
        pytest.skip("there is no pgbouncer on this machine")
    direct = loaded("raw_pooled")
    with run_pgbouncer(program, postgres) as port:
        schemas = {"DBT_PG_SCHEMA": "pooled", "DBT_PG_PORT": str(port)}
        pooled = with_variables(direct, **schemas)
        assert "3 unchanged" in pooled.taxi("run", "--target", "postgres")
        assert "relations built" in pooled.taxi("build", "--target", "postgres")
        pooled.taxi("export", "--target", "postgres", "--format", "csv")
    [(accepted,)] = postgres.query("select count(*) from pooled.fact_trips")
    [(rejected,)] = postgres.query("select count(*) from pooled.rejected_trips")
    assert accepted + rejected == rows(postgres, "raw_pooled")


def test_commands_that_only_look_make_nothing_on_a_server(
    postgres: PostgresServer, project: Path, tmp_path: Path
) -> None:
    variables = {
        **postgres.environment,
        "TAXI_RAW_SCHEMA": "raw_looked",
        "DBT_PG_SCHEMA": "looked",
        "DBT_TARGET": "postgres",
    }
    warehouse = Warehouse(project, tmp_path / "data", variables)
    assert "is empty" in warehouse.taxi("status")
    forget = ("forget", "green", "2020-04", "--target", "postgres", "--yes")
    assert "it holds none of these months" in warehouse.taxi(*forget, exit_code=2)
    made = "select schema_name::text from information_schema.schemata where schema_name like '%looked%'"
    assert postgres.query(made) == []


def test_months_leave_a_server_only_by_command(
    postgres: PostgresServer,
    project: Path,
    files: Path,
    tmp_path: Path,
) -> None:
    """A server with two real months meets an empty folder, a lake of another month, the sample, and `taxi forget`."""
    variables = {**postgres.environment, "TAXI_RAW_SCHEMA": "raw_leave", "DBT_PG_SCHEMA": "leave"}
    fhv, green = (real_file(f"heads/{name}_tripdata_2020-04.csv") for name in ("fhv", "green"))
    first, other, empty, sample = (
        Warehouse(project, tmp_path / name, variables)
        for name in ("first", "other", "empty", "sample")
    )

    def months() -> list[str]:
        sql = "select service_type || ' ' || file_month from raw_leave.manifest where superseded_at is null order by 1"
        return [str(month) for (month,) in postgres.query(sql)]

    first.taxi("ingest", str(fhv), str(green))
    first.taxi("load", "--target", "postgres")
    both = ["FHV 2020-04-01", "Green 2020-04-01"]
    assert months() == both
    said = empty.taxi("run", "--target", "postgres", exit_code=2)
    assert "it holds 2 real months (FHV 2020-04, Green 2020-04)" in said
    assert "TAXI_DATA_DIR" in said
    assert months() == both
    sample.taxi("ingest", str(files / "yellow_tripdata_2025-10.parquet"))
    assert "2 real months" in sample.taxi("load", "--target", "postgres", exit_code=2)
    assert months() == both
    other.taxi("ingest", str(real_file("real/yellow_tripdata_2019-03.csv")))
    said = other.taxi("load", "--target", "postgres")
    assert "2 months stay that this lake does not hold: FHV 2020-04, Green 2020-04" in said
    assert months() == [*both, "Yellow 2019-03-01"]
    asked = ("forget", "green", "2020-04", "--target", "postgres")
    assert "add --yes" in other.taxi(*asked, exit_code=2).lower()
    assert "the lake holds Green 2020-04" in first.taxi(*asked, "--yes", exit_code=2)
    assert months() == [*both, "Yellow 2019-03-01"]
    said = other.taxi(*asked, "--yes")
    assert "Green 2020-04: 8 rows" in said
    assert months() == ["FHV 2020-04-01", "Yellow 2019-03-01"]
    assert postgres.query("select count(*) from raw_leave.green") == [(0,)]
    first.taxi("forget", "fhv", "2020-04", "--yes")
    assert "removing FHV 2020-04" in first.taxi("load", "--target", "postgres")
    assert months() == ["Green 2020-04-01", "Yellow 2019-03-01"]


def test_a_damaged_or_lost_partition_is_not_loaded(
    postgres: PostgresServer, loaded: Callable[[str], Warehouse], large: Path
) -> None:
    warehouse = loaded("raw_damaged")
    before = rows(postgres, "raw_damaged"), versions(postgres, "raw_damaged")
    warehouse.taxi("ingest", "--accept-critical", str(large))
    lake = lake_in(warehouse.data)
    [part] = [
        Path(lake.location(entry)) for entry in lake.current() if entry.file_month == "2025-11-01"
    ]
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    said = warehouse.taxi("load", "--target", "postgres", exit_code=1)
    assert "the partition of Yellow 2025-11 is damaged" in said
    assert "ingest yellow_tripdata_2025-11.parquet again" in said.lower()
    part.unlink()
    assert "the lake has lost Yellow 2025-11" in warehouse.taxi(
        "load", "--target", "postgres", exit_code=2
    )
    assert (rows(postgres, "raw_damaged"), versions(postgres, "raw_damaged")) == before


def test_a_server_that_an_earlier_version_loaded_gets_the_new_columns(
    postgres: PostgresServer, loaded: Callable[[str], Warehouse], large: Path
) -> None:
    warehouse = loaded("raw_old")
    postgres.query("alter table raw_old.yellow drop column unreadable_fields cascade")
    postgres.query("alter table raw_old.manifest drop column zone_method cascade")
    warehouse.taxi("ingest", "--accept-critical", str(large))
    warehouse.taxi("load", "--target", "postgres")
    assert postgres.query("select count(unreadable_fields) from raw_old.yellow") == [(0,)]
    [[on_record]] = postgres.query("select count(zone_method) from raw_old.manifest")
    assert on_record >= 1, "of the versions that were loaded since"
    assert versions(postgres, "raw_old") == the_lakes(warehouse)


def test_two_loads_at_once_wait_for_each_other(
    postgres: PostgresServer, loaded: Callable[[str], Warehouse], large: Path
) -> None:
    warehouse = loaded("raw_two")
    warehouse.taxi("ingest", "--accept-critical", str(large))
    processes = [warehouse.start("load", "--target", "postgres") for _ in range(2)]
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    assert sorted("1 file loaded" in text for text in printed) == [False, True]
    assert versions(postgres, "raw_two") == the_lakes(warehouse)


def test_bigquery_that_goes_away_leaves_whole_months_and_the_next_load_completes(
    project: Path, files: Path, tmp_path: Path
) -> None:
    python = find_python()
    if python is None:
        lacking("bigquery", "the BigQuery emulator needs Python 3.13: put python3.13 on the path")
    data = tmp_path / "bigquery"
    data.mkdir()
    warehouse = Warehouse(project, tmp_path / "data")
    warehouse.taxi("ingest", str(files))
    with run_bigquery(python, data) as server:
        partly = with_variables(warehouse, **server.environment)
        with partly.start("load", "--target", "prod") as load:
            assert load.stdout is not None
            printed = ""
            for line in load.stdout:
                printed += line
                if "loading  Green 2025-11" in line:
                    server.process.kill()
        assert load.returncode == 2, printed
        assert "DBT_BQ_API_ENDPOINT" in printed
    with run_bigquery(python, data) as server:
        again = with_variables(warehouse, **server.environment)
        elsewhere = with_variables(again, DBT_BQ_LOCATION="EU")
        for command in ("load", "build"):
            refused = elsewhere.taxi(command, "--target", "prod", exit_code=2)
            assert "Set DBT_BQ_LOCATION=US" in refused
        printed = again.taxi("load", "--target", "prod")
        assert "loading  FHV 2025-10" not in printed
        assert "loading  Yellow 2025-12" in printed
        assert _rows_by_month(server) == {
            (entry.service_type, entry.file_month): entry.row_count
            for entry in lake_in(warehouse.data).current()
        }
        # What BigQuery deletes by itself is in no manifest: it is counted, and loaded again.
        server.query("delete from raw.green where file_month = '2025-11-01'")
        printed = again.taxi("load", "--target", "prod")
        assert re.findall(r"loading  (\S+ \S+):", printed) == ["Green 2025-11"]
        raw = server.client().get_dataset("raw")
        raw.default_partition_expiration_ms = 60 * 86_400_000
        server.client().update_dataset(raw, ["default_partition_expiration_ms"])
        refused = again.taxi("load", "--target", "prod", exit_code=2)
        assert "expire after 60 days" in refused


def _rows_by_month(server: BigQueryServer) -> dict[tuple[str, str], int]:
    counts = {}
    for service in Service:
        sql = f"select service_type, cast(file_month as string), count(*) from raw.{service} group by 1, 2"
        counts.update({(name, month): count for name, month, count in server.query(sql)})
    return counts


def test_a_connection_that_is_lost_in_a_build_ends_it_with_2_and_the_next_one_completes_it(
    postgres: PostgresServer, loaded: Callable[[str], Warehouse]
) -> None:
    """A scheduler tries again after 2, and never after 1."""
    warehouse = loaded("raw_lost")
    build = warehouse.start("build", "--target", "postgres")
    cut = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where pid <> pg_backend_pid() and state = 'active' and query ~ 'create .*fact_trips'"
    )
    while not postgres.query(cut):
        assert build.poll() is None, build.communicate()[0]
    printed, _ = build.communicate()
    assert build.returncode == 2, printed
    warehouse.taxi("build", "--target", "postgres")
    [(rows,)] = postgres.query("select count(*) from nyc_taxi.fact_trips")
    assert rows > 0
