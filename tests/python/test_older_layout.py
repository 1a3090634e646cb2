"""A lake of before its files became immutable is moved by the next command, whoever dies meanwhile."""

import signal
from pathlib import Path

import pytest

from taxi_pipeline.lake.verify import verify_lake
from trip_files import YELLOW_NAME, Workplace, yellow_rows, yellow_text

APRIL = "yellow_tripdata_2019-04.csv"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """Two months, one of them restated, as the version before would have left them."""
    place = Workplace(tmp_path)
    for rows in (5, 4):
        place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(rows)))
    place.ingest_text(APRIL, yellow_text(*yellow_rows(2)))
    for entry in place.lake.history():
        part = place.part(entry)
        target = part.with_name("part.parquet")
        if entry.superseded_at is not None:
            target = place.root / "previous" / part.relative_to(place.root)
            target.parent.mkdir(parents=True)
        part.rename(target)
    return place


def layout(place: Workplace) -> set[str]:
    return {str(path.relative_to(place.root)) for path in place.root.rglob("*.parquet")}


def test_partitions_get_the_names_of_their_versions_and_stay_as_they_are(place: Workplace) -> None:
    history, changes = place.lake.history(), place.lake.restatements()
    bytes_before = sorted(path.read_bytes() for path in place.root.rglob("file_month=*/*.parquet"))
    inodes = {path.stat().st_ino for path in place.root.rglob("file_month=*/*.parquet")}
    said: list[str] = []
    place.lake.ensure(said.append)
    assert said == [f"{place.root}: moving the partitions to the layout of this version"]
    assert (place.lake.history(), place.lake.restatements()) == (history, changes)
    files = {Path(place.lake.storage.location(file.name)) for file in place.lake.files()}
    assert files == {place.part(entry) for entry in history}
    assert {path.stat().st_ino for path in files} == inodes
    assert sorted(path.read_bytes() for path in files) == bytes_before
    assert not (place.root / "previous").exists()
    assert [finding.reason for finding in verify_lake(place.lake, lambda _: None)] == ["", ""]
    said.clear()
    place.lake.ensure(said.append)
    assert said == []
    assert place.ingest(place.write(APRIL, yellow_text(*yellow_rows(2)))).status == "unchanged"


def test_a_status_sees_the_lake_that_it_moves(place: Workplace) -> None:
    current = place.lake.current()
    assert place.lake.published() == current
    assert place.lake.missing() == []


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_move_that_was_killed_is_completed(place: Workplace, step: int) -> None:
    history = place.lake.history()
    run = place.start(
        "left = [int(argv[0])]\nreal = Path.replace\n"
        "def dying(self, target):\n"
        "    left[0] -= 1\n"
        "    if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(self, target)\n"
        "Path.replace = dying\nlake.ensure()",
        step,
    )
    run.communicate()
    assert run.returncode == -signal.SIGKILL
    place.lake.ensure()
    assert place.lake.history() == history
    assert place.lake.missing() == []
    assert len(place.lake.files()) == 3


@pytest.mark.parametrize("lost", ["the last line", "all"])
def test_what_the_manifest_lacks_comes_from_the_footers(place: Workplace, lost: str) -> None:
    """The writer of the version before renamed first, and wrote the manifest after that."""
    history = place.lake.history()
    manifest = place.root / "manifest.jsonl"
    if lost == "all":
        manifest.unlink()
    else:
        manifest.write_bytes(b"".join(manifest.read_bytes().splitlines(keepends=True)[:-1]))
    place.lake.ensure()
    assert place.lake.history() == history


def test_a_damaged_partition_keeps_its_month_and_is_named(place: Workplace) -> None:
    [part] = place.root.rglob("file_month=2019-04-01/part.parquet")
    part.write_bytes(b"PAR1")
    place.lake.ensure()
    assert [finding.reason for finding in verify_lake(place.lake, lambda _: None)] == [
        "",
        "its bytes are not those that ingestion wrote (checksum)",
    ]
