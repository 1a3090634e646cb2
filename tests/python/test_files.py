"""Names of trip files, and what an argument stands for."""

from collections.abc import Iterator
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from taxi_pipeline import files
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.files import TripFile
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import Settings


@pytest.mark.parametrize(
    ("argument", "service", "month", "form"),
    [
        ("yellow_tripdata_2016-07.csv", Service.YELLOW, date(2016, 7, 1), "csv"),
        ("green_tripdata_2016-07.csv.gz", Service.GREEN, date(2016, 7, 1), "csv.gz"),
        ("fhv_tripdata_2017-01.parquet", Service.FHV, date(2017, 1, 1), "parquet"),
        ("some/where.d/yellow_tripdata_2024-12.parquet", Service.YELLOW, date(2024, 12, 1), "parquet"),
        (Path("/x/fhv_tripdata_2020-02.csv"), Service.FHV, date(2020, 2, 1), "csv"),
        ("https://h/a%20b/green_tripdata_2024-01.parquet?x=1/2#y", Service.GREEN, date(2024, 1, 1), "parquet"),
        ("HTTP://h/green%5Ftripdata_2024-01.csv", Service.GREEN, date(2024, 1, 1), "csv"),
    ],
)  # fmt: skip
def test_name_says_service_month_and_format(
    argument: str | Path, service: Service, month: date, form: str
) -> None:
    name = f"{service}_tripdata_{month:%Y-%m}.{form}"
    assert files.parse(argument) == TripFile(service, month, name, form)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fhvhv_tripdata_2019-02.parquet", "high-volume"),
        ("white_tripdata_2019-02.parquet", "'white' is not a TLC service"),
        ("yellow_tripdata_2016-06.csv", "before 2016-07"),
        ("green_tripdata_2013-08.csv", "before 2016-07"),
        ("fhv_tripdata_2016-12.csv", "before 2017-01"),
        ("yellow_tripdata_2019-13.csv", "'2019-13' is not a month"),
        ("yellow_tripdata_2019-00.csv", "is not a month"),
        ("yellow_tripdata_2019-1.csv", "is not a month"),
        ("yellow_tripdata_2019-01-01.csv", "is not a month"),
        ("yellow_tripdata_\u0662\u0660\u0661\u0669-01.csv", "is not a month"),
        ("yellow_tripdata_2019-01 (1).csv", "is not a month"),
        ("yellow_tripdata_2019-01.txt", "'.txt' is not a format"),
        ("yellow_tripdata_2019-01.csv.zip", "is not a format"),
        ("yellow_tripdata_2019-01.parquet.gz", "is not a format"),
        ("yellow_tripdata_2019-01.CSV", "is not a format"),
        ("yellow_tripdata_2019-01", "does not say"),
        ("Yellow_tripdata_2019-01.csv", "does not say"),
        ("my_yellow_tripdata_2019-01.csv", "does not say"),
        ("trips.csv", "does not say"),
        ("taxi_zone_lookup.csv", "does not say"),
        ("https://host.example/", "does not say"),
    ],
)
def test_other_names_are_refused_with_a_way_out(name: str, reason: str) -> None:
    with pytest.raises(TaxiError) as caught:
        files.parse(name)
    assert caught.value.subject == name
    assert reason in caught.value.reason
    assert caught.value.remedy


def test_urls_are_told_from_paths() -> None:
    assert files.is_url("https://host/x")
    assert files.is_url("HTTP://host/x")
    assert not files.is_url("http/x.csv")
    assert not files.is_url("/data/https://x")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path, tmp_path / "data", "1GB")


def test_folder_stands_for_its_trip_files_by_name(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "in"
    (folder / "below").mkdir(parents=True)
    (folder / "green_tripdata_2019-05.csv").mkdir()
    kept = ["fhv_tripdata_2019-01.csv.gz", "fhvhv_tripdata_2019-02.parquet", "yellow_tripdata_2009-01.csv"]  # fmt: skip
    for name in [
        *reversed(kept),
        "taxi_zone_lookup.csv",
        "yellow_tripdata_2019-01.md5",
        "below/x.csv",
    ]:
        (folder / name).touch()
    (folder / "below" / "yellow_tripdata_2019-01.csv").touch()

    assert files.expand(folder, settings) == [folder / name for name in kept]
    for refused in kept[1:]:
        with pytest.raises(TaxiError, match=refused):
            files.parse(refused)


def test_file_stands_for_itself_whatever_its_name(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "trips.csv"
    path.touch()
    assert files.expand(str(path), settings) == [path]


@pytest.mark.parametrize(("name", "reason"), [("", "no trip file"), ("none", "no such file")])
def test_nothing_to_use_is_a_fault(
    tmp_path: Path, settings: Settings, name: str, reason: str
) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(TaxiError, match=reason) as caught:
        files.expand(tmp_path / name, settings)
    assert caught.value.subject == str(tmp_path / name)


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address at which a server hands out its files."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_url_is_fetched_to_the_download_folder(
    served: tuple[Path, str], settings: Settings
) -> None:
    folder, address = served
    name = "yellow_tripdata_2019-03.csv"
    (folder / name).write_text("VendorID\n1\n")
    calls: list[int] = []
    [path] = files.expand(
        f"{address}/{name}?version=1", settings, lambda done, _: calls.append(done)
    )
    assert path == settings.download_dir / name
    assert path.read_text() == "VendorID\n1\n"
    assert calls[-1] == 11


def test_url_with_a_wrong_name_is_not_fetched(served: tuple[Path, str], settings: Settings) -> None:
    folder, address = served
    (folder / "fhvhv_tripdata_2019-02.csv").write_text("x")
    with pytest.raises(TaxiError, match="high-volume"):
        files.expand(f"{address}/fhvhv_tripdata_2019-02.csv", settings)
    assert not settings.download_dir.exists()
