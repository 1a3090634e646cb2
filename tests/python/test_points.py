"""Points become the zones that contain them: the grid, the shapes of the zones, and the files that give points."""

import csv
import io
import shutil
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapefile
import shapely
from typer.testing import CliRunner

from points import COORDINATES, ZONES, open_data_months, zone_by_shapely
from real_files import real_file
from taxi_pipeline.cli import app
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.ingest import gives_points, ingest_many
from taxi_pipeline.lake import hash_file
from taxi_pipeline.sample import MIN_SCALE, MONTHS, POINT_MONTH, FileReport, write_sample
from taxi_pipeline.schemas import Service
from taxi_pipeline.zones import archive
from taxi_pipeline.zones.archive import keep_shapes, kept_shapes, located_otherwise, require_shapes
from taxi_pipeline.zones.grid import CELL_DEGREES, ZoneGrid, assign_zones, build_grid
from taxi_pipeline.zones.polygons import ZoneShapes, in_degrees, read_grid, read_zones
from taxi_pipeline.zones.rendering import print_located_otherwise
from trip_files import FHV_HEADER, YELLOW_HEADER, YELLOW_NAME, Workplace, yellow_rows, yellow_text

HEADER_2009 = (
    "vendor_name,Trip_Pickup_DateTime,Trip_Dropoff_DateTime,Passenger_Count,Trip_Distance,Start_Lon,Start_Lat,"
    "Rate_Code,store_and_forward,End_Lon,End_Lat,Payment_Type,Fare_Amt,surcharge,mta_tax,Tip_Amt,Tolls_Amt,Total_Amt"
)
ROW_2009 = "{0},2009-01-04 02:52:00,2009-01-04 03:02:00,1,2.63,{2},,{3},-73.993803,40.695922,{1},8.9,0.5,,0,0,9.4"
IN_TIMES_SQUARE = "-73.9855,40.7580"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture
def located(place: Workplace) -> Workplace:
    """A workplace with TLC's shapes of the zones."""
    keep_shapes(real_file(ZONES), place.settings)
    return place


def text_2009(*rows: tuple[str, str, str, str]) -> str:
    """A file of 2009: vendor, payment, point of the pickup, flag of each row."""
    return "\n".join([HEADER_2009, *(ROW_2009.format(*row) for row in rows)]) + "\n"


# --- The grid ---------------------------------------------------------------------------------------


def ask(grid: ZoneGrid, *points: tuple[float, float]) -> list[int]:
    zones: list[int] = assign(grid, np.array(points, np.float64)).tolist()
    return zones


def assign(grid: ZoneGrid, points: Any) -> Any:
    longitude, latitude = np.ascontiguousarray(points.T)
    return assign_zones(longitude, latitude, grid)


def test_a_point_gets_the_zone_that_contains_it_and_the_lowest_id_on_a_border() -> None:
    lake = shapely.box(0.005, 0.005, 0.006, 0.006)
    west = shapely.box(0, 0, 0.01, 0.01).difference(lake)
    island = shapely.box(0.03, 0, 0.03 + CELL_DEGREES / 10, CELL_DEGREES / 10)
    polygons = np.array([shapely.box(0.01, 0, 0.02, 0.01), west, island, lake.buffer(-0.0003)])
    grid = build_grid(np.array([7, 9, 3, 9], np.int32), polygons)
    assert ask(grid, (0.0001, 0.0001), (0.0199, 0.0099), (0.02001, 0.005)) == [9, 7, 0]
    assert ask(grid, (0.01, 0.005)) == [7]
    assert ask(grid, (0.0051, 0.0055), (0.0055, 0.0055)) == [0, 9]
    middle = CELL_DEGREES / 20
    assert ask(grid, (0.03 + middle, middle), (0.03 + 3 * middle, middle)) == [3, 0]


def test_a_border_that_runs_along_lines_or_through_corners_of_the_grid_is_seen() -> None:
    def square(*corners: tuple[float, float]) -> Any:
        return shapely.Polygon([(x * CELL_DEGREES, y * CELL_DEGREES) for x, y in corners])

    whole = square((0, 0), (4, 0), (4, 4), (0, 4))
    corner = square((1, 1), (2, 1), (1, 2))
    inner = square((2.2, 2.2), (2.8, 2.2), (2.8, 2.8), (2.2, 2.8))
    grid = build_grid(np.array([9, 5, 12], np.int32), np.array([whole, corner, inner]))

    def at(x: float, y: float) -> int:
        return ask(grid, (x * CELL_DEGREES, y * CELL_DEGREES))[0]

    assert [at(1.4, 1.4), at(1.6, 1.6), at(1.5, 1.5), at(2, 1), at(0.9, 1.5)] == [5, 9, 5, 5, 9]
    assert [at(2.1, 2.1), at(2.5, 2.5), at(3.5, 3.5)] == [9, 9, 9]
    assert [at(4, 4), at(4.01, 4), at(0, 0), at(-0.01, 0)] == [9, 0, 9, 0]


@pytest.mark.filterwarnings("error")
def test_what_is_no_point_of_the_earth_lies_in_no_zone() -> None:
    grid = build_grid(np.array([1], np.int32), np.array([shapely.box(0, 0, 1, 1)]))
    nan, inf = float("nan"), float("inf")
    assert ask(grid, (nan, 0.5), (0.5, nan), (inf, 0.5), (-inf, -inf), (1e300, 1e300)) == [0] * 5
    assert ask(grid, (2, 0.5), (-1, 0.5), (0.5, 1.5), (0.5, -0.5), (0.5, 0.5)) == [0, 0, 0, 0, 1]
    assert assign_zones(np.empty(0), np.empty(0), grid).tolist() == []


@pytest.fixture(scope="module")
def grid() -> ZoneGrid:
    path = real_file(ZONES)
    return read_grid(ZoneShapes(path, hash_file(path)))


def by_polygons(grid: ZoneGrid, points: Any) -> Any:
    """The zones by every polygon, without the grid's cells."""
    zones = np.zeros(len(points), np.int32)
    for zone_id, polygon in reversed(list(zip(grid.zone_ids, grid.polygons, strict=True))):
        zones[shapely.intersects_xy(polygon, *points.T)] = zone_id
    return zones


@pytest.mark.parametrize("degrees", [0, 1e-8, 1e-6, 1e-4, 1e-2])
def test_the_grid_says_what_the_polygons_say_above_all_at_borders(
    grid: ZoneGrid, degrees: float
) -> None:
    corners = shapely.get_coordinates(grid.polygons)[::5]
    points = corners + np.random.default_rng(7).normal(0, 1, corners.shape) * degrees
    assert np.array_equal(assign(grid, points), by_polygons(grid, points))


def test_the_grid_knows_every_zone_that_has_a_shape(grid: ZoneGrid) -> None:
    assert set(np.unique(grid.zone_ids)) == set(range(1, 264)) - {57, 104, 105}
    inside = shapely.get_coordinates([shapely.point_on_surface(one) for one in grid.polygons])
    assert np.array_equal(assign(grid, inside), grid.zone_ids)


def test_most_cells_are_decided_without_a_polygon(grid: ZoneGrid) -> None:
    """What makes it quick: polygons are asked in few cells, and few in each."""
    assert np.mean(grid.cells < 0) < 0.03
    assert np.mean(np.diff(grid.starts)) < 3


# --- The shapes in the data folder ------------------------------------------------------------------


def test_the_shapes_are_kept_with_their_checksum(place: Workplace) -> None:
    source = real_file(ZONES)
    assert kept_shapes(place.settings) is None
    shapes = keep_shapes(source, place.settings)
    assert shapes.path.read_bytes() == source.read_bytes()
    assert kept_shapes(place.settings) == shapes
    record = shapes.path.with_name("taxi_zones.zip.sha256")
    assert record.read_text() == f"{hash_file(source)}  taxi_zones.zip\n"
    shapes.path.write_bytes(shapes.path.read_bytes()[:-1])
    with pytest.raises(TaxiError, match="checksum is not the one on record"):
        kept_shapes(place.settings)


def test_a_file_that_holds_no_zones_is_not_kept(place: Workplace) -> None:
    with pytest.raises(TaxiError, match="not TLC's shapefile"):
        keep_shapes(place.write("taxi_zones.zip", "no zip file"), place.settings)
    assert kept_shapes(place.settings) is None


@pytest.mark.parametrize("change", ["renumbered", "degrees", "half", "none"])
def test_shapes_of_other_zones_or_in_another_projection_are_not_kept(
    place: Workplace, change: str
) -> None:
    path = place.write("taxi_zones.zip", _reshaped(change))
    with pytest.raises(TaxiError, match="its zones are not TLC's: ") as caught:
        keep_shapes(path, place.settings)
    assert "such as zone" in caught.value.reason
    assert kept_shapes(place.settings) is None


def _reshaped(change: str) -> bytes:
    """TLC's shapefile with other numbers, in degrees, or with fewer zones."""
    parts = {suffix: io.BytesIO() for suffix in ("shp", "shx", "dbf")}
    with shapefile.Writer(**parts) as writer:
        writer.field("LocationID", "N")
        writer.field("borough", "C")
        for record in read_zones(real_file(ZONES)):
            if change == "none" or (change == "half" and record.zone_id % 2):
                continue
            [outline] = in_degrees([record.outline]) if change == "degrees" else [record.outline]
            writer.record(record.zone_id + 1000 * (change == "renumbered"), record.borough)
            writer.shape(shapely.geometry.mapping(outline))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for suffix, part in parts.items():
            archive.writestr(f"taxi_zones.{suffix}", part.getvalue())
    return packed.getvalue()


def test_a_row_without_a_zone_id_gets_the_zone_of_its_point(place: Workplace) -> None:
    """Some publishers give both columns, and ids in some rows only."""
    keep_shapes(real_file(ZONES), place.settings)
    header = f"{YELLOW_HEADER},pickup_longitude,pickup_latitude,dropoff_longitude,dropoff_latitude"
    point = "-73.7781,40.6413,-73.9772,40.7527"  # JFK, Grand Central
    row = yellow_rows(1)[0]
    without = row.replace(",132,230,", ",,,")
    text = yellow_text(f"{row},{point}", f"{without},{point}", f"{without},0,0,,", header=header)
    entry = place.ingest_text(YELLOW_NAME, text)
    assert place.rows(entry, "pulocationid, dolocationid") == [(132, 230), (132, 162), (None, None)]


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        """Print nothing."""


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that a server publishes, at the address of the shapes."""
    folder = tmp_path / "published"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/taxi_zones.zip"
        monkeypatch.setattr(archive.fetch_shapes, "__defaults__", (address, None))
        yield folder
        server.shutdown()


def test_shapes_are_fetched_once_where_a_file_needs_them(place: Workplace, publisher: Path) -> None:
    zoned = place.write("yellow_tripdata_2019-03.csv", yellow_text(*yellow_rows(1)))
    ingest_many([zoned], place.lake, place.settings, may_fetch_shapes=True)
    assert kept_shapes(place.settings) is None
    pointed = place.write(
        "yellow_tripdata_2009-01.csv", text_2009(("VTS", "CASH", IN_TIMES_SQUARE, ""))
    )
    outcome = ingest_many([pointed], place.lake, place.settings, may_fetch_shapes=True)
    [failure] = outcome.failures
    assert failure.subject == str(pointed)
    assert "cannot be fetched" in failure.reason
    assert "`taxi zones PATH`" in failure.remedy
    shutil.copyfile(real_file(ZONES), publisher / "taxi_zones.zip")
    outcome = ingest_many([pointed], place.lake, place.settings, may_fetch_shapes=True)
    assert [result.status for result in outcome.results] == ["ingested"]
    (publisher / "taxi_zones.zip").unlink()
    assert require_shapes(place.settings, "x", may_fetch=True) == kept_shapes(place.settings)


def test_shapes_among_the_files_are_taken_where_there_are_none(
    place: Workplace, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    (folder / "misc").mkdir(parents=True)
    pointed = text_2009(("VTS", "CASH", IN_TIMES_SQUARE, ""))
    (folder / "yellow_tripdata_2009-01.csv").write_text(pointed)
    shapes = folder / "misc" / "taxi_zones.zip"
    shapes.write_text("no zip file")
    outcome = ingest_many([folder], place.lake, place.settings)
    assert {failure.subject for failure in outcome.failures} == {
        str(shapes),
        str(folder / "yellow_tripdata_2009-01.csv"),
    }
    shutil.copyfile(real_file(ZONES), shapes)
    outcome = ingest_many([folder], place.lake, place.settings)
    assert [result.status for result in outcome.results] == ["ingested"]
    assert (outcome.failures, outcome.passed_over) == ([], [])
    kept = kept_shapes(place.settings)
    with zipfile.ZipFile(shapes, "a") as archived:
        archived.comment = b"another edition"
    outcome = ingest_many([folder, shapes], place.lake, place.settings)
    assert kept_shapes(place.settings) == kept
    assert all("has other zone shapes" in line for line in outcome.passed_over)
    assert len(outcome.passed_over) == 2


def test_taxi_download_fetches_the_shapes_for_files_with_points(
    place: Workplace, publisher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAXI_DATA_DIR", str(place.settings.data_dir))
    pq.write_table(pa.table({"PULocationID": [1]}), publisher / "yellow_tripdata_2019-03.parquet")
    pointed = place.write(
        "yellow_tripdata_2009-01.csv", text_2009(("VTS", "CASH", IN_TIMES_SQUARE, ""))
    )
    with pointed.open() as stream:
        columns = dict(zip(*csv.reader(stream), strict=True))
    pq.write_table(
        pa.table({name: [text] for name, text in columns.items()}),
        publisher / "yellow_tripdata_2009-01.parquet",
    )
    address: str = archive.fetch_shapes.__defaults__[0]  # type: ignore[index]
    source = ["--source", address.rpartition("/")[0]]
    downloaded = CliRunner().invoke(app, ["download", "yellow", "2019-03", *source])
    assert downloaded.exit_code == 0, downloaded.output
    refused = CliRunner().invoke(app, ["download", "yellow", "2009-01,2019-03", *source])
    assert refused.exit_code == 2
    assert "yellow_tripdata_2009-01.parquet: it gives places by coordinates" in refused.output
    shutil.copyfile(real_file(ZONES), publisher / "taxi_zones.zip")
    assert CliRunner().invoke(app, ["download", "yellow", "2009-01", *source]).exit_code == 0
    assert kept_shapes(place.settings) is not None


# --- Files with points ------------------------------------------------------------------------------


def test_a_file_with_points_and_no_shapes_is_refused_in_one_sentence(place: Workplace) -> None:
    path = place.write(
        "yellow_tripdata_2009-01.csv", text_2009(("VTS", "CASH", IN_TIMES_SQUARE, ""))
    )
    fault = place.refuse(path)
    assert fault.reason.startswith("it gives places by coordinates")
    assert str(place.settings.zones_dir) in fault.reason
    assert "`taxi zones`" in fault.remedy


def test_columns_say_whether_a_file_gives_points_and_not_its_name(place: Workplace) -> None:
    text = text_2009(("VTS", "CASH", IN_TIMES_SQUARE, ""))
    assert gives_points(place.write("yellow_tripdata_2024-01.csv", text))
    assert not gives_points(
        place.write("yellow_tripdata_2009-01.csv", yellow_text(*yellow_rows(1)))
    )
    assert not gives_points(place.write("fhv_tripdata_2019-01.csv", f"{FHV_HEADER}\n"))


def test_text_codes_and_places_of_2009_become_members(located: Workplace) -> None:
    rows = [
        ("VTS", "CASH", IN_TIMES_SQUARE, ""),
        ("cmt", "Credit", "0,0", "0"),
        ("DDS", "No Charge", ",", "1"),
        ("4", "Dispute", "-80.5,40.7", "Y"),
        ("NEW", "3", "far,40.7580", "*"),
        (" VTS ", "NA ", "-73.98550000000000001,1e12", "N"),
    ]
    entry = located.ingest_text("yellow_tripdata_2009-01.csv", text_2009(*rows))
    columns = "vendorid, payment_type, pulocationid, pickup_longitude, pickup_latitude, store_and_fwd_flag"
    assert located.rows(entry, f"{columns}, unreadable_fields") == [
        (2, 2, 230, -73.9855, 40.758, None, None),
        (1, 1, None, 0.0, 0.0, "N", None),
        (103, 3, None, None, None, "Y", None),
        (4, 4, None, -80.5, 40.7, "Y", None),
        (None, 3, None, None, 40.758, "*", "vendorid,pickup_longitude"),
        (2, None, None, -73.9855, None, "N", "pickup_latitude"),
    ]
    assert located.rows(entry, "distinct dolocationid, extra, mta_tax") == [(33, 0.5, None)]
    shapes = kept_shapes(located.settings)
    assert shapes is not None
    assert (entry.zone_shapes_sha256, entry.zone_method) == (shapes.sha256, 1)


def test_the_sample_has_a_month_of_points_where_there_are_shapes(
    located: Workplace, tmp_path: Path
) -> None:
    report = write_sample(tmp_path, MIN_SCALE, shapes=kept_shapes(located.settings))
    assert len(report.files) == len(MONTHS) * len(Service) + 1
    file = report.files[-1]
    assert (file.month, file.rejected()) == (
        POINT_MONTH,
        {
            **{"pickup_outside_file_month": 5, "dropoff_before_pickup": 6},
            **{"duration_over_24h": 3, "exact_duplicate": 4},
        },
    )
    entry = located.ingest(file.path).entry
    assert file.total_amount_cents is not None
    charged = f"{file.total_amount_cents / 100:.2f}"
    assert (entry.row_count, entry.total_amount) == (file.rows, charged)
    planted = {
        "pickup_point_zero": "pickup_longitude = 0 and pickup_latitude = 0",
        "pickup_point_missing": "pickup_longitude is null and pickup_latitude is null",
        "pickup_point_outside": "pickup_longitude < -74.28",
        "dropoff_point_zero": "dropoff_longitude = 0 and dropoff_latitude = 0",
        "dropoff_point_outside": "dropoff_longitude < -74.28",
    }
    for name, where in planted.items():
        zone = "pulocationid" if name.startswith("pickup") else "dolocationid"
        [(number, zones)] = located.rows(
            entry, f"count(*) filter ({where}), count({zone}) filter ({where})"
        )
        assert (number, zones) == (file.planted[name], 0), name
    without = sum(file.planted[name] for name in planted if name.startswith("pickup"))
    assert located.rows(entry, "count(*) - count(pulocationid)") == [(without,)]
    assert located.rows(entry, "count(*) - count(dolocationid)") == [
        (sum(file.planted.values()) - without - other_than_points(file),)
    ]
    codes = "count(distinct vendorid), count(distinct payment_type), count(ratecodeid)"
    assert located.rows(entry, codes) == [(3, 4, file.rows)]


def other_than_points(file: FileReport) -> int:
    """How many faults of other kinds than points a file has."""
    return sum(number for name, number in file.planted.items() if "_point_" not in name)


def test_a_file_with_zones_asks_for_no_shapes(place: Workplace) -> None:
    entry = place.ingest_text("yellow_tripdata_2009-01.csv", yellow_text(*yellow_rows(1)))
    assert (entry.zone_shapes_sha256, entry.zone_method) == ("", 0)


def test_half_of_a_point_is_no_place(located: Workplace) -> None:
    text = text_2009(("VTS", "CASH", IN_TIMES_SQUARE, "")).replace("End_Lat", "End")
    fault = located.refuse(located.write("yellow_tripdata_2009-01.csv", text))
    assert "'dolocationid' is missing" in fault.reason


def test_new_shapes_give_new_zones_and_the_same_shapes_change_nothing(located: Workplace) -> None:
    path = located.write(
        "yellow_tripdata_2009-01.csv", text_2009(("VTS", "CASH", IN_TIMES_SQUARE, ""))
    )
    assert [located.ingest(path).status for _ in range(2)] == ["ingested", "unchanged"]
    shapes = keep_shapes(another_edition(located.folder), located.settings)
    result = located.ingest(path)
    assert (result.status, result.entry.zone_shapes_sha256) == ("replaced", shapes.sha256)
    shutil.rmtree(located.settings.zones_dir)
    assert located.ingest(path).status == "unchanged"


def another_edition(folder: Path) -> Path:
    """The same shapes in a file of another checksum."""
    path = folder / "other.zip"
    shutil.copyfile(real_file(ZONES), path)
    with zipfile.ZipFile(path, "a") as edition:
        edition.comment = b"another edition"
    return path


def test_files_located_by_other_shapes_are_found(
    located: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `taxi status` prints it: by the record of the manifest, until they are ingested again."""

    def said() -> str:
        print_located_otherwise(located.lake.current(), located.settings)
        return " ".join(capsys.readouterr().err.split())

    text = text_2009(("VTS", "CASH", IN_TIMES_SQUARE, ""))
    path = located.write("yellow_tripdata_2009-01.csv", text)
    located.ingest(path)
    located.ingest_text("yellow_tripdata_2019-03.csv", yellow_text(*yellow_rows(1)))
    assert said() == ""
    other = keep_shapes(another_edition(located.folder), located.settings)
    [entry] = located_otherwise(located.lake.current(), located.settings)
    assert entry.source_file == path.name
    printed = said()
    assert "by which the points of Yellow 2009-01 became zones" in printed
    assert (
        f"ingest {path.name} again; to go back to the earlier shapes, `taxi zones PATH`" in printed
    )
    located.ingest(path)
    assert said() == ""
    other.path.write_bytes(b"half")
    assert "the zone shapes are damaged" in said()
    shutil.rmtree(located.settings.zones_dir)
    assert said() == "", "without shapes there is nothing to compare with"


def test_a_newer_method_locates_otherwise(
    located: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    located.ingest_text(
        "yellow_tripdata_2009-01.csv", text_2009(("VTS", "CASH", IN_TIMES_SQUARE, ""))
    )
    monkeypatch.setattr("taxi_pipeline.zones.archive.METHOD_VERSION", 2)
    assert len(located_otherwise(located.lake.current(), located.settings)) == 1


def official_2009(path: Path) -> pa.Table:
    """Rows of TLC's CSV in the types of its Parquet files of 2009 and 2010."""
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    header, *rows = csv.reader(lines)
    numbers = {"passenger_count": pa.int64()} | dict.fromkeys(
        ("trip_distance", "surcharge", "mta_tax", "rate_code", "store_and_forward"), pa.float64()
    )
    columns = {}
    for place, name in enumerate(header):
        key = name.strip().lower()
        texts = [row[place].strip() or None for row in rows]
        is_number = key.endswith(("_amt", "_lon", "_lat", "_amount", "itude"))
        type_ = pa.float64() if is_number else numbers.get(key, pa.string())
        if type_ != pa.string():
            columns[name] = pa.array(
                [None if text is None else float(text) for text in texts]
            ).cast(type_)
        else:
            columns[name] = pa.array(texts, pa.string())
    return pa.table(columns)


@pytest.mark.parametrize(
    "name", ["eras/yellow_tripdata_2009-01.csv", "heads/yellow_tripdata_2010-02.csv"]
)
def test_official_parquet_with_points_is_read_as_the_csv_of_the_same_rows(
    located: Workplace, name: str
) -> None:
    path = real_file(name)
    table = official_2009(path)
    if "2010" in name:  # as TLC's files of 2010-02 and 2010-03 have it
        table = table.append_column("__index_level_0__", pa.array(range(len(table)), pa.int64()))
    columns = "columns(c -> c not in ('ingested_at', 'source_file', 'file_month', 'trip_id'))"
    entry = located.ingest(path).entry
    expected = located.rows(entry, columns)
    official = located.write(path.name.replace(".csv", ".parquet"), "")
    pq.write_table(table, official)
    entry = located.ingest(official).entry
    assert located.rows(entry, columns) == expected
    assert entry.unknown_columns == (("__index_level_0__",) if "2010" in name else ())
    assert entry.zone_method == 1


def test_an_export_of_open_data_gets_its_zones(located: Workplace, tmp_path: Path) -> None:
    export = real_file("eras/open_data_export_green_2015.csv")
    number = 0
    for path in open_data_months(export, tmp_path / "months"):
        with path.open(encoding="utf-8-sig", newline="") as stream:
            records = [{k.lower(): v for k, v in row.items()} for row in csv.DictReader(stream)]
        entry = located.ingest(path).entry
        zones = located.rows(entry, "pulocationid, dolocationid")
        assert zones == [
            tuple(
                zone_by_shapely(row[longitude], row[latitude])
                for _, longitude, latitude in COORDINATES[::2]
            )
            for row in records
        ]
        assert entry.unparseable_count == 0
        number += len(records)
    assert number == 1000
