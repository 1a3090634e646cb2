"""Tables of many columns in a terminal of 80: no number is cut short, no column vanishes."""

import io
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from taxi_pipeline import console
from taxi_pipeline.download.room import Sizes
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import ManifestEntry, ZoneChange
from taxi_pipeline.quality.checks import Check, Outcome, Verdict
from taxi_pipeline.quality.rendering import print_validation
from taxi_pipeline.quality.validate import Validation
from taxi_pipeline.restatements.rendering import print_versions, print_zone_changes
from taxi_pipeline.schemas import Service
from taxi_pipeline.transform.completeness import (
    Completeness,
    FileVerdict,
    FileVerdicts,
    MonthCompleteness,
)
from taxi_pipeline.transform.rendering import print_build, print_status
from taxi_pipeline.transform.runner import BuildReport, NodeOutcome
from taxi_pipeline.warehouses.base import Partition
from taxi_pipeline.warehouses.load import LoadReport
from taxi_pipeline.warehouses.rendering import print_loaded

ENTRY = ManifestEntry(
    load_id="0123456789abcdef",
    service_type="Yellow",
    file_month="2019-03-01",
    source_file="yellow_tripdata_2019-03.parquet",
    source_sha256="ab" * 32,
    source_bytes=1,
    source_format="parquet",
    row_count=7_866_620,
    unparseable_count=0,
    total_amount="148123456.78",
    rounded_count=0,
    unknown_columns=(),
    is_synthetic=False,
    ingest_version=1,
    ingested_at="2026-11-21 15:11:21",
)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    terminal = Console(file=stream, width=80, force_terminal=True, color_system=None)
    monkeypatch.setattr(console, "out", terminal)
    return stream


def test_the_status_of_a_large_month(printed: io.StringIO) -> None:
    checks = ("above_band", "not_reported", "warn", "Why")
    verdict = FileVerdict("official_parquet", 7_866_620, *checks, state="synthetic")
    print_status([ENTRY], FileVerdicts({ENTRY.load_id: verdict}))
    said = printed.getvalue()
    for value in (
        "Yellow 2019-03",
        "148,123,456.78",
        "official",
        "parquet",
        "above band",
        "not",
        "synthetic",
    ):
        assert value in said
    assert said.count("7,866,620") == 2
    assert all(len(line) <= 80 for line in said.splitlines())


def test_the_versions_of_a_large_month(printed: io.StringIO) -> None:
    print_versions([ENTRY, replace(ENTRY, ingested_at="2026-11-22 01:02:03")])
    said = printed.getvalue()
    for value in ("2026-11-21 15:11:21", "2026-11-22 01:02:03", "ab" * 6, "148,123,456.78"):
        assert value in said
    assert said.count("7,866,620") == 2
    assert "…" not in said


def test_the_changes_of_a_large_month(printed: io.StringIO) -> None:
    names = (ENTRY.load_id, "f" * 16, "Yellow", "2019-03-01", 132)
    counts = (345_678, 345_679, 123_456, 222_221, 1, 2, 0, 1_234)
    change = ZoneChange(*names, *counts, "15123456.78", "16123456.99")
    later = replace(ENTRY, load_id="f" * 16)
    print_zone_changes([ENTRY, later], [change], {132: "JFK Airport"}, 10)
    said = printed.getvalue()
    for value in ("345,678", "345,679", "222,221", "1,234", "15,123,456.78", "16,123,456.99"):
        assert value in said
    assert "+1,000,000.21" in said
    assert "…" not in said


def test_a_reader_who_has_seen_enough_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `taxi explain ... | head`: exit code 1 would say that the numbers do not add up."""

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    # Not `file`: what that gives back is the output of this test, and later ones would write there.
    monkeypatch.setattr(console.out, "_file", Closed())
    with pytest.raises(BrokenPipeError):
        console.out.print("a line")


def test_a_month_that_fails_its_checks_is_named_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=said, width=500))
    check = Check(
        name="pickups_are_in_the_month",
        finds="a file under the name of another month",
        reason="",
        severity="critical",
        frame="months",
        column="share",
        words="share",
        percent=True,
        expectation="expect_column_values_to_be_between",
        arguments={"max_value": 0.01},
        set_on="2026-11-27",
    )
    outcome = Outcome(check, passed=False, severity="critical", observed="0.99", rows=1)
    verdict = Verdict(
        "lake-yellow-2019-04", "Yellow 2019-04 in the lake", "", "", (outcome,), (), {}
    )
    print_validation(Validation((verdict,), tmp_path), in_full=False)
    assert "pickups_are_in_the_month failed" in said.getvalue()
    assert "To remove it: `taxi forget yellow 2019-04`, then `taxi build`." in said.getvalue()


COMMANDS = "B0\x1b[31m\x9b2J\r\x07[/]"
"""A base number as a file can have it: colors the terminal, clears it, overwrites the line, rings."""


def test_a_text_of_a_file_does_not_command_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(console.out, "_file", stream)
    table = Table("base", title=escape(COMMANDS))
    table.add_row(escape(COMMANDS))
    console.out.print(COMMANDS, markup=False)
    console.out.print(table)
    with console.activity("reading") as say:
        say(COMMANDS)
    said = stream.getvalue()
    assert said.count(r"B0\x1b[31m\x9b2J\r\x07[/]") == 4
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", said)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (Sizes(1, 5_000_000, 0, 2 * 10**9), "1 file to download: 5.0 MB; 2.0 GB are free."),
        (Sizes(1, 0, 1, 2 * 10**9), "1 file to download: 1 of unknown size; 2.0 GB are free."),
        (
            Sizes(3, 5_000_000, 1, 2 * 10**9),
            "3 files to download: 5.0 MB, and 1 of unknown size; 2.0 GB are free.",
        ),
    ],
)
def test_a_download_says_no_size_of_files_whose_size_nobody_knows(sizes: Sizes, said: str) -> None:
    assert str(sizes) == said


def test_one_thing_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=said, width=500, highlight=False))
    partition = Partition(Service.GREEN, date(2024, 1, 1), None, 1, {})
    print_loaded(LoadReport((partition,), (), 0, (partition.key,), 1), "Postgres", 1.0)
    node = NodeOutcome("dim_zones", "model", "success", "", "", 1.0)
    print_build(BuildReport(0, (node, replace(node, kind="test", status="pass"))), 1.0)
    for text in (
        "1 file loaded (1 row), 0 unchanged, 1 event of the stream",
        "1 month stays that this lake does not hold: Green 2024-01.",
        "1 relation built, 1 test passed in 1.0 s",
    ):
        assert text in said.getvalue()
    month = MonthCompleteness("Green", date(2024, 1, 1), "part", "excerpt")
    assert Completeness((month,)).headline == "0 of 1 month is whole"
    assert Completeness((month, month)).headline == "0 of 2 months are whole"


def test_what_fails_many_files_in_the_same_words_is_said_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    remedy = "check the name"
    names = ("a.parquet", "b.parquet", "c.parquet")
    unknown = [TaxiError(name, "the host name x is not known here", remedy) for name in names]
    console.print_error(unknown[0], TaxiError("d.csv", "it is empty", "get it again"), *unknown[1:])
    assert capsys.readouterr().err.splitlines() == [
        "error a.parquet, b.parquet, c.parquet: the host name x is not known here. Check the name.",
        "error d.csv: it is empty. Get it again.",
    ]
