"""The whole path as a user walks it, on the sample and on real files."""

import json
import re
import shutil
import urllib.request
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from conftest import SharedBuild
from real_files import real_file, real_months
from taxi_pipeline.lake import quote_literal
from taxi_pipeline.sample import MONTHS, PATHOLOGIES, planted
from taxi_pipeline.schemas import Service
from warehouse import REPOSITORY, Warehouse, copy_project

pytestmark = pytest.mark.build  # `taxi run` on the sample and on real files


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, str]:
    """`taxi run` in a fresh copy with an empty data folder, and what it printed."""
    folder = tmp_path_factory.mktemp("sample")
    warehouse = Warehouse(copy_project(folder / "project"), folder / "data with a ' in it")
    return warehouse, warehouse.taxi("run")


@pytest.fixture(scope="module")
def real(real_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return real_run.copy(tmp_path_factory.mktemp("real"))


def test_run_ends_with_a_summary_that_adds_up(sample: tuple[Warehouse, str]) -> None:
    warehouse, printed = sample
    for service in Service:
        rows = warehouse.scalar(
            f"select sum(row_count) from stg_ingested_files where service_type = '{service.label}'"
        )
        accepted = warehouse.scalar(
            f"select count(*) from fact_trips where service_type = '{service.label}'"
        )
        [line] = [line for line in printed.splitlines() if line.startswith(f"│ {service.label} ")]
        assert f"{rows:,}" in line
        assert f"{accepted:,}" in line
        assert f"{rows - accepted:,}" in line
    revenue = warehouse.scalar(
        "select sum(total_amount) from fact_trips where service_type = 'Green'"
    )
    assert f"{revenue:,.2f}" in printed
    assert "exact_duplicate" in printed
    assert "tests passed" in printed
    assert "Synthetic sample" in printed
    assert str(warehouse.data / "site" / "index.html") in printed


def test_the_readme_shows_what_the_run_of_the_sample_prints(sample: tuple[Warehouse, str]) -> None:
    """Rows in, accepted, rejected and dollars of each service, to the cent."""
    _, printed = sample
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    shown, said = (
        {
            cells[0]: cells[1:]
            for line in text.splitlines()
            if (cells := [cell.strip() for cell in re.split(r"[|│]", line)[1:-1]])
            and cells[0] in {service.label for service in Service}
            and len(cells) == columns
        }
        for text, columns in ((readme, 5), (printed, 6))
    )
    assert list(shown) == [service.label for service in Service]
    assert shown == {service: cells[1:] for service, cells in said.items()}  # without the files


def test_a_clean_sample_raises_no_warning(sample: tuple[Warehouse, str]) -> None:
    assert "warning" not in sample[1].lower()


@pytest.mark.parametrize("service", list(Service))
def test_every_planted_fault_is_rejected_for_its_reason(
    sample: tuple[Warehouse, str], service: Service
) -> None:
    warehouse, _ = sample
    expected: Counter[str] = Counter()
    for month in MONTHS:
        for name, number in planted(service, month).items():
            if reason := PATHOLOGIES[name].reject_reason:
                expected[reason] += number * PATHOLOGIES[name].rows_each
    rejected = warehouse.query(
        f"select reject_reason, count(*) from rejected_trips where service_type = '{service.label}' group by all"
    )
    assert dict(rejected) == {reason: rows for reason, rows in expected.items() if rows}


@pytest.mark.parametrize("service", list(Service))
def test_every_planted_oddity_carries_its_flag(
    sample: tuple[Warehouse, str], service: Service
) -> None:
    warehouse, _ = sample
    expected: Counter[str] = Counter()
    for month in MONTHS:
        for name, number in planted(service, month).items():
            if flag := PATHOLOGIES[name].flag:
                expected[flag] += number * PATHOLOGIES[name].rows_each
    for flag, rows in expected.items():
        assert (
            warehouse.scalar(
                f"select count(*) from fact_trips where service_type = '{service.label}' and {flag}"
            )
            == rows
        ), flag


def test_the_docs_are_one_page_that_the_server_shows_on_loopback(
    sample: tuple[Warehouse, str],
) -> None:
    import subprocess  # noqa: PLC0415

    warehouse, _ = sample
    with subprocess.Popen(
        warehouse.taxi_command("serve", "--port", "0"),
        cwd=warehouse.project,
        env=warehouse.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[0]
        try:
            assert address.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(f"{address}docs/") as response:  # noqa: S310 - an address on loopback
                page = response.read().decode()
        finally:
            server.terminate()
    assert "mart_monthly_zone_revenue" in page
    assert "every row of every source file" in page


def test_every_column_of_every_relation_is_described_and_no_other(
    sample: tuple[Warehouse, str],
) -> None:
    target = sample[0].project / "target"
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    catalog = json.loads((target / "catalog.json").read_text())["nodes"]
    built = {
        name
        for name, node in nodes.items()
        if node["resource_type"] in {"model", "seed", "snapshot"}
    }
    assert built <= set(catalog)  # beside them the tables of failing rows
    for name in built:
        assert set(catalog[name]["columns"]) == set(nodes[name]["columns"]), name


def test_every_analysis_runs_on_the_warehouse(sample: tuple[Warehouse, str]) -> None:
    warehouse, _ = sample
    warehouse.dbt("compile", "--select", "resource_type:analysis", "--vars", "min_trips_of_pair: 2")
    compiled = sorted((warehouse.project / "target/compiled/nyc_taxi/analyses").glob("*.sql"))
    assert [path.stem for path in compiled] == [
        path.stem for path in sorted((warehouse.project / "analyses").glob("*.sql"))
    ]
    for path in compiled:
        assert warehouse.query(path.read_text()), path.name


def test_fare_percentiles_are_those_of_duckdb(sample: tuple[Warehouse, str]) -> None:
    warehouse, _ = sample
    sql = analysis(warehouse, "fare_percentiles_by_month")
    expected = warehouse.query(
        """
        select service_type, file_month, quantile_disc(fare_amount, [0.9, 0.95, 0.97])
        from fact_trips
        where not is_voided and not is_app_dispatched and fare_amount > 0
        group by all order by all
        """
    )
    assert [(row[0], row[1], list(row[2:5])) for row in warehouse.query(sql)] == [
        tuple(row) for row in expected
    ]


def analysis(warehouse: Warehouse, name: str) -> str:
    """The SQL of an analysis, compiled."""
    warehouse.dbt("compile", "--select", name)
    return (warehouse.project / f"target/compiled/nyc_taxi/analyses/{name}.sql").read_text()


def test_growth_compares_no_quarter_of_which_a_month_is_a_part(
    sample: tuple[Warehouse, str],
) -> None:
    """The sample's quarter, and once more as the quarter before; then with a month that is only a part."""
    warehouse, _ = sample
    sql = analysis(warehouse, "quarterly_revenue_growth_by_service")
    [relation] = set(re.findall(r"\S+mart_monthly_zone_revenue\S*", sql))
    earlier = "cast(revenue_month - interval 3 month as date) as revenue_month"
    whole = f"(from {relation} union all by name select * replace ({earlier}) from {relation})"
    answers = "select distinct quarter_number, month_completeness, growth_on_quarter from (" + sql
    answers = f"{answers.rstrip().rstrip(';')}) order by 1"
    assert warehouse.query(answers.replace(relation, whole)) == [
        (3, "synthetic", None),
        (4, "synthetic", 0),
    ]
    month = "case when revenue_month = date '2025-08-01' then 'part' else month_completeness end"
    part = f"(select * replace ({month} as month_completeness) from {whole})"
    assert warehouse.query(answers.replace(relation, part)) == [
        (3, "part", None),
        (4, "synthetic", None),
    ]


def test_a_quarter_with_a_month_without_amounts_has_no_revenue_and_no_growth(
    sample: tuple[Warehouse, str],
) -> None:
    """The CSV files of HVFHV have none: two months of money are not the revenue of three."""
    warehouse, _ = sample
    sql = analysis(warehouse, "quarterly_revenue_growth_by_service")
    [relation] = set(re.findall(r"\S+mart_monthly_zone_revenue\S*", sql))
    earlier = "cast(revenue_month - interval 3 month as date) as revenue_month"
    both = (
        f"select * from {relation} union all by name select * replace ({earlier}) from {relation}"
    )
    lacks = "service_type = 'HVFHV' and revenue_month = date '2025-08-01'"
    bare = f"(select * replace (case when {lacks} then null else total_amount end as total_amount) from ({both}))"
    answers = (
        "select service_type, quarter_number, total_amount is null, growth_on_quarter, trip_count > 0 from ("
        f"{sql.rstrip().rstrip(';')}) order by 1, 2"
    )
    assert warehouse.query(answers.replace(relation, bare)) == [
        ("Green", 3, False, None, True),
        ("Green", 4, False, 0, True),
        ("HVFHV", 3, True, None, True),
        ("HVFHV", 4, False, None, True),
        ("Yellow", 3, False, None, True),
        ("Yellow", 4, False, 0, True),
    ]


def test_analyses_of_real_files_say_which_months_are_parts(real: Warehouse) -> None:
    verdicts = "select service_type, {} month_completeness from fact_file_completeness"
    by_month = "select distinct service_type, file_month, month_completeness from ({})"
    shown = set(real.query(by_month.format(analysis(real, "fare_percentiles_by_month"))))
    assert shown == {row for row in real.query(verdicts.format("file_month,")) if row[0] != "FHV"}
    apart = f"select distinct service_type, month_completeness from ({analysis(real, 'busiest_zones_by_hour')})"
    assert set(real.query(apart)) == set(real.query(verdicts.format("")))
    assert {"whole", "part"} <= {completeness for _, completeness in real.query(apart)}


def test_real_green_2024_01_ties_to_the_cent(real: Warehouse) -> None:
    [[rows, amount]] = real.query(
        """
        select count(*), sum(total_amount) from (
            select total_amount, service_type, file_month from fact_trips
            union all by name
            select total_amount, service_type, file_month from rejected_trips
        ) where service_type = 'Green' and file_month = '2024-01-01'
        """
    )
    assert (rows, amount) == (56_551, Decimal("1266922.59"))
    green = "from fact_trips where service_type = 'Green' and file_month = '2024-01-01'"
    assert real.scalar(f"select count(*) {green} and total_amount < 0") == 185
    assert real.scalar(f"select count(*) {green} and total_amount < 0 and is_voided") == 181
    assert real.scalar(f"select count(*) {green} and is_voided") == 362
    assert real.scalar(f"select count(*) {green} and is_unmatched_reversal") == 4
    published = real.query(f"select sum(fare_amount), sum(tip_amount) {green}")
    assert published == [(Decimal("957367.44"), Decimal("127607.90"))]


def test_real_files_are_all_loaded_and_nothing_is_synthetic(
    real: Warehouse,
) -> None:
    files = {path.name for path in real_months()}
    assert len(files) == 7
    assert {name for (name,) in real.query("select source_file from stg_ingested_files")} == files
    assert real.scalar("select bool_or(is_synthetic) from stg_ingested_files") is False
    assert real.scalar("select sum(row_count) from stg_ingested_files") == (
        real.scalar("select count(*) from fact_trips")
        + real.scalar("select count(*) from rejected_trips")
    )


def test_a_trip_id_leads_back_to_the_row_in_the_file(real: Warehouse) -> None:
    trips = real.query(
        """
        select source_row, tip_amount, pickup_at from fact_trips
        where trip_id // 1000000000 = 1201906 and source_row in (1, 77, 10000) order by source_row
        """
    )
    with real_file("real/yellow_tripdata_2019-06.csv").open() as lines:
        text = lines.read().splitlines()
    for source_row, tip, pickup in trips:
        fields = text[source_row].split(",")
        assert (Decimal(fields[13]), fields[1]) == (tip, str(pickup))
    assert len(trips) == 3


@pytest.mark.full  # a rare order of commands
def test_real_files_take_the_sample_out_and_keep_it_out(tmp_path: Path) -> None:
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    warehouse.taxi("sample", "--scale", "0.1")
    warehouse.taxi("ingest", str(warehouse.data / "sample"))
    printed = warehouse.taxi("ingest", str(real_file("heads/green_tripdata_2020-04.csv")))
    assert "Removed the 12 files of the synthetic sample" in printed
    assert "Green 2020-04" in warehouse.taxi("status")
    refused = warehouse.taxi("ingest", str(warehouse.data / "sample"), exit_code=2)
    [line] = [line for line in refused.splitlines() if "the lake holds real files" in line]
    assert line.count(".parquet") == 12
    manifest = (warehouse.data / "lake" / "manifest.jsonl").read_text().splitlines()
    current = [json.loads(line) for line in manifest if json.loads(line)["superseded_at"] is None]
    assert [entry["source_file"] for entry in current] == ["green_tripdata_2020-04.csv"]


@pytest.mark.full  # faults, in twenty commands
def test_a_lake_that_lost_something_is_refused_and_can_be_restored(
    tmp_path: Path,
) -> None:
    """Two real months: one partition edited, one lost, the manifest damaged, the whole lake lost, a month forgotten."""
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    files = [real_file(f"heads/{name}_tripdata_2020-04.csv") for name in ("fhv", "green")]
    warehouse.taxi("ingest", *map(str, files))
    warehouse.taxi("build")
    lake = warehouse.data / "lake"
    [part] = (lake / "green" / "file_month=2020-04-01").iterdir()
    count = "select count(*) from fact_trips where service_type = 'Green'"
    before = warehouse.scalar(count)

    duckdb.sql(
        f"copy (select * replace (cast(total_amount + 1 as decimal(12, 2)) as total_amount) from '{part}')"
        f" to '{tmp_path / 'edited.parquet'}' (kv_metadata {{taxi: {_footer(part)}}})"
    )
    part.write_bytes((tmp_path / "edited.parquet").read_bytes())
    for command in ("build", "build --full-refresh"):
        assert "Green 2020-04 is damaged" in warehouse.taxi(*command.split(), exit_code=1)
    assert "checksum" in warehouse.taxi("lake", "verify", exit_code=1)
    by_hand = warehouse.dbt("build", "--full-refresh", "--exclude", "test_type:unit", exit_code=1)
    assert "assert_money_ties_from_the_manifest" in by_hand
    assert "repaired" in warehouse.taxi("ingest", str(files[1]))
    [part] = (lake / "green" / "file_month=2020-04-01").iterdir()
    assert "2 of 2 partitions are intact" in warehouse.taxi("lake", "verify")

    part.unlink()
    for command in ("build", "run", "status"):
        assert "the lake has lost Green 2020-04" in warehouse.taxi(command, exit_code=2)
    warehouse.taxi("run", *map(str, files))
    assert warehouse.scalar(count) == before

    (lake / "manifest.jsonl").write_text("{")
    assert "manifest is damaged. Restore it from a backup" in warehouse.taxi("run", exit_code=2)
    (lake / "manifest.jsonl").unlink()
    assert "Synthetic" not in warehouse.taxi("run")
    assert warehouse.scalar(count) == before

    lake.rename(tmp_path / "lake")
    said = warehouse.taxi("run", exit_code=2)
    assert "it holds 2 real months (FHV 2020-04, Green 2020-04)" in said
    assert "2 real months that the lake does not know" not in said
    warehouse.taxi("ingest", str(files[0]))
    assert "1 real month that the lake does not know (Green 2020-04)" in warehouse.taxi(
        "build", exit_code=2
    )
    shutil.rmtree(lake)
    (tmp_path / "lake").rename(lake)


@pytest.mark.full  # builds of its own
def test_a_month_that_was_removed_leaves_the_tables_with_the_next_build(tmp_path: Path) -> None:
    """Until then the commands say that the tables still hold it; the last month can be removed like any other."""
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    for name in ("fhv", "green"):
        warehouse.taxi("ingest", str(real_file(f"heads/{name}_tripdata_2020-04.csv")))
    warehouse.taxi("build")
    count = "select count(*) from fact_trips where service_type = 'Green'"
    assert "Green 2020-04: 8 rows" in warehouse.taxi("forget", "green", "2020-04", "--yes")
    noted = "The tables still hold Green 2020-04, which the lake no longer has. To remove them: `taxi build`."
    for command in ("status", "export --format csv --select dim_vendors", "lookml", "site"):
        assert warehouse.taxi(*command.split()).count(noted) == 1, command
    assert "Adds up" in warehouse.taxi("explain", "2202004000000001"), "as the tables do"
    warehouse.taxi("build")
    for command in ("status", "export --format csv --select dim_vendors"):
        assert "The tables still hold" not in warehouse.taxi(*command.split()), command
    assert "no such file is loaded" in warehouse.taxi("explain", "2202004000000001", exit_code=2)
    assert warehouse.scalar(count) == 0
    assert warehouse.scalar("select count(*) from fact_trips") == 16

    warehouse.taxi("forget", "fhv", "2020-04", "--yes")
    said = warehouse.taxi("status")
    assert "The tables still hold FHV 2020-04" in said
    assert "is empty" in said
    warehouse.taxi("build")
    assert warehouse.scalar("select count(*) from fact_trips") == 0
    assert "Synthetic" in warehouse.taxi(
        "run"
    )  # months that somebody removed do not keep the sample out


def _footer(part: Path) -> str:
    [(value,)] = duckdb.sql(
        f"select value from parquet_kv_metadata('{part}') where key = 'taxi'"
    ).fetchall()
    return quote_literal(bytes(value).decode())


@pytest.mark.full  # a fault, with a run of its own
def test_a_csv_row_without_a_readable_form_ends_in_rejected_trips_with_its_text(
    tmp_path: Path,
) -> None:
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    path = tmp_path / "fhv_tripdata_2019-04.csv"
    path.write_text(
        "dispatching_base_num,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,SR_Flag\n"
        "B00013,2019-04-01 00:15:00,2019-04-01 00:55:36,264,264,\n"
        'B00014,"2019-04-01 00:25:00,2019-04-01 00:55:36,264\n'
        "B00013,2019-04-01 00:11:00,2019-04-01 00:31:39,56,57,\n"
    )
    warehouse.taxi("ingest", str(path))
    warehouse.taxi("build")
    assert warehouse.query(
        "select source_row, pickup_zone_id, dropoff_zone_id from fact_trips order by 1"
    ) == [
        (1, 264, 264),
        (3, 56, 57),
    ]
    assert warehouse.query("select source_row, reject_reason, raw_line from rejected_trips") == [
        (2, "unparseable", 'B00014,"2019-04-01 00:25:00,2019-04-01 00:55:36,264')
    ]


@pytest.mark.full  # a rare file, with a run of its own
def test_a_new_code_is_a_warning_and_loads_as_unknown(tmp_path: Path) -> None:
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    warehouse.taxi("sample", "--scale", "0.1")
    source = warehouse.data / "sample" / "green_tripdata_2025-10.parquet"
    target = tmp_path / source.name
    duckdb.sql(
        f"copy (select * replace (9 as \"VendorID\") from read_parquet('{source}')) to '{target}'"
    )
    warehouse.taxi("ingest", str(target))
    printed = warehouse.taxi("build")
    assert "assert_every_code_is_in_its_dimension" in printed
    assert warehouse.query("select distinct vendor_id from fact_trips") == [(-1,)]
