"""Write the sample: TLC-shaped Parquet files of four services and three months, and a month of points."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from taxi_pipeline.atomic import draft_of
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.sample.calendar import MONTHS, POINT_MONTH
from taxi_pipeline.sample.draws import NULL, Draws, Ints
from taxi_pipeline.sample.high_volume import BASES, LICENSES, PARTS, high_volume_trips
from taxi_pipeline.sample.pathologies import PATHOLOGIES, plant, planted
from taxi_pipeline.sample.point_trips import MICRO, POINT_TRIPS, point_trips
from taxi_pipeline.sample.trips import FHV_BASES, LOWER, PADDED, Columns, fhv_trips, metered_trips
from taxi_pipeline.schemas import Service
from taxi_pipeline.synthetic import METADATA_KEY, NOTICE

if TYPE_CHECKING:
    from taxi_pipeline.zones.polygons import ZoneShapes

MIN_SCALE = 0.1
"""Below this, a file has too few rows to plant the fixed numbers of pathologies on."""

TRIPS: Mapping[Service, tuple[int, int, int]] = {
    Service.YELLOW: (27_440, 25_910, 26_670),
    Service.GREEN: (3_420, 3_240, 3_340),
    Service.FHV: (20_600, 19_300, 20_100),
    Service.HVFHV: (20_100, 19_500, 20_600),
}
"""Clean trips per month at scale 1. Yellow and green rise and fall as TLC's own months did (4.43,
4.18 and 4.31 million; 49, 47 and 48 thousand)."""

_SEED = 20_251_102

_ID, _CODE, _AMOUNT, _TIME, _TEXT = (
    *(pa.int32(), pa.int64(), pa.float64(), pa.timestamp("us"), pa.string()),
)
_POINT_ENDS = ("longitude", "latitude")
_Spec = tuple[str, str | None, pa.DataType]
"""The column's name in TLC's file, where its values are, its type."""

_METERED_MONEY: tuple[_Spec, ...] = tuple(
    (name, name, _AMOUNT)
    for name in ("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount")
)
_CBD: _Spec = ("cbd_congestion_fee", "cbd_congestion_fee", _AMOUNT)

_FILE_COLUMNS: Mapping[Service, tuple[_Spec, ...]] = {
    Service.YELLOW: (
        ("VendorID", "vendor", _ID),
        ("tpep_pickup_datetime", "pickup_at", _TIME),
        ("tpep_dropoff_datetime", "dropoff_at", _TIME),
        ("passenger_count", "passenger_count", _CODE),
        ("trip_distance", "trip_distance", _AMOUNT),
        ("RatecodeID", "rate_code", _CODE),
        ("store_and_fwd_flag", "is_stored", _TEXT),
        ("PULocationID", "pickup_zone", _ID),
        ("DOLocationID", "dropoff_zone", _ID),
        ("payment_type", "payment_type", _CODE),
        *_METERED_MONEY,
        ("improvement_surcharge", "improvement_surcharge", _AMOUNT),
        ("total_amount", "total_amount", _AMOUNT),
        ("congestion_surcharge", "congestion_surcharge", _AMOUNT),
        ("Airport_fee", "airport_fee", _AMOUNT),
        _CBD,
    ),
    Service.GREEN: (
        ("VendorID", "vendor", _ID),
        ("lpep_pickup_datetime", "pickup_at", _TIME),
        ("lpep_dropoff_datetime", "dropoff_at", _TIME),
        ("store_and_fwd_flag", "is_stored", _TEXT),
        ("RatecodeID", "rate_code", _CODE),
        ("PULocationID", "pickup_zone", _ID),
        ("DOLocationID", "dropoff_zone", _ID),
        ("passenger_count", "passenger_count", _CODE),
        ("trip_distance", "trip_distance", _AMOUNT),
        *_METERED_MONEY,
        ("ehail_fee", None, _AMOUNT),
        ("improvement_surcharge", "improvement_surcharge", _AMOUNT),
        ("total_amount", "total_amount", _AMOUNT),
        ("payment_type", "payment_type", _CODE),
        ("trip_type", "trip_type", _CODE),
        ("congestion_surcharge", "congestion_surcharge", _AMOUNT),
        _CBD,
    ),
    Service.FHV: (
        ("dispatching_base_num", "base", _TEXT),
        ("pickup_datetime", "pickup_at", _TIME),
        ("dropOff_datetime", "dropoff_at", _TIME),
        ("PUlocationID", "pickup_zone", _ID),
        ("DOlocationID", "dropoff_zone", _ID),
        ("SR_Flag", None, pa.null()),
        ("Affiliated_base_number", "affiliated_base", _TEXT),
    ),
    Service.HVFHV: (
        ("hvfhs_license_num", "license", _TEXT),
        ("dispatching_base_num", "hv_base", _TEXT),
        ("originating_base_num", "originating_base", _TEXT),
        ("request_datetime", "request_at", _TIME),
        ("on_scene_datetime", "on_scene_at", _TIME),
        ("pickup_datetime", "pickup_at", _TIME),
        ("dropoff_datetime", "dropoff_at", _TIME),
        ("PULocationID", "pickup_zone", _ID),
        ("DOLocationID", "dropoff_zone", _ID),
        ("trip_miles", "trip_distance", _AMOUNT),
        ("trip_time", "trip_time", _CODE),
        ("base_passenger_fare", "base_fare", _AMOUNT),
        ("tolls", "tolls", _AMOUNT),
        ("bcf", "black_car_fund", _AMOUNT),
        ("sales_tax", "sales_tax", _AMOUNT),
        ("congestion_surcharge", "congestion_surcharge", _AMOUNT),
        ("airport_fee", "airport_fee", _AMOUNT),
        ("tips", "tips", _AMOUNT),
        ("driver_pay", "driver_pay", _AMOUNT),
        ("shared_request_flag", "shared_request", _TEXT),
        ("shared_match_flag", "shared_match", _TEXT),
        ("access_a_ride_flag", "access_a_ride", _TEXT),
        ("wav_request_flag", "wheelchair_request", _TEXT),
        ("wav_match_flag", "wheelchair_match", _TEXT),
        ("cbd_congestion_fee", "cbd_fee", _AMOUNT),
    ),
}

_POINT_COLUMNS: tuple[_Spec, ...] = (
    ("vendor_id", "vendor", _TEXT),
    ("pickup_datetime", "pickup_at", _TEXT),
    ("dropoff_datetime", "dropoff_at", _TEXT),
    ("passenger_count", "passenger_count", _CODE),
    ("trip_distance", "trip_distance", _AMOUNT),
    ("pickup_longitude", "pickup_longitude", _AMOUNT),
    ("pickup_latitude", "pickup_latitude", _AMOUNT),
    ("rate_code", "rate_code", _TEXT),
    ("store_and_fwd_flag", "is_stored", _TEXT),
    ("dropoff_longitude", "dropoff_longitude", _AMOUNT),
    ("dropoff_latitude", "dropoff_latitude", _AMOUNT),
    ("payment_type", "payment_type", _TEXT),
    ("fare_amount", "fare_amount", _AMOUNT),
    ("surcharge", "surcharge", _AMOUNT),
    ("mta_tax", "mta_tax", _AMOUNT),
    ("tip_amount", "tip_amount", _AMOUNT),
    ("tolls_amount", "tolls_amount", _AMOUNT),
    ("total_amount", "total_amount", _AMOUNT),
)
"""Of yellow in 2010."""

_WORDS: Mapping[str, tuple[str, ...]] = {
    "license": LICENSES,
    "hv_base": BASES,
    "originating_base": BASES,
    "vendor": ("", "CMT", "VTS", "DDS"),
    "rate_code": ("", "1", "2", "3", "4", "5"),
    "payment_type": ("", "CRE", "CAS", "NOC", "DIS"),
}
"""The texts of columns whose numbers stand for one of a few; every other text is a flag."""

_FLAG = ("N", "Y", " ")


@dataclass(frozen=True)
class FileReport:
    """One written file.

    Attributes:
        path: where it is.
        service: its service.
        month: the first day of its month.
        rows: all its rows, planted ones included.
        planted: how many of each pathology it has.
        dispatched_rows: rows of the dispatch block; 0 for FHV and HVFHV.
        rows_without_pickup_zone: rows whose pickup zone is null.
        total_amount_cents: what passengers were charged, over all rows; None for FHV.
    """

    path: Path
    service: Service
    month: date
    rows: int
    planted: Mapping[str, int]
    dispatched_rows: int
    rows_without_pickup_zone: int
    total_amount_cents: int | None

    def rejected(self) -> dict[str, int]:
        """How many rows a warehouse must reject, by reason."""
        reasons: dict[str, int] = {}
        for name, number in self.planted.items():
            pathology = PATHOLOGIES[name]
            if pathology.reject_reason is not None:
                rows = number * pathology.rows_each
                reasons[pathology.reject_reason] = reasons.get(pathology.reject_reason, 0) + rows
        return reasons

    def flagged(self) -> dict[str, int]:
        """How many rows must carry each flag; the dispatch block is ``dispatched_rows``."""
        flags: dict[str, int] = {}
        for name, number in self.planted.items():
            pathology = PATHOLOGIES[name]
            if pathology.flag is not None:
                flags[pathology.flag] = flags.get(pathology.flag, 0) + number * pathology.rows_each
        return flags


@dataclass(frozen=True)
class SampleReport:
    """What was written.

    Attributes:
        files: one per service and month.
        notice: one sentence that says what the sample is, for every place that shows it.
    """

    files: tuple[FileReport, ...]
    notice: str = NOTICE

    @property
    def rows(self) -> int:
        """All rows of all files."""
        return sum(file.rows for file in self.files)

    @property
    def planted(self) -> dict[str, int]:
        """How many of each pathology there are in all files."""
        return {name: sum(file.planted.get(name, 0) for file in self.files) for name in PATHOLOGIES}


def _base_numbers(base: Ints, style: Ints | None = None) -> pa.Array:
    """TLC writes B and five digits; numbers from 09000 on stand for no real base."""
    names = np.array([f"B{9_000 + number:05d}" for number in range(FHV_BASES + 1)])
    text = names[base]
    if style is not None:
        text = np.where(style == PADDED, np.char.ljust(text, 15), text)
        text = np.where(style == LOWER, np.char.lower(text), text)
    return pa.array(text, type=pa.string())


def _texts(name: str, values: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.str_]]:
    if name.endswith("_at"):
        return np.char.replace(np.datetime_as_string(values.astype("datetime64[s]")), "T", " ")
    return np.array(_WORDS.get(name, _FLAG))[values]


def _array(columns: Columns, name: str | None, kind: pa.DataType) -> pa.Array:
    """Turn whole numbers into a column as TLC writes it."""
    if name is None:
        return pa.nulls(len(columns["pickup_at"]), kind)
    values = columns[name]
    missing = values == NULL
    values = np.where(missing, 0, values)
    if name in {"base", "affiliated_base"}:
        return _base_numbers(values, columns["base_style"] if name == "base" else None)
    if kind == _TEXT:
        return pa.array(_texts(name, values), type=kind, mask=missing)
    if kind == _TIME:
        return pa.array(values.astype("datetime64[s]").astype("datetime64[us]"), kind, mask=missing)
    if kind == _AMOUNT:  # cents, hundredths of a mile, points: the nearest double, as TLC has it
        unit = MICRO if name.endswith(_POINT_ENDS) else 100
        return pa.array(values / unit, type=kind, mask=missing)
    return pa.array(values, type=kind, mask=missing)


def _table(specs: Sequence[_Spec], columns: Columns) -> pa.Table:
    arrays = [_array(columns, source, kind) for _, source, kind in specs]
    schema = pa.schema([pa.field(name, kind) for name, _, kind in specs])
    metadata = {METADATA_KEY: "true", "taxi_notice": NOTICE}
    return pa.Table.from_arrays(arrays, schema=schema.with_metadata(metadata))


def _stream(service: Service, month: date) -> Draws:
    """A stream for each file: one file's numbers do not depend on which others are made."""
    return Draws(_SEED * 1_000 + service.code * 100 + month.month)


def _rows(service: Service, month: date, scale: float, draws: Draws) -> Columns:
    size = round(TRIPS[service][MONTHS.index(month)] * scale)
    if service is Service.FHV:
        return fhv_trips(month, size, draws)
    if service is Service.HVFHV:
        return high_volume_trips(month, size, draws)
    return metered_trips(service, month, size, draws)


def _write(table: pa.Table, path: Path) -> None:
    """Write under a temporary name, so that a reader never sees half a file."""
    with draft_of(path) as draft:
        pq.write_table(table, draft, compression="zstd")


def _write_file(
    folder: Path,
    service: Service,
    month: date,
    scale: float,
    shapes: "ZoneShapes | None" = None,
) -> FileReport:
    draws, specs = _stream(service, month), _FILE_COLUMNS[service]
    if shapes is None:
        clean = _rows(service, month, scale, draws)
    else:
        specs = _POINT_COLUMNS
        clean = point_trips(shapes, round(POINT_TRIPS * scale), draws)
    columns = plant(service, month, clean, draws)
    path = folder / f"{service}_tripdata_{month:%Y-%m}.parquet"
    _write(_table(specs, columns), path)
    amounts = {Service.FHV: (), Service.HVFHV: PARTS}.get(service, ("total_amount",))
    return FileReport(
        path=path,
        service=service,
        month=month,
        rows=len(columns["pickup_at"]),
        planted=planted(service, month),
        dispatched_rows=int((columns["passenger_count"] == NULL).sum())
        if service.is_metered
        else 0,
        rows_without_pickup_zone=int((columns["pickup_zone"] == NULL).sum()),
        total_amount_cents=sum(int(columns[name].sum()) for name in amounts) if amounts else None,
    )


def write_sample(
    folder: Path,
    scale: float = 1.0,
    progress: Callable[[str], None] | None = None,
    shapes: "ZoneShapes | None" = None,
) -> SampleReport:
    """Write the sample files; the same call always writes the same bytes.

    Args:
        folder: where to put them; made if it is missing, files of the same names are replaced.
        scale: size of the clean traffic against about 210,000 trips. The number of planted
            pathologies does not change with it.
        progress: called with the name of each file before it is made.
        shapes: of the zones; with them there is a month more, whose places are points.

    Raises:
        TaxiError: the scale is too small for the pathologies, or the shapes are no shapefile of the zones.
    """
    if not scale >= MIN_SCALE:
        raise TaxiError(
            "sample", f"scale {scale:g} is too small", f"use a scale of {MIN_SCALE:g} or more"
        )
    folder.mkdir(parents=True, exist_ok=True)
    files: list[tuple[Service, date, ZoneShapes | None]] = [
        (service, month, None) for service in Service for month in MONTHS
    ]
    if shapes is not None:
        files.append((Service.YELLOW, POINT_MONTH, shapes))
    reports = []
    for service, month, shapes_of_file in files:
        if progress is not None:
            progress(f"{service}_tripdata_{month:%Y-%m}.parquet")
        reports.append(_write_file(folder, service, month, scale, shapes_of_file))
    return SampleReport(tuple(reports))
