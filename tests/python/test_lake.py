"""The lake's own files: manifest, footers, temporaries and lock."""

import errno
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from taxi_pipeline.errors import DataError, TaxiError
from taxi_pipeline.ingest import ingest_many
from taxi_pipeline.lake import (
    FOOTER_KEY,
    Lake,
    ManifestEntry,
    data_lock,
    is_abandoned,
    quote_identifier,
    quote_literal,
    read_footer,
    temp_tag,
    utc_now,
)
from taxi_pipeline.lake import (
    lake as lake_module,
)
from taxi_pipeline.lake.lake import name_of
from taxi_pipeline.lake.storage import FolderStorage
from taxi_pipeline.lake.verify import require_intact, require_whole, verify_lake
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
    inodes = [path.stat().st_ino for path in place.root.rglob("*.parquet")]
    place.lake.ensure()
    assert place.snapshot() == before
    assert [path.stat().st_ino for path in place.root.rglob("*.parquet")] == inodes


def test_outdated_empty_part_is_written_anew(place: Workplace) -> None:
    place.lake.ensure()
    before = place.snapshot()
    part = place.root / "green" / "no_rows" / "part.parquet"
    part.write_bytes((place.root / "fhv" / "no_rows" / "part.parquet").read_bytes())
    place.lake.ensure()
    assert place.snapshot() == before
    part.write_bytes(b"x")
    place.lake.ensure()
    assert place.snapshot() == before


def test_entry_is_the_same_in_manifest_footer_and_memory(place: Workplace) -> None:
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    assert read_footer(place.lake.storage, name_of(entry)) == entry
    assert place.lake.history() == [entry]
    assert ManifestEntry.from_json(entry.to_json()) == entry
    assert name_of(entry) == f"yellow/file_month=2019-03-01/{entry.load_id}.parquet"
    assert len(entry.load_id) == 16
    assert entry.source_bytes == len(TEXT)
    assert FOOTER_KEY == "taxi"


def test_fields_of_a_later_version_are_passed_over(place: Workplace) -> None:
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    assert ManifestEntry.from_json(json.dumps({**json.loads(entry.to_json()), "later": 1})) == entry


@pytest.mark.parametrize("damage", [b"{", b"[]\n", b"5\n", b"{}\n", b"\xff\xfe\n", b'{"a": 1}\n'])
def test_damaged_manifest_is_refused_and_can_be_rebuilt(place: Workplace, damage: bytes) -> None:
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    (place.root / "manifest.jsonl").write_bytes(damage)
    path = place.write("yellow_tripdata_2019-04.csv", TEXT)
    with pytest.raises(
        TaxiError,
        match=r"manifest.jsonl: the manifest is damaged. Restore it from a backup; or delete it",
    ):
        place.ingest(path)
    assert (place.root / "manifest.jsonl").read_bytes() == damage
    assert place.temporaries() == []
    (place.root / "manifest.jsonl").unlink()
    place.lake.ensure()
    assert place.lake.current() == [entry]


@pytest.mark.parametrize("kind", ["cut", "foreign", "empty"])
def test_a_damaged_partition_is_named_and_repaired_by_its_file(place: Workplace, kind: str) -> None:
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    part = place.part(entry)
    foreign = place.parquet("foreign.parquet", "select 1 as a").read_bytes()
    part.write_bytes({"cut": part.read_bytes()[:-9], "foreign": foreign, "empty": b""}[kind])
    other = place.ingest_text("yellow_tripdata_2019-04.csv", TEXT)
    assert [finding.reason for finding in verify_lake(place.lake, lambda _: None)] == [
        "its bytes are not those that ingestion wrote (checksum)",
        "",
    ]
    assert place.ingest(place.write(YELLOW_NAME, TEXT)).status == "repaired"
    assert {one.key for one in place.lake.current()} == {entry.key, other.key}


def test_a_damaged_partition_of_a_month_without_record_is_refused(place: Workplace) -> None:
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    place.part(entry).write_bytes(b"")
    (place.root / "manifest.jsonl").unlink()
    with pytest.raises(TaxiError, match=r"parquet: the partition is damaged"):
        place.lake.ensure()


def test_a_lost_partition_is_missing_until_its_file_is_ingested_again(place: Workplace) -> None:
    lost = place.ingest_text(YELLOW_NAME, TEXT)
    stays = place.ingest_text("yellow_tripdata_2019-04.csv", TEXT)
    place.part(lost).unlink()
    place.lake.ensure()
    assert [entry.load_id for entry in place.lake.current()] == [lost.load_id, stays.load_id]
    with pytest.raises(TaxiError, match=r"the lake has lost Yellow 2019-03; nothing was changed"):
        require_whole(place.lake)
    assert place.ingest(place.write(YELLOW_NAME, TEXT)).status == "ingested"
    require_whole(place.lake)
    assert len(place.lake.current()) == 2


def test_a_forgotten_month_is_gone_and_can_come_again(place: Workplace) -> None:
    gone = place.ingest_text(YELLOW_NAME, TEXT)
    stays = place.ingest_text("yellow_tripdata_2019-04.csv", TEXT)
    place.lake.forget([gone])
    assert place.part(gone).exists()
    assert [entry.load_id for entry in place.lake.current()] == [stays.load_id]
    [first, _] = place.lake.history()
    assert first.forgotten_at == first.superseded_at is not None
    assert place.ingest(place.write(YELLOW_NAME, TEXT)).status == "ingested"
    assert len(place.lake.current()) == 2


def test_every_flipped_bit_is_found_and_repaired(place: Workplace) -> None:
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    part = place.part(entry)
    sound = part.read_bytes()
    path = place.write(YELLOW_NAME, TEXT)
    for position in range(0, len(sound), len(sound) // 20):
        damaged = bytearray(sound)
        damaged[position] ^= 1
        part.write_bytes(damaged)
        [finding] = verify_lake(place.lake, lambda _: None)
        assert finding.reason, position
        with pytest.raises(DataError, match="the partition of Yellow 2019-03 is damaged"):
            require_intact(place.lake, place.lake.current())
    assert place.ingest(path).status == "repaired"
    assert [finding.reason for finding in verify_lake(place.lake, lambda _: None)] == [""]
    assert place.ingest(path).status == "unchanged"
    assert place.set_aside() == {}


def test_an_edited_partition_is_found_without_a_checksum_on_record(place: Workplace) -> None:
    """A lake from before checksums: rows and money are held against the manifest, then it gets one."""
    entry = place.ingest_text(YELLOW_NAME, TEXT)
    place.lake.record_checksum(entry, "")
    [finding] = verify_lake(place.lake, lambda _: None)
    assert finding.reason == ""
    assert place.lake.current()[0].partition_sha256
    place.lake.record_checksum(entry, "")
    part, footer = place.part(entry), quote_literal(entry.to_json())
    edited = place.parquet(
        "edited.parquet",
        f"select * replace (total_amount + 1 as total_amount) from read_parquet({quote_literal(part)})",
        f", kv_metadata {{taxi: {footer}}}",
    )
    edited.replace(part)
    [finding] = verify_lake(place.lake, lambda _: None)
    assert finding.reason == "its total_amount is 4.60, the manifest says 2.60"


def test_a_folder_that_cannot_be_synced_is_said_and_no_reason_to_stop(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def refuse(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112 - a link of the system's
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    place.ingest_text(YELLOW_NAME, TEXT)
    assert len(place.lake.current()) == 1


def test_version_of_the_same_second_is_stamped_later(place: Workplace) -> None:
    entries = [
        place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(count))) for count in (1, 2, 3)
    ]
    stamps = [entry.ingested_at for entry in entries]
    assert stamps == sorted(set(stamps))
    other = place.lake.next_ingested_at(Service.GREEN, MARCH)
    assert other <= max(stamps[-1], utc_now())


def test_only_what_dead_writers_left_is_removed(place: Workplace) -> None:
    place.lake.ensure()
    mine = place.lake.draft()
    mine.touch()
    (mine.parent / ".part-4194304-abc.tmp").touch()
    place.lake.ensure()
    assert place.temporaries() == [mine]


def test_a_temporary_lives_as_long_as_its_owner(tmp_path: Path) -> None:
    """Another process, whose number is unknown here as in another container, holds its lock until it is killed."""
    code = (
        "import sys, time; from pathlib import Path; from taxi_pipeline.lake import temp_tag\n"
        "print(temp_tag(Path(sys.argv[1])), flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = tmp_path / f"x-{other.stdout.readline().strip()}"
        mine = tmp_path / f"x-{temp_tag(tmp_path)}"
        assert not is_abandoned(theirs, "x-", tmp_path)
        other.kill()
    assert is_abandoned(theirs, "x-", tmp_path)
    assert not is_abandoned(mine, "x-", tmp_path)
    assert is_abandoned(tmp_path / "x-other", "x-", tmp_path)
    assert [path.stem for path in (tmp_path / "locks").iterdir()] == [mine.name.split("-")[1]]


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
    assert read_footer(place.lake.storage, name_of(entry)) == entry
    place.lake.ensure()
    assert place.lake.current() == [entry]


def counted(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> list[Any]:
    """The first argument of every call of a function that goes on doing its work."""
    real, calls = getattr(module, name), list[Any]()

    def counting(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments[0])
        return real(*arguments, **options)

    monkeypatch.setattr(module, name, counting)
    return calls


def test_files_of_one_call_look_at_the_lake_once_and_open_no_other_partition(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"yellow_tripdata_2019-{month:02}.csv" for month in range(1, 13)]
    for name in names[:6]:
        place.ingest_text(name, TEXT)
    ensured = counted(monkeypatch, Lake, "ensure")
    opened = counted(monkeypatch, lake_module, "read_footer")
    paths = [place.write(name, TEXT) for name in names[6:]]
    bad = [
        place.write(f"yellow_tripdata_2018-0{number}.csv", text)
        for number, text in enumerate(("", "a,b\n1,2\n"), start=1)
    ]
    outcome = ingest_many([*bad, *paths], place.lake, place.settings)
    assert len(outcome.failures) == 2
    assert [result.status for result in outcome.results] == ["ingested"] * 6
    assert len(ensured) == 1
    assert opened == []


def test_the_manifest_is_read_again_only_after_it_has_changed(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.ingest_text(YELLOW_NAME, TEXT)
    lake = place.lake
    read = counted(monkeypatch, FolderStorage, "read")
    assert len(lake.history()) == len(lake.current()) == 1
    assert len(read) == 1
    place.ingest_text("yellow_tripdata_2019-04.csv", TEXT)
    read.clear()
    assert len(lake.history()) == 2
    assert len(read) == 1
