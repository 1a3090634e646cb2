"""Small trip files with known content, and the lake that they come into."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.ingest import IngestResult, ingest_file
from taxi_pipeline.lake import Lake, ManifestEntry
from taxi_pipeline.settings import Settings

CASES = Path(__file__).resolve().parents[1] / "cases"
"""Made-up files that somebody could not load."""

YELLOW_HEADER = (
    "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,"
    "store_and_fwd_flag,PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,"
    "tolls_amount,improvement_surcharge,total_amount,congestion_surcharge"
)
YELLOW_ROW = "2,2019-03-01 00:{0:02d}:00,2019-03-01 01:00:00,1,1.5,1,N,132,230,2,9.5,0.5,0.5,0,0,0.3,{0}.80,2.5"
FHV_HEADER = (
    "dispatching_base_num,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,SR_Flag"
)

HVFHV_HEADER = (
    "hvfhs_license_num,dispatching_base_num,originating_base_num,request_datetime,on_scene_datetime,"
    "pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,trip_miles,trip_time,"
    "base_passenger_fare,tolls,bcf,sales_tax,congestion_surcharge,airport_fee,tips,driver_pay,"
    "shared_request_flag,shared_match_flag,access_a_ride_flag,wav_request_flag,wav_match_flag"
)
HVFHV_ROW = (
    "HV0003,B02764,B02764,2024-01-05 09:55:00,2024-01-05 09:59:00,2024-01-05 10:00:00,"
    "2024-01-05 10:20:00,132,230,9.50,1200,30.00,6.94,1.02,3.28,2.75,2.50,{tips},25.00,N,N, ,N,N"
)

YELLOW_NAME = "yellow_tripdata_2019-03.csv"


def yellow_rows(count: int) -> list[str]:
    """Lines of yellow trips; the number of a line, from 0, is its minute and its dollars."""
    return [YELLOW_ROW.format(number) for number in range(count)]


def yellow_text(*rows: str, header: str = YELLOW_HEADER) -> str:
    """A CSV file of yellow trips."""
    return "\n".join([header, *rows]) + "\n"


@dataclass(frozen=True)
class Workplace:
    """A data folder, its lake, and a folder of source files."""

    folder: Path

    @property
    def settings(self) -> Settings:
        """Settings with this data folder."""
        return Settings(self.folder, self.folder / "data", "1GB")

    @property
    def lake(self) -> Lake:
        """This data folder's lake."""
        return Lake.of(self.settings)

    @property
    def root(self) -> Path:
        """The lake's folder."""
        return Path(self.lake.url)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a source file, byte by byte as given."""
        path = self.folder / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def parquet(self, name: str, query: str, options: str = "") -> Path:
        """Write a source file in Parquet from the rows of a query."""
        path = self.write(name, "")
        with duckdb.connect() as connection:
            connection.execute(f"copy ({query}) to '{path}' (format parquet{options})")
        return path

    def ingest(self, path: Path) -> IngestResult:
        """Bring a file into the lake."""
        return ingest_file(path, self.lake, self.settings)

    def ingest_text(self, name: str, content: str | bytes) -> ManifestEntry:
        """Write a source file and bring it into the lake."""
        return self.ingest(self.write(name, content)).entry

    def refuse(self, path: Path) -> TaxiError:
        """Fail to ingest; the fault is one line, the lake is as before and nothing is left."""
        self.lake.ensure()
        before = self.snapshot()
        with pytest.raises(TaxiError) as caught:
            self.ingest(path)
        assert self.snapshot() == before
        assert self.temporaries() == []
        assert len(str(caught.value).splitlines()) == 1
        assert path.name in str(caught.value)
        assert caught.value.remedy
        return caught.value

    def part(self, entry: ManifestEntry) -> Path:
        """Where a version's rows are."""
        return Path(self.lake.location(entry))

    def set_aside(self) -> dict[str, bytes]:
        """The partitions that are not current, by name: versions before, forgotten ones, and what dead writers left."""
        current = {str(self.part(entry)) for entry in self.lake.current()}
        files = (self.lake.storage.location(file.name) for file in self.lake.files())
        return {name: Path(name).read_bytes() for name in files if name not in current}

    def rows(self, entry: ManifestEntry, columns: str) -> list[tuple[Any, ...]]:
        """Columns of a partition, in the order in which they stand in it."""
        with duckdb.connect() as connection:
            return connection.execute(
                f"select {columns} from read_parquet('{self.part(entry)}')"
            ).fetchall()

    def snapshot(self) -> dict[str, bytes]:
        """Every file of the lake with its bytes."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not path.relative_to(self.root).as_posix().startswith(".")
        }

    def temporaries(self) -> list[Path]:
        """What an interrupted run may leave behind."""
        spill = self.settings.temp_dir.glob("*") if self.settings.temp_dir.exists() else []
        return [*self.root.rglob(".part-*"), *spill]

    def start(self, code: str, *arguments: object) -> "subprocess.Popen[str]":
        """Run Python with ``lake``, ``settings``, ``ingest_file``, ``Path`` and ``argv`` at hand."""
        head = (
            "import os, resource, signal, sys; from pathlib import Path; argv = sys.argv[1:]\n"
            "from taxi_pipeline.ingest import ingest_file; from taxi_pipeline.lake import Lake\n"
            "from taxi_pipeline.errors import TaxiError\n"
            "from taxi_pipeline.settings import Settings\n"
            f"settings = Settings(Path('/'), Path({str(self.settings.data_dir)!r}), '300MB')\n"
            "lake = Lake.of(settings)\n"
        )
        return subprocess.Popen(
            [sys.executable, "-c", head + code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )


def restate(
    path: Path,
    folder: Path,
    select: str,
    limit: int = 10**9,
    copies: int = 1,
    source: str = "",
) -> Path:
    """Write another version of a file: the same name, other rows."""
    folder.mkdir(exist_ok=True)
    target = folder / path.name
    metadata = "{taxi_synthetic: 'true'}"
    read = source or f"read_parquet('{path}')"
    rows = f"(select trips.* from {read} as trips, range({copies}))"
    duckdb.sql(
        f"copy (select {select} from {rows} limit {limit})"
        f" to '{target}' (format parquet, kv_metadata {metadata})"
    )
    return target
