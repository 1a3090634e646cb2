"""The lake's own files: manifest, footers, temporaries and lock."""

import json
import os
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import (
    FOOTER_KEY,
    ManifestEntry,
    data_lock,
    is_abandoned,
    quote_identifier,
    quote_literal,
    read_footer,
    temp_tag,
)
from taxi_pipeline.schemas import Service
from trip_files import YELLOW_NAME, Workplace, yellow_rows, yellow_text

TEXT = yellow_text(*yellow_rows(2))
MARCH = date(2019, 3, 1)


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def test_new_lake_has_a_part_without_rows_for_every_service(place: Workplace) -> None:
    place.lake.ensure()
    before = place.snapshot()
    assert set(before) == {
        "manifest.jsonl",
        "restatements.jsonl",
        *(f"{service}/no_rows/part.parquet" for service in Service),
    }
    assert before["manifest.jsonl"] == b""
    inodes = [path.stat().st_ino for path in place.lake.root.rglob("*.parquet")]
    place.lake.ensure()
    assert place.snapshot() == before
    assert [path.stat().st_ino for path in place.lake.root.rglob("*.parquet")] == inodes


def test_outdated_empty_part_is_written_anew(place: Workplace) -> None:
    place.lake.ensure()
    before = place.snapshot()
    part = place.lake.root / "green" / "no_rows" / "part.parquet"
    part.write_bytes((place.lake.root / "fhv" / "no_rows" / "part.parquet").read_bytes())
    place.lake.ensure()
    assert place.snapshot() == before
    part.write_bytes(b"x")
    place.lake.ensure()
    assert place.snapshot() == before


def test_entry_is_the_same_in_manifest_footer_and_memory(place: Workplace) -> None:
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    assert read_footer(place.part(entry)) == entry
    assert place.lake.history() == [entry]
    assert ManifestEntry.from_json(entry.to_json()) == entry
    assert place.part(entry) == place.lake.part_path(Service.YELLOW, MARCH)
    assert len(entry.load_id) == 16
    assert entry.source_bytes == len(TEXT)
    assert FOOTER_KEY == "taxi"


def test_fields_of_a_later_version_are_passed_over(place: Workplace) -> None:
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    assert ManifestEntry.from_json(json.dumps({**json.loads(entry.to_json()), "later": 1})) == entry


@pytest.mark.parametrize("damage", [b"{", b"[]\n", b"5\n", b"{}\n", b"\xff\xfe\n", b'{"a": 1}\n'])
def test_damaged_manifest_is_refused_and_can_be_rebuilt(place: Workplace, damage: bytes) -> None:
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    place.lake.manifest_path.write_bytes(damage)
    path = place.write("yellow_tripdata_2019-04.csv", TEXT)
    with pytest.raises(TaxiError, match=r"manifest.jsonl: the manifest is damaged. Delete it"):
        place.ingest(path)
    assert place.lake.manifest_path.read_bytes() == damage
    assert place.temporaries() == []
    place.lake.manifest_path.unlink()
    place.lake.heal()
    assert place.lake.current() == [entry]


@pytest.mark.parametrize("kind", ["cut", "foreign", "empty"])
def test_damaged_partition_is_refused_and_can_be_replaced(place: Workplace, kind: str) -> None:
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    part = place.part(entry)
    foreign = place.parquet("foreign.parquet", "select 1 as a").read_bytes()
    content = {"cut": part.read_bytes()[:-9], "foreign": foreign, "empty": b""}[kind]
    part.write_bytes(content)
    before = place.snapshot()
    with pytest.raises(TaxiError, match=r"part.parquet: the partition is damaged") as caught:
        place.ingest(place.write("yellow_tripdata_2019-04.csv", TEXT))
    assert caught.value.subject == str(part)
    assert place.snapshot() == before
    part.unlink()
    part.parent.rmdir()
    assert place.ingest(place.write(YELLOW_NAME, TEXT)).status == "ingested"
    assert len(place.lake.current()) == 1


def test_removed_partition_is_superseded(place: Workplace) -> None:
    gone = place.ingest_text(YELLOW_NAME, TEXT)
    stays = place.ingest_text("yellow_tripdata_2019-04.csv", TEXT)
    place.part(gone).unlink()
    assert place.lake.find(Service.YELLOW, MARCH) is None
    place.lake.heal()
    assert place.lake.current() == [stays]
    [first, _] = place.lake.history()
    assert first == replace(gone, superseded_at=first.superseded_at)
    assert first.superseded_at is not None


def test_version_of_the_same_second_is_stamped_later(place: Workplace) -> None:
    entries = [
        place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(count))) for count in (1, 2, 3)
    ]
    stamps = [entry.ingested_at for entry in entries]
    assert stamps == sorted(set(stamps))
    other = place.lake.next_ingested_at(Service.GREEN, MARCH)
    assert other <= stamps[-1]


def test_synthetic_partition_left_beside_real_ones_is_removed(place: Workplace) -> None:
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    made = replace(entry, file_month="2019-04-01", load_id="0" * 16, is_synthetic=True)
    part = place.parquet(
        "made.parquet", "select 1 as a", f", kv_metadata {{taxi: {quote_literal(made.to_json())}}}"
    )
    target = place.part(made)
    target.parent.mkdir()
    part.rename(target)
    (target.parent / "notes.txt").touch()
    said: list[str] = []
    place.lake.heal(said.append)
    assert not target.exists()
    assert place.lake.current() == [entry]
    assert said == ["Real files have come: 1 synthetic files leave the lake."]


def test_only_what_dead_writers_left_is_removed(place: Workplace) -> None:
    place.lake.ensure()
    folder = place.lake.root / "yellow"
    mine = place.lake.temp_path(Service.YELLOW)
    mine.touch()
    dead = folder / ".part-4194304-abc.parquet.tmp"
    old = folder / f".part-{os.getpid()}-old.parquet.tmp"
    manifest = place.lake.root / ".manifest-4194304-abc"
    for path in (dead, old, manifest):
        path.touch()
    long_ago = time.time() - 25 * 3600
    os.utime(old, (long_ago, long_ago))
    place.lake.heal()
    assert place.temporaries() == [mine]


def test_owner_of_a_temporary_is_in_its_name(tmp_path: Path) -> None:
    def made(name: str) -> Path:
        path = tmp_path / name
        path.touch()
        return path

    assert temp_tag() != temp_tag()
    assert not is_abandoned(made(f"x-{temp_tag()}"), "x-")
    assert not is_abandoned(made("x-1-a"), "x-")
    assert is_abandoned(made("x-4194304-a"), "x-")
    assert is_abandoned(made("x-other"), "x-")
    assert not is_abandoned(tmp_path / f"x-{temp_tag()}", "x-")


def test_second_writer_waits_and_is_told(place: Workplace) -> None:
    code = (
        "from taxi_pipeline.lake import data_lock\n"
        "with data_lock(settings.data_dir, lambda text: print(text, flush=True)): print('mine')"
    )
    with data_lock(place.settings.data_dir), data_lock(place.settings.data_dir):
        run = place.start(code)
        assert run.stdout is not None
        assert run.stdout.readline().startswith("Another taxi command is writing to")
        assert run.poll() is None
    assert run.communicate() == ("mine\n", "")


def test_quotes_are_doubled() -> None:
    assert quote_literal("it's") == "'it''s'"
    assert quote_identifier('a"b') == '"a""b"'


@pytest.mark.parametrize("name", ["it's", "a b", "a[b]", "a*", "month=1", "ä"])
def test_data_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    place = Workplace(folder)
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    assert (entry.row_count, entry.total_amount) == (2, "2.60")
    assert read_footer(place.part(entry)) == entry
    place.lake.ensure()
    assert place.lake.current() == [entry]
