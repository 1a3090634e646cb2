"""The list of real files: what it says is true of the files, and what is fetched by it is what it lists."""

import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pyarrow.parquet as pq
import pytest

import real_files
from real_files import MADE, RealFile, folder_of_tests, gather, listed, real_file
from requirements import VARIABLE
from trip_files import YELLOW_HEADER

SERVED = b"vendor_id,a\n1,2\n3,4\n5,"


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        """Print nothing."""


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[str]:
    """A server that publishes ``month.csv``, and its address."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "month.csv").write_bytes(SERVED)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def entry(name: str, content: bytes, address: str = "", made: str = "as it is") -> RealFile:
    digest = hashlib.sha256(content).hexdigest()
    return RealFile(name, digest, len(content), 1, address, made if address else "", "a test")


@pytest.mark.parametrize("file", listed(), ids=lambda file: file.name)
def test_bytes_and_rows_are_those_of_the_file(file: RealFile) -> None:
    path = real_file(file.name)
    content = path.read_bytes()
    assert len(content) == file.size
    if path.suffix == ".parquet":
        assert pq.ParquetFile(path).metadata.num_rows == file.rows
    elif path.suffix == ".csv":
        lines = [line for line in content.split(b"\n") if line.strip()]
        assert len(lines) - 1 == file.rows


def test_the_list_names_each_file_once_and_says_how_it_is_made() -> None:
    files = listed()
    assert len({file.name for file in files}) == len(files) > 150
    for file in files:
        assert file.origin, file.name
        assert file.made in MADE if file.address else file.made == "", file.name
        assert file.address.startswith("https://") or not file.address, file.name


@pytest.mark.parametrize(
    ("made", "content"),
    [
        ("as it is", SERVED),
        ("whole lines", b"vendor_id,a\n1,2\n3,4\n"),
        ("header of TLC", f"{YELLOW_HEADER}\n1,2\n3,4\n5,".encode()),
    ],
)
def test_a_file_is_made_from_what_its_publisher_serves(
    publisher: str, tmp_path: Path, made: str, content: bytes
) -> None:
    file = entry("real/month.csv", content, f"{publisher}/month.csv", made)
    assert gather([file], tmp_path / "given", tmp_path / "kept") == []
    assert (tmp_path / "kept" / "real" / "month.csv").read_bytes() == content


def test_what_the_given_folder_has_is_not_fetched(publisher: str, tmp_path: Path) -> None:
    given, kept = tmp_path / "given", tmp_path / "kept"
    here, excerpt = entry("a.csv", b"a", "http://127.0.0.1:9/never"), entry("b.csv", b"b")
    missing = entry("c.csv", SERVED, f"{publisher}/month.csv")
    given.mkdir()
    (given / "a.csv").write_bytes(b"a")
    assert gather([here, excerpt], given, kept) == []
    assert not kept.exists()
    assert folder_of_tests([here, excerpt], given, kept) == given
    assert gather([here, excerpt, missing], given, kept) == []
    assert sorted(path.name for path in kept.iterdir()) == ["a.csv", "c.csv"]
    assert folder_of_tests([here, excerpt, missing], given, kept) == kept


def test_another_file_at_the_address_is_refused_and_not_kept(
    publisher: str, tmp_path: Path
) -> None:
    file = entry("a.csv", b"another", f"{publisher}/month.csv")
    [fault] = gather([file], tmp_path / "given", tmp_path / "kept")
    assert "serves another file than tests/real_files.csv lists" in fault
    assert not (tmp_path / "kept" / "a.csv").exists()


def test_an_address_that_does_not_answer_is_named_and_the_others_are_not_tried(
    publisher: str, tmp_path: Path
) -> None:
    files = [
        entry("a.csv", b"a", f"{publisher}/none.csv"),
        entry("b.csv", SERVED, f"{publisher}/month.csv"),
    ]
    [fault] = gather(files, tmp_path / "given", tmp_path / "kept")
    assert "a.csv cannot be fetched: 404" in fault
    assert not (tmp_path / "kept").exists()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of real files that has none, with the list as it is."""
    monkeypatch.setattr(real_files, "FOLDER", tmp_path)
    monkeypatch.setenv(VARIABLE, "")
    real_file.cache_clear()
    return tmp_path


PUBLISHED, EXCERPT = "real/green_tripdata_2024-01.parquet", "real/green_tripdata_2020-04.csv"


def test_a_file_that_is_missing_is_a_need(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pytest.skip.Exception, match="is not in"):
        real_file(PUBLISHED)
    monkeypatch.setenv(VARIABLE, "real")
    with pytest.raises(pytest.fail.Exception, match=r"names real: .* is not in"):
        real_file(PUBLISHED)
    with pytest.raises(pytest.skip.Exception, match="no public copy is known"):
        real_file(EXCERPT)
    monkeypatch.setenv(VARIABLE, "excerpts")
    with pytest.raises(pytest.fail.Exception, match="names excerpts"):
        real_file(EXCERPT)


def test_a_file_that_is_not_the_listed_one_is_a_failure(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / EXCERPT).write_text("edited")
    with pytest.raises(pytest.fail.Exception, match="its SHA-256 differs"):
        real_file(EXCERPT)


def test_the_first_rows_of_the_same_month_stand_in_for_an_excerpt(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noted(name: str) -> Path:
        asked.append(name)
        return folder / name

    monkeypatch.setattr(real_files, "real_file", noted)
    real_files.real_months()
    assert [name for name in asked if name.startswith("heads/")] == [
        "heads/fhv_tripdata_2020-04.csv",
        "heads/green_tripdata_2020-04.csv",
    ]
    assert {Path(name).name for name in asked} >= {Path(PUBLISHED).name, Path(EXCERPT).name}
    asked.clear()
    monkeypatch.setenv(VARIABLE, "excerpts")
    real_files.real_months()
    assert EXCERPT in asked


def test_the_script_fails_where_what_it_lacks_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(real_files.DATA, str(tmp_path))
    monkeypatch.setattr(
        real_files, "gather", lambda files, given: [f"{PUBLISHED} cannot be fetched"]
    )
    for required, code in (("", 0), ("postgres", 0), ("real", 1), ("excerpts", 1)):
        monkeypatch.setenv(VARIABLE, required)
        assert real_files.main() == code, required
    printed = capsys.readouterr().out
    assert f"{PUBLISHED} cannot be fetched. Tests that need it are skipped." in printed
    assert f"Published nowhere known: real/fhv_tripdata_2020-04.csv, {EXCERPT}" in printed
