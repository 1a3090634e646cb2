"""A month published again: what changed is told row by row, and nothing is lost when a process dies."""

import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from real_files import real_file
from servers.postgres import run_postgres
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.ingest import ingest_many
from taxi_pipeline.lake import ManifestEntry, ZoneChange
from taxi_pipeline.restatements.versions import (
    Comparison,
    Counts,
    compare,
    record_restatements,
    versions_of,
    zone_labels,
)
from taxi_pipeline.schemas import Service
from taxi_pipeline.synthetic import METADATA_KEY
from trip_files import FHV_HEADER, YELLOW_NAME, Workplace, yellow_rows, yellow_text
from warehouse import Warehouse, copy_project

GREEN = "green_tripdata_2024-01.parquet"

EDITS = """
with numbered as (select *, row_number() over () as place from read_parquet('{source}')),
edited as (
    select * replace (
        case when place in (100, 200) then fare_amount + 1 else fare_amount end as fare_amount,
        case when place = 200 then total_amount + 1 else total_amount end as total_amount,
        case when place = 300 then 56 else PULocationID end as PULocationID,
        case when place = 400 then lpep_dropoff_datetime + interval 5 minute
            else lpep_dropoff_datetime end as lpep_dropoff_datetime
    )
    from numbered
    where place not in (1, 2, 500)
    union all select * from numbered where place = 600
    union all
    select * replace (lpep_pickup_datetime + interval 3 second as lpep_pickup_datetime)
    from numbered where place = 700
)
select * exclude place from edited order by hash(place, lpep_pickup_datetime)
"""
"""Rows 1, 2, 500 go; 100, 200 cost more; 300 has another pickup zone; 400 ends later; 600 comes twice; a new trip."""


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The real month, and a copy of it with edits that are known, in another order."""
    original = real_file(f"real/{GREEN}")
    copy = tmp_path_factory.mktemp("restated") / GREEN
    duckdb.execute(f"copy ({EDITS.format(source=original)}) to '{copy}' (format parquet)")
    return original, copy


@contextmanager
def compared(place: Workplace) -> Iterator[Comparison]:
    """The comparison of the one file in the lake with the version before it."""
    [current] = place.lake.current()
    before = place.lake.predecessor(current)
    assert before is not None
    with compare(place.lake, place.settings, before, current) as comparison:
        yield comparison


def ingest(place: Workplace, *texts: str, name: str = YELLOW_NAME) -> list[ManifestEntry]:
    return [place.ingest_text(name, text) for text in texts]


def total(changes: list[ZoneChange], name: str) -> int:
    return sum(getattr(change, name) for change in changes)


@pytest.mark.build  # it judges a whole month: seconds each
def test_a_restated_copy_of_a_real_month_is_told_apart_row_by_row(
    place: Workplace, files: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = (place.ingest(path).entry for path in files)
    with compared(place) as comparison:
        assert comparison.counts() == Counts(unchanged=56_551 - 7, altered=4, gone=3, added=2)
        assert comparison.altered_columns() == [
            ("fare_amount", 2),
            *(("lpep_dropoff_datetime", 1), ("pulocationid", 1), ("total_amount", 1)),
        ]
        comparison.write_rows(tmp_path / "rows.parquet")
        comparison.write_rows(tmp_path / "rows.csv")
    rows = duckdb.sql(
        f"select kind, source_row_before, changed_columns from '{tmp_path}/rows.parquet'"
        " order by kind, source_row_before"
    ).fetchall()
    assert rows == [
        *(("added", None, []), ("added", None, [])),
        ("altered", 100, ["fare_amount"]),
        ("altered", 200, ["fare_amount", "total_amount"]),
        ("altered", 300, ["pulocationid"]),
        ("altered", 400, ["lpep_dropoff_datetime"]),
        *(("gone", 1, []), ("gone", 2, []), ("gone", 500, [])),
    ]
    [(kinds, mistaken)] = duckdb.sql(
        f"select count(*), count(*) filter (fare_amount_after - fare_amount_before <> 1)"
        f" from '{tmp_path}/rows.csv' where contains(changed_columns, 'fare_amount')"
    ).fetchall()
    assert (kinds, mistaken) == (2, 0)
    # Each row after leads to the row of the new file.
    [(found,)] = duckdb.sql(
        f"select count(*) from '{tmp_path}/rows.parquet' as told join"
        f" '{place.part(second)}' as part on told.source_row_after = part.source_row"
        " where told.lpep_pickup_datetime_after = part.lpep_pickup_datetime"
        " and told.total_amount_after = part.total_amount"
    ).fetchall()
    assert found == 6

    changes = place.lake.restatements()
    assert {change.versions for change in changes} == {(first.load_id, second.load_id)}
    assert total(changes, "rows_before") == first.row_count
    assert total(changes, "rows_after") == second.row_count
    assert total(changes, "moved_out_count") == total(changes, "moved_in_count") == 1
    for side, entry in (("before", first), ("after", second)):
        amounts = (getattr(change, f"total_amount_{side}") for change in changes)
        assert sum(Decimal(amount or 0) for amount in amounts) == Decimal(entry.total_amount or 0)
    [into] = [change for change in changes if change.moved_in_count]
    assert into.pickup_zone_id == 56


def test_the_same_rows_in_another_order_are_unchanged(place: Workplace) -> None:
    lines = [*yellow_rows(5), *yellow_rows(2)]
    ingest(place, yellow_text(*lines), yellow_text(*reversed(lines)))
    with compared(place) as comparison:
        assert comparison.counts() == Counts(7, 0, 0, 0)


def test_of_equal_rows_as_many_are_unchanged_as_both_versions_have(place: Workplace) -> None:
    one, other = yellow_rows(2)
    ingest(place, yellow_text(one, one, one, other), yellow_text(one, other, other))
    with compared(place) as comparison:
        assert comparison.counts() == Counts(unchanged=2, altered=0, gone=2, added=1)
    [change] = place.lake.restatements()
    assert (change.rows_before, change.rows_after, change.unchanged_count) == (4, 3, 2)


@pytest.mark.parametrize("seed", range(6))
def test_rows_that_both_versions_have_are_unchanged_wherever_they_stand(
    place: Workplace, seed: int
) -> None:
    """Files of repeated rows, partly at the same places, against the intersection of the two multisets."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    kinds = [row.replace("9.5,", f"{fare},") for row in yellow_rows(6) for fare in (1, 2, 3)]
    first = [draw.choice(kinds) for _ in range(60)]
    second = [draw.choice(kinds) if draw.random() < 0.2 else row for row in first]
    second = [row.replace("1,", "2,") if draw.random() < 0.3 else row for row in second]
    del second[draw.randrange(60) :: 9]
    if seed % 2:
        second.append(draw.choice(kinds))
    ingest(place, yellow_text(*first), yellow_text(*second))
    with compared(place) as comparison:
        counts = comparison.counts()
    assert counts.unchanged == (Counter(first) & Counter(second)).total()
    assert counts.unchanged + counts.altered + counts.gone == len(first)
    assert counts.unchanged + counts.altered + counts.added == len(second)


def test_rows_of_one_trip_are_paired_in_the_order_of_the_file(place: Workplace) -> None:
    """A reversal and its twin share every key; each is paired with its own successor."""
    row = yellow_rows(1)[0]
    first = [row.replace("9.5,", f"{fare},") for fare in (1, 2, 3)]
    second = [row.replace("9.5,", f"{fare},") for fare in (4, 2, 5)]
    ingest(place, yellow_text(*first), yellow_text(*second))
    with compared(place) as comparison:
        assert comparison.counts() == Counts(unchanged=1, altered=2, gone=0, added=0)
        assert [(r.row_before, r.row_after) for r in comparison.altered_rows(9)] == [(1, 1), (3, 3)]


def test_a_row_altered_at_its_place_is_the_one_that_is_told(place: Workplace) -> None:
    """Rows alike before: the one that kept its place and got another fare is altered, not its copy."""
    row, other = yellow_rows(2)
    altered = row.replace("9.5,", "9.7,")
    ingest(place, yellow_text(row, row, other), yellow_text(altered, row, other))
    with compared(place) as comparison:
        assert comparison.counts() == Counts(unchanged=2, altered=1, gone=0, added=0)
        [told] = comparison.altered_rows(9)
        assert (told.row_before, told.row_after) == (1, 1)


def test_two_rows_that_change_places_are_unchanged(place: Workplace) -> None:
    """A reversal and its twin share every key; their fares stand in each other's row afterwards."""
    row = yellow_rows(1)[0]
    one, other, third = (row.replace("9.5,", f"{fare},") for fare in (1, 2, 3))
    ingest(
        place, yellow_text(one, other, third), yellow_text(other, one, third.replace("3,", "4,"))
    )
    with compared(place) as comparison:
        assert comparison.counts() == Counts(unchanged=2, altered=1, gone=0, added=0)


def test_rows_without_vendor_or_zone_are_paired_too(place: Workplace) -> None:
    row = yellow_rows(1)[0].replace("2,2019", ",2019", 1).replace(",132,230", ",,230")
    ingest(place, yellow_text(row), yellow_text(row.replace("9.5", "9.7")))
    with compared(place) as comparison:
        assert comparison.counts() == Counts(0, 1, 0, 0)
    [change] = place.lake.restatements()
    assert (change.pickup_zone_id, change.altered_count) == (None, 1)


def test_an_unparseable_line_that_changes_is_gone_and_added(place: Workplace) -> None:
    row = yellow_rows(1)[0]
    ingest(place, yellow_text(row, "2,x"), yellow_text(row, "2,y"))
    with compared(place) as comparison:
        counts = comparison.counts()
        assert counts.unchanged == 1
        assert counts.altered * 2 + counts.gone + counts.added == 2


def test_fhv_is_compared_without_money(place: Workplace) -> None:
    rows = [f"B0000{n},2019-03-01 00:0{n}:00,2019-03-01 01:00:00,1{n},20," for n in range(3)]
    later = [rows[0], rows[1].replace("01:00:00", "01:30:00")]
    ingest(
        place,
        *("\n".join([FHV_HEADER, *lines]) for lines in (rows, later)),
        name="fhv_tripdata_2019-03.csv",
    )
    with compared(place) as comparison:
        assert comparison.counts() == Counts(unchanged=1, altered=1, gone=1, added=0)
    amounts = {change.total_amount_after for change in place.lake.restatements()}
    assert amounts == {None}


def test_versions_stay_until_they_are_pruned_and_every_change_stays_on_record(
    place: Workplace,
) -> None:
    first, second, third = ingest(place, *(yellow_text(*yellow_rows(n)) for n in (2, 3, 4)))
    assert set(place.set_aside()) == {str(place.part(first)), str(place.part(second))}
    place.lake.prune(place.lake.prunable())
    assert set(place.set_aside()) == {str(place.part(second))}
    assert [change.load_id_after for change in place.lake.restatements()] == [
        second.load_id,
        third.load_id,
    ]
    assert place.lake.uncompared() == []
    place.lake.forget([third])
    place.lake.prune(place.lake.prunable())
    assert place.lake.files() == []


def test_a_synthetic_version_that_leaves_is_not_compared(place: Workplace) -> None:
    select = "select cast(n as integer) as total_amount, 2 as vendorid, 3 as pulocationid, 4 as dolocationid,"
    times = "timestamp '2019-03-01' as tpep_pickup_datetime, timestamp '2019-03-01' as tpep_dropoff_datetime"
    query = f"{select} 1 as fare_amount, {times} from range({{}}) as rows(n)"
    options = f", kv_metadata {{'{METADATA_KEY}': 'true'}}"
    name = "yellow_tripdata_2019-03.parquet"
    for rows in (2, 3):
        assert place.ingest(place.parquet(name, query.format(rows), options)).entry.is_synthetic
    [real] = ingest(place, yellow_text(*yellow_rows(3)))
    assert place.lake.predecessor(real) is None
    assert len({change.versions for change in place.lake.restatements()}) == 1


INGEST = "ingest_file(Path(argv[0]), lake, settings)"
DIE = "lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize(
    "step",
    [
        "import taxi_pipeline.lake.storage as module; module.sync = DIE",
        "FolderStorage.create = DIE",
        "create = FolderStorage.create; FolderStorage.create = lambda *a: (create(*a), DIE())",
        "FolderStorage.swap = DIE",
        "swap = FolderStorage.swap; FolderStorage.swap = lambda *a: (swap(*a), DIE())",
        "Lake.record_restatement = DIE",
        "import taxi_pipeline.restatements.versions as module; module.Comparison = DIE",
    ],
)
def test_a_kill_at_any_step_leaves_a_lake_that_the_next_command_completes(
    place: Workplace, step: str
) -> None:
    first, second = ingest(place, *(yellow_text(*yellow_rows(n)) for n in (5, 4)))
    before = place.lake.restatements()
    third = place.write(YELLOW_NAME, yellow_text(*yellow_rows(3)))
    head = "from taxi_pipeline.lake.storage import FolderStorage"
    run = place.start(f"{head}\n{step.replace('DIE', f'({DIE})')}\n{INGEST}", third)
    _, said = run.communicate()
    assert run.returncode == -signal.SIGKILL, said
    place.lake.ensure()
    record_restatements(place.lake, place.settings, lambda _: None)
    [current] = place.lake.current()
    assert current.row_count in {3, 4}
    before_it = place.lake.predecessor(current)
    assert before_it is not None
    assert before_it.load_id == (first if current.row_count == 4 else second).load_id
    place.ingest(third)
    [current] = place.lake.current()
    assert (current.row_count, place.temporaries()) == (3, [])
    changes = place.lake.restatements()
    assert changes[: len(before)] == before
    assert [change.versions for change in changes[len(before) :]] == [
        (second.load_id, current.load_id)
    ]


def test_a_change_that_a_dead_process_left_unrecorded_is_recorded_before_a_third_version_comes(
    place: Workplace,
) -> None:
    [first] = ingest(place, yellow_text(*yellow_rows(5)))
    path = place.write(YELLOW_NAME, yellow_text(*yellow_rows(4)))
    place.start(f"Lake.record_restatement = {DIE}\n{INGEST}", path).communicate()
    [second] = place.lake.current()
    [third] = ingest(place, yellow_text(*yellow_rows(3)))
    assert [change.versions for change in place.lake.restatements()] == [
        (first.load_id, second.load_id),
        (second.load_id, third.load_id),
    ]


def test_a_lost_manifest_is_made_anew_from_the_footers(place: Workplace) -> None:
    before = ingest(place, *(yellow_text(*yellow_rows(n)) for n in (5, 4, 3)))
    record = place.lake.history(), place.lake.restatements()
    (place.root / "manifest.jsonl").unlink()
    assert place.lake.published() == [before[-1]]
    place.lake.ensure()
    assert (place.lake.history(), place.lake.restatements()) == record
    assert place.lake.predecessor(before[-1]) is not None


@pytest.mark.parametrize("damage", [b"x\n", b"{}\n", b"5\n"])
def test_a_damaged_record_is_refused_and_made_anew(place: Workplace, damage: bytes) -> None:
    ingest(place, *(yellow_text(*yellow_rows(n)) for n in (5, 4)))
    whole = (place.root / "restatements.jsonl").read_bytes()
    (place.root / "restatements.jsonl").write_bytes(damage)
    with pytest.raises(TaxiError, match="the record of restatements is damaged"):
        place.lake.restatements()
    (place.root / "restatements.jsonl").unlink()
    record_restatements(place.lake, place.settings, lambda _: None)
    assert (place.root / "restatements.jsonl").read_bytes() == whole


def test_a_damaged_version_before_is_named_with_the_way_out(place: Workplace) -> None:
    first, _ = ingest(place, *(yellow_text(*yellow_rows(n)) for n in (5, 4)))
    place.part(first).write_bytes(b"x")
    (place.root / "restatements.jsonl").unlink()
    with pytest.raises(TaxiError, match="cannot be compared") as caught:
        record_restatements(place.lake, place.settings, lambda _: None)
    assert caught.value.subject == str(place.part(first))
    place.part(first).unlink()
    record_restatements(place.lake, place.settings, lambda _: None)
    assert place.lake.restatements() == []


@pytest.mark.parametrize("month", ["2019-04", "2019", "March"])
def test_a_month_that_is_not_on_record_is_refused(place: Workplace, month: str) -> None:
    ingest(place, yellow_text(*yellow_rows(2)))
    with pytest.raises(TaxiError):
        versions_of(place.lake, Service.YELLOW, month)


@pytest.mark.full  # a server
def test_restatements_reach_the_marts_of_duckdb_and_postgres_and_the_commands(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    project = copy_project(tmp_path / "project")
    warehouse = Warehouse(project, tmp_path / "data")
    for path in files:
        warehouse.taxi("ingest", str(path))
    unrestated = tmp_path / YELLOW_NAME
    unrestated.write_text(yellow_text(*yellow_rows(2)))
    warehouse.taxi("ingest", str(unrestated))
    printed = warehouse.taxi("diff", "green", "2024-01", "--rows", str(tmp_path / "rows.csv"))
    assert "2 rows added, 3 gone, 4 altered, 56,544 unchanged" in printed
    assert "fare_amount 2" in printed
    assert "56 Corona" in printed
    assert "1,266,922.59" in printed
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 10
    assert "has not been restated" in warehouse.taxi("diff", "yellow", "2019-03")
    assert "no version" in warehouse.taxi("diff", "fhv", "2019-03", exit_code=2)
    assert ".parquet" in warehouse.taxi("diff", "green", "2024-01", "--rows", "x", exit_code=2)
    warehouse.taxi("build")
    columns = (
        "load_id_before, load_id_after, pickup_zone_id, unchanged_count, altered_count, moved_in_count,"
        " gone_count, added_count, total_amount_before, total_amount_after, total_amount_change"
    )
    query = f"select {columns} from mart_restatements order by pickup_zone_id"
    told = warehouse.query(query)
    assert warehouse.query(
        "select sum(rows_before), sum(rows_after), sum(total_amount_before), sum(altered_count + moved_in_count)"
        " from mart_restatements"
    ) == [(56_551, 56_550, Decimal("1266922.59"), 4)]
    with run_postgres() as server:
        loaded = replace(warehouse, variables={**server.environment, "DBT_PG_SCHEMA": "public"})
        loaded.taxi("load", "--target", "postgres")
        loaded.taxi("build", "--target", "postgres")
        rows = server.query(query)
        assert [[str(value) for value in row] for row in rows] == [
            [str(value) for value in row] for row in told
        ]
        assert "official parquet" in loaded.taxi("status", "--target", "postgres")


def test_many_files_are_compared_one_by_one(place: Workplace) -> None:
    names = [YELLOW_NAME, "yellow_tripdata_2019-04.csv"]
    for rows in (3, 2):
        paths = [place.write(name, yellow_text(*yellow_rows(rows))) for name in names]
        assert ingest_many(paths, place.lake, place.settings).exit_code == 0
    assert sorted(change.file_month for change in place.lake.restatements()) == [
        "2019-03-01",
        "2019-04-01",
    ]


def test_zones_are_called_as_in_the_tables(built_sample: Warehouse) -> None:
    """But for the id behind a name that several zones share: here it stands in front."""
    names = built_sample.query(
        "select zone_id, replace(zone_label, concat(' (', zone_id, ')'), '') from dim_zones"
    )
    assert zone_labels(built_sample.project) == dict(names)
