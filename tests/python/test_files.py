"""Names of trip files, and what an argument stands for."""

import shutil
from collections.abc import Iterator
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.file_names import TripFile, parse
from taxi_pipeline.ingest.arguments import expand, is_part_folder, part_files
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import Settings


@pytest.mark.parametrize(
    ("argument", "service", "month", "form"),
    [
        ("yellow_tripdata_2016-07.csv", Service.YELLOW, date(2016, 7, 1), "csv"),
        ("green_tripdata_2016-07.csv.gz", Service.GREEN, date(2016, 7, 1), "csv.gz"),
        ("fhv_tripdata_2017-01.parquet", Service.FHV, date(2017, 1, 1), "parquet"),
        ("fhvhv_tripdata_2019-02.parquet", Service.HVFHV, date(2019, 2, 1), "parquet"),
        ("some/where.d/yellow_tripdata_2024-12.parquet", Service.YELLOW, date(2024, 12, 1), "parquet"),
        (Path("/x/fhv_tripdata_2020-02.csv"), Service.FHV, date(2020, 2, 1), "csv"),
        ("https://h/a%20b/green_tripdata_2024-01.parquet?x=1/2#y", Service.GREEN, date(2024, 1, 1), "parquet"),
        ("https://h/green_tripdata_2024-01.csv;sig=SECRET", Service.GREEN, date(2024, 1, 1), "csv"),
        ("HTTP://h/green%5Ftripdata_2024-01.csv", Service.GREEN, date(2024, 1, 1), "csv"),
        ("yellow_tripdata_2009-01.parquet", Service.YELLOW, date(2009, 1, 1), "parquet"),
    ],
)  # fmt: skip
def test_name_says_service_month_and_format(
    argument: str | Path, service: Service, month: date, form: str
) -> None:
    name = f"{service}_tripdata_{month:%Y-%m}.{form}"
    assert parse(argument) == TripFile(service, month, name, form)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("yellow_tripdata_2020_01.csv.gz", "csv.gz"),
        ("yellow_tripdata_202001.csv", "csv"),
        ("Yellow_Tripdata_2020-01.CSV", "csv"),
        ("YELLOW_TRIPDATA_2020-01.PARQUET", "parquet"),
        ("yellow_tripdata_2020-01.csv.zip", "csv.zip"),
        ("yellow_tripdata_2020-01.zip", "csv.zip"),
    ],
)
def test_other_spellings_of_a_name_are_read(name: str, form: str) -> None:
    assert parse(name) == TripFile(Service.YELLOW, date(2020, 1, 1), name, form)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fhvhvv_tripdata_2019-02.parquet", "'fhvhvv' is not a TLC service"),
        ("white_tripdata_2019-02.parquet", "'white' is not a TLC service"),
        ("yellow_tripdata_2008-12.csv", "no TLC file of the year 2008"),
        ("yellow_tripdata_9999-12.parquet", "no TLC file of the year 9999"),
        ("yellow_tripdata_2019-13.csv", "'2019-13' is not a month"),
        ("yellow_tripdata_2019-00.csv", "is not a month"),
        ("yellow_tripdata_2019-1.csv", "is not a month"),
        ("yellow_tripdata_2019-01-01.csv", "is not a month"),
        ("yellow_tripdata_\u0662\u0660\u0661\u0669-01.csv", "is not a month"),
        ("yellow_tripdata_2019-01 (1).csv", "a copy of yellow_tripdata_2019-01.csv"),
        ("yellow_tripdata_2019-01(12).csv.gz", "a copy of yellow_tripdata_2019-01.csv.gz"),
        ("yellow_tripdata_2019-01.csv (1).gz", "a copy of yellow_tripdata_2019-01.csv.gz"),
        ("yellow_tripdata_2019-01 - Copy.csv", "a copy of yellow_tripdata_2019-01.csv"),
        ("Copy of yellow_tripdata_2019-01.csv", "a copy of yellow_tripdata_2019-01.csv"),
        ("yellow_tripdata_2019-01 copy 2.csv", "a copy of yellow_tripdata_2019-01.csv"),
        ("yellow_tripdata_2019-01.txt", "'.txt' is not a format"),
        ("yellow_tripdata_2019-01.parquet.gz", "is not a format"),
        ("yellow_tripdata_2019-01", "does not say"),
        ("2018_Yellow_Taxi_Trip_Data.csv", "does not say"),
        ("my_yellow_tripdata_2019-01.csv", "does not say"),
        ("trips.csv", "does not say"),
        ("taxi_zone_lookup.csv", "does not say"),
        ("https://host.example/", "does not say"),
    ],
)
def test_other_names_are_refused_with_a_way_out(name: str, reason: str) -> None:
    with pytest.raises(TaxiError) as caught:
        parse(name)
    assert caught.value.subject == name
    assert reason in caught.value.reason
    assert caught.value.remedy


def test_a_file_of_a_year_is_told_how_to_go_on() -> None:
    with pytest.raises(TaxiError) as caught:
        parse("2018_Green_Taxi_Trip_Data.csv")
    assert "such as green_tripdata_2018-01.csv" in caught.value.remedy
    assert "split it by the month of the pickup" in caught.value.remedy


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path, tmp_path / "data", "1GB")


def tree(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def test_folder_stands_for_the_trip_files_in_it_and_below_it(
    tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "in"
    names = [
        "YELLOW_TRIPDATA_2020-01.CSV",
        "fhv/2019/fhv_tripdata_2019-01.csv.gz",
        "raw/yellow_tripdata_2009-01.csv",
        "unpacked.parquet/green_tripdata_2019-01.parquet",
        "yellow_tripdata_2021-01.parquet/part-0.parquet",
        "zipped/yellow_tripdata_2020_02.zip",
    ]
    tree(folder, *names)
    tree(folder, ".hidden/yellow_tripdata_2019-01.csv", ".DS_Store", "fhv/x.csv.gz.origin.json")
    (folder / "raw" / "round").symlink_to(folder)
    found = expand(folder, settings)
    names[4] = "yellow_tripdata_2021-01.parquet"
    assert found.paths == [folder / name for name in names]
    assert (found.failures, found.passed_over) == ([], [])


def test_what_a_folder_holds_besides_is_named_with_its_reason(
    tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "in"
    tree(
        folder,
        "yellow_tripdata_2020-01.csv",
        "yellow_tripdata_2020-01 (1).csv",
        "yellow_tripdata_2020-01.csv.part",
        "yellow_tripdata_2020-01.md5",
        "taxi_zone_lookup.csv",
        ".green_tripdata_2020-09.csv",
        ".yellow_tripdata_2020-01.csv.lock",
    )
    found = expand(folder, settings)
    assert found.paths == [folder / "yellow_tripdata_2020-01.csv"]
    assert found.failures == []
    assert found.passed_over == [
        f"{folder}/.green_tripdata_2020-09.csv: it is hidden by its name",
        f"{folder}/taxi_zone_lookup.csv: it is not named like a trip file",
        f"{folder}/yellow_tripdata_2020-01 (1).csv:"
        " by its name it is a copy of yellow_tripdata_2020-01.csv, which is read",
        f"{folder}/yellow_tripdata_2020-01.csv.part: it is an unfinished download of a file that is read",
        f"{folder}/yellow_tripdata_2020-01.md5: it is not named like a trip file",
    ]


def test_trips_in_a_folder_that_cannot_be_read_are_failures(
    tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "in"
    wrong = {
        "2018_Yellow_Taxi_Trip_Data.csv": "does not say which service and month",
        "white_tripdata_2019-02.parquet": "not a TLC service",
        "yellow_tripdata_2020-01 (1).csv": "copy of yellow_tripdata_2020-01.csv",
        "yellow_tripdata_2020-02.csv.crdownload": "unfinished download",
        "yellow_tripdata_2020-03.xlsx": "not a format",
        "yellow_tripdata_2020-04.csv": "a link to /nowhere, which is not there",
    }
    tree(folder, *list(wrong)[:-1])
    (folder / list(wrong)[-1]).symlink_to("/nowhere")
    found = expand(folder, settings)
    assert (found.paths, found.passed_over) == ([], [])
    assert [fault.subject for fault in found.failures] == [f"{folder}/{name}" for name in wrong]
    for fault, reason in zip(found.failures, wrong.values(), strict=True):
        assert reason in fault.reason
        assert fault.remedy


def test_the_data_folder_below_a_folder_gives_only_downloads(
    tmp_path: Path, settings: Settings
) -> None:
    name = "yellow_tripdata_2020-01.csv"
    tree(settings.data_dir, f"downloads/{name}", f"lake/{name}", f"sample/{name}", f"tmp/{name}")
    found = expand(tmp_path, settings)
    assert found.paths == [settings.download_dir / name]
    assert [line.split(": ")[1] for line in found.passed_over] == [
        "it is the lake",
        "it holds the synthetic sample; give it by its path",
        "it holds temporary files",
    ]
    assert expand(settings.sample_dir, settings).paths == [settings.sample_dir / name]


def test_part_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "yellow_tripdata_2021-01.parquet"
    tree(folder, "part-1.snappy.parquet", "part-0.snappy.parquet", "_SUCCESS", ".part-0.crc")
    assert is_part_folder(folder)
    assert [part.name for part in part_files(folder)] == [
        "part-0.snappy.parquet",
        "part-1.snappy.parquet",
    ]
    for name, reason in {
        "zone=1/part-0.parquet": "partitioned into sub-folders such as zone=1",
        "notes.txt": "holds notes.txt",
        "_temporary/0": "has not finished",
        "_part-2.parquet": "_part-2.parquet is hidden by its name",
        ".part-2.parquet": r"\.part-2.parquet is hidden by its name",
    }.items():
        tree(folder, name)
        with pytest.raises(TaxiError, match=reason):
            part_files(folder)
        shutil.rmtree(folder / name.split("/")[0], ignore_errors=True)
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder)
    tree(folder, "_SUCCESS")
    with pytest.raises(TaxiError, match="no Parquet part file"):
        part_files(folder)


def test_a_copy_among_part_files_is_passed_over_by_its_name(
    tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "in" / "yellow_tripdata_2021-01.parquet"
    names = ["part (2).parquet", "part-0.parquet", "part-1.c000.snappy.parquet"]
    tree(folder, *names, "part-0 (1).parquet", "part-1.c000.snappy (1).parquet", "_SUCCESS")
    assert [part.name for part in part_files(folder)] == names
    for argument in (folder, folder.parent):
        found = expand(argument, settings)
        assert (found.paths, found.failures) == ([folder], [])
        assert found.passed_over == [
            f"{folder}/part-0 (1).parquet: by its name it is a copy of part-0.parquet, which is read",
            f"{folder}/part-1.c000.snappy (1).parquet:"
            " by its name it is a copy of part-1.c000.snappy.parquet, which is read",
        ]


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("in", "no trip file"),
        ("none", "no such file"),
        ("", "empty argument"),
        ("x" * 5_000, "File name too long"),
        ("s3://bucket/yellow_tripdata_2020-01.csv", "only http and https"),
        ("http://[::1/yellow_tripdata_2020-04.csv", "not a valid web address"),
        ("\udcff\n.csv", "no such file"),
    ],
)
def test_any_argument_ends_in_one_line(
    tmp_path: Path, settings: Settings, argument: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tree(tmp_path, "in/notes.txt")
    with pytest.raises(TaxiError, match=reason) as caught:
        expand(argument, settings)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text.encode()) < 2_000


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
    [path] = expand(
        f"{address}/{name}?version=1", settings, lambda done, _: calls.append(done)
    ).paths
    assert path == settings.download_dir / name
    assert path.read_text() == "VendorID\n1\n"
    assert calls[-1] == 11


def test_a_secret_behind_a_semicolon_is_no_part_of_a_name() -> None:
    with pytest.raises(TaxiError) as caught:
        parse("https://h/white_tripdata_2019-02.csv;sig=SECRET")
    assert caught.value.subject == "white_tripdata_2019-02.csv"
    assert "SECRET" not in str(caught.value)


def test_url_with_a_wrong_name_is_not_fetched(served: tuple[Path, str], settings: Settings) -> None:
    folder, address = served
    (folder / "white_tripdata_2019-02.csv").write_text("x")
    with pytest.raises(TaxiError, match="not a TLC service"):
        expand(f"{address}/white_tripdata_2019-02.csv", settings)
    assert not settings.download_dir.exists()
