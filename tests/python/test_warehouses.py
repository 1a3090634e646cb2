"""Connections to warehouses: each way in which one cannot be reached, read or trusted is named."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from google.cloud import bigquery
from google.cloud.bigquery.table import TableListItem

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.schema_names import check_schema_names
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses import check_target, is_embedded
from taxi_pipeline.warehouses.bigquery_checks import (
    check_expiration,
    check_location,
    check_method,
)
from taxi_pipeline.warehouses.credentials import read_credentials
from taxi_pipeline.warehouses.embedded import open_embedded, require_free
from taxi_pipeline.warehouses.postgres import remedy_for
from warehouse import REPOSITORY


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(REPOSITORY, tmp_path, "100MB")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (
            'FATAL: no pg_hba.conf entry for host "10.0.0.7", user "taxi", database "nyc_taxi", no encryption',
            "DBT_PG_SSLMODE=require",
        ),
        (
            'connection to server at "db.example.org" (10.0.0.7), port 5432 failed: timeout expired',
            "firewall",
        ),
        (
            "FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute",
            "max_connections",
        ),
        ("SSL error: certificate verify failed", "DBT_PG_SSLROOTCERT"),
        ('could not translate host name "db" to address: Name or service not known', "spelling"),
        ('relation "fact_trips" does not exist', "build it first"),
        ('database "nowhere" does not exist', "DBT_PG_DATABASE"),
        ("could not extend file: No space left on device", "free some space"),
    ],
)
def test_a_fault_of_postgres_leads_to_what_mends_it(text: str, remedy: str) -> None:
    assert remedy in remedy_for(text)


def dataset(**properties: object) -> bigquery.Dataset:
    made = bigquery.Dataset("nyc-local.raw")
    for name, value in properties.items():
        setattr(made, name, value)
    return made


def listed(name: str, **properties: object) -> TableListItem:
    reference = {"projectId": "nyc-local", "datasetId": "raw", "tableId": name}
    return TableListItem({"tableReference": reference, **properties})  # type: ignore[no-untyped-call]


def test_a_dataset_elsewhere_is_named_with_its_location() -> None:
    with pytest.raises(TaxiError, match=r"it is in EU.*Set DBT_BQ_LOCATION=EU"):
        check_location(dataset(location="EU"), "US")
    check_location(dataset(location="EU"), "eu")
    check_location(dataset(location="EU"), None)


def test_what_bigquery_would_delete_by_itself_is_named() -> None:
    for default in ("default_table_expiration_ms", "default_partition_expiration_ms"):
        with pytest.raises(TaxiError, match=r"expire after 60 days.*enable billing"):
            check_expiration(dataset(**{default: 60 * 86_400_000}), [])
    expiring = [
        listed("yellow", timePartitioning={"type": "MONTH", "expirationMs": "5184000000"}),
        listed("dim_zones", expirationTime="1800000000000"),
    ]
    with pytest.raises(TaxiError, match="delete rows of dim_zones, yellow"):
        check_expiration(dataset(), expiring)
    of_others = [
        listed("fact_trips__dbt_tmp", expirationTime="1800000000000"),
        listed("scratch", expirationTime="1800000000000"),
        listed("green", timePartitioning={"type": "MONTH"}),
    ]
    check_expiration(dataset(), of_others)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "service-account", "keyfile": ""}, "Set DBT_BQ_KEYFILE"),
        ({"method": "service-account", "keyfile": "/no/such/key.json"}, "no such file"),
        ({"method": "service-account", "keyfile": __file__}, "not the key of a service account"),
        ({"method": "service-account-json", "keyfile_json": None}, "has no keyfile_json"),
        (
            {"method": "oauth-secrets", "token": "", "refresh_token": None},
            "Set DBT_ENV_SECRET_BQ_TOKEN",
        ),
    ],
)
def test_a_way_to_sign_in_without_its_credentials_is_one_sentence(
    given: dict[str, object], said: str
) -> None:
    with pytest.raises(TaxiError, match=said):
        check_method(SimpleNamespace(**given))


@pytest.mark.parametrize("name", ["nyc-taxi", "1taxi", "a b", 'x"y', "", "x" * 50, "täxi"])
def test_a_name_that_no_server_takes_is_refused(name: str) -> None:
    for variable in ("TAXI_RAW_SCHEMA", "TAXI_OPS_SCHEMA", "DBT_PG_SCHEMA", "DBT_BQ_DATASET"):
        with pytest.raises(TaxiError, match=variable):
            check_schema_names({variable: name})
        check_schema_names({variable: "Taxi_2"})


def test_a_warehouse_that_is_not_there(settings: Settings) -> None:
    with pytest.raises(TaxiError, match="there is no warehouse yet"), open_embedded(settings):
        pass


def test_a_file_that_is_no_database(settings: Settings) -> None:
    settings.warehouse_path.write_bytes(b"not a database" * 1000)
    with (
        pytest.raises(TaxiError, match="it is not a DuckDB database, or it is damaged"),
        open_embedded(settings),
    ):
        pass


def test_a_warehouse_that_is_being_written(settings: Settings) -> None:
    writer = "import duckdb, sys\nheld = duckdb.connect(sys.argv[1])\nprint('open', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(settings.warehouse_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with (
            pytest.raises(TaxiError, match=rf"process {process.pid} \(python.*\) has it open"),
            open_embedded(settings),
        ):
            pass


def test_a_reader_is_named_like_a_writer_by_who_wants_to_write(settings: Settings) -> None:
    """An IDE that only reads keeps a build out too: the same words, and no word of a process that writes."""
    duckdb.connect(str(settings.warehouse_path)).close()
    reader = (
        "import duckdb, sys\nheld = duckdb.connect(sys.argv[1], read_only=True)\n"
        "print('open', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", reader, str(settings.warehouse_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with open_embedded(settings) as other:
            assert other.query("select 1") == [(1,)]
        with pytest.raises(
            TaxiError, match=rf"process {process.pid} \(python.*\) has it open"
        ) as caught:
            require_free(settings)
        assert "writing" not in str(caught.value)
        assert "close the connection in that program" in caught.value.remedy


def test_a_lake_that_is_gone(settings: Settings, tmp_path: Path) -> None:
    part = tmp_path / "part.parquet"
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute(f"copy (select 1 as trip_id) to '{part}'")
        connection.execute(f"create view trips as from '{part}'")
    with open_embedded(settings) as reader:
        assert reader.query("from trips") == [(1,)]
        part.unlink()
        with pytest.raises(TaxiError, match="TAXI_DATA_DIR must hold the lake"):
            reader.query("from trips")
        with pytest.raises(TaxiError, match="Build it first"):
            reader.query("from fact_trips")


def test_a_misspelled_table_is_named_as_it_is_spelled(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create table fact_trips as select 1 as trip_id")
    with (
        open_embedded(settings) as reader,
        pytest.raises(TaxiError, match=r"does not exist\. Correct the name; there is fact_trips"),
    ):
        reader.query("from fact_trip")


@pytest.mark.parametrize(
    ("default", "target"),
    [("dev", None), ("postgres", None), ("dev", "postgres"), ("postgres", "dev"), ("dev", "lint")],
)
def test_the_kind_of_a_target_is_what_dbt_says_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default: str, target: str | None
) -> None:
    shutil.copyfile(REPOSITORY / "profiles.yml.example", tmp_path / "profiles.yml")
    shutil.copyfile(REPOSITORY / "dbt_project.yml", tmp_path / "dbt_project.yml")
    monkeypatch.setenv("DBT_TARGET", default)
    settings = Settings(tmp_path, tmp_path, "100MB")
    kind = read_credentials(settings, target).type
    assert is_embedded(settings, target) == (kind == "duckdb")


def test_a_profile_that_cannot_be_read_is_left_to_dbt(tmp_path: Path) -> None:
    (tmp_path / "profiles.yml").write_text("nyc_taxi: [")
    assert not is_embedded(Settings(tmp_path, tmp_path, "100MB"), "dev")


def test_a_profile_that_cannot_read_the_bucket_of_the_lake_is_named(tmp_path: Path) -> None:
    settings = Settings(tmp_path, tmp_path / "data", "100MB")
    in_a_bucket = replace(settings, lake_address="s3://bucket/lake")
    profile = tmp_path / "profiles.yml"
    shutil.copyfile(REPOSITORY / "profiles.yml.example", profile)
    check_target(in_a_bucket, None)
    lines = profile.read_text().splitlines(keepends=True)
    profile.write_text("".join(line for line in lines if "filesystems:" not in line))
    check_target(settings, None)
    with pytest.raises(TaxiError, match=r"no `filesystems` to read it\. Take the entry from"):
        check_target(in_a_bucket, None)
