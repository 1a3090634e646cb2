"""`taxi sql`: any query, and nothing but queries."""

import json
import os
import pty
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from conftest import SharedBuild
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings
from taxi_pipeline.sql.answers import as_csv, as_json, as_records, split_statements
from taxi_pipeline.warehouses.base import Answer
from taxi_pipeline.warehouses.embedded import open_embedded
from warehouse import Warehouse

TRIPS = "select service_type, count(*) as trips from fact_trips group by service_type order by 1"


def ask(warehouse: Warehouse, query: str) -> Answer:
    with open_embedded(Settings(warehouse.project, warehouse.data, "1GB")) as reader:
        return reader.answer(query, None)


def test_the_answer_is_that_of_the_warehouse(built_sample: Warehouse) -> None:
    rows = [json.loads(line) for line in built_sample.taxi("sql", TRIPS, "-f", "json").splitlines()]
    assert [(row["service_type"], row["trips"]) for row in rows] == built_sample.query(TRIPS)
    assert built_sample.taxi("sql", TRIPS, "--format", "csv").startswith("service_type,trips\nFHV,")


def test_a_long_answer_says_that_it_goes_on(built_sample: Warehouse) -> None:
    printed = built_sample.taxi("sql", "select trip_id from fact_trips", "--limit", "3")
    assert "The first 3 rows" in printed
    assert printed.count("\n  ") < 10
    assert "The first" not in built_sample.taxi("sql", "select 1 as one", "--limit", "1")


def test_an_answer_is_followed_by_what_the_months_lack(real_run: SharedBuild) -> None:
    """For people; what programs read stays as it is."""
    real = real_run.warehouse
    assert "1 of 7 months is whole: the sums of the others are those of excerpts" in real.taxi(
        "sql", "select 1 as one"
    )
    assert real.taxi("sql", "select 1 as one", "--format", "csv") == "one\n1\n"


@pytest.mark.parametrize(
    "statement",
    [
        "drop table fact_trips",
        "copy (select 1) to '{folder}/written.csv'",
        "attach '{folder}/other.duckdb'",
        "select 1; drop table fact_trips",
        "set memory_limit = '1GB'",
    ],
)
def test_a_statement_that_is_no_query_is_refused(
    built_sample: Warehouse, statement: str, tmp_path: Path
) -> None:
    with pytest.raises(TaxiError, match="nothing can be changed here"):
        ask(built_sample, statement.format(folder=tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("selec 1", 'syntax error at or near "selec"'),
        ("select nothing from fact_trips", '(?i)column "nothing" not found'),
    ],
)
def test_a_query_that_cannot_run_is_one_sentence(
    built_sample: Warehouse, query: str, reason: str
) -> None:
    with pytest.raises(TaxiError, match=reason):
        ask(built_sample, query)


def test_no_query_at_all_is_said(built_sample: Warehouse) -> None:
    assert "there is no query" in built_sample.taxi("sql", " ;", exit_code=2)


def test_a_query_comes_through_a_pipe(built_sample: Warehouse) -> None:
    done = subprocess.run(
        built_sample.taxi_command("sql", "-", "--format", "csv"),
        input="select 1 as a, 2 as a;\n",
        env=built_sample.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "a,a\n1,2\n"


def test_the_prompt_answers_until_it_is_left(built_sample: Warehouse) -> None:
    """A terminal: a query over two lines, a mistake that does not end it, then the way out."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        built_sample.taxi_command("sql"),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=built_sample.environment,
        text=True,
    ) as running:
        os.write(ours, b"select 40 + 2\nas answer;\nselec 1;\nexit\n")
        printed, _ = running.communicate(timeout=60)
    assert running.returncode == 0, printed
    assert "42" in printed
    assert "syntax error" in printed


def test_amounts_stay_exact_and_null_is_empty() -> None:
    answer = Answer(("amount", "zone"), [(Decimal("1234567.10"), None)])
    assert as_csv(answer) == "amount,zone\n1234567.10,\n"
    assert json.loads(as_json(answer)) == {"amount": "1234567.10", "zone": None}


def test_only_what_people_read_has_its_control_characters_escaped() -> None:
    answer = Answer(("base",), (("B0\x1b[31m",),))
    assert as_records(answer) == "row 1\n  base  B0\\x1b[31m"
    assert as_csv(answer) == "base\nB0\x1b[31m\n"
    assert json.loads(as_json(answer)) == {"base": "B0\x1b[31m"}


def test_a_semicolon_ends_a_statement_at_the_end_of_a_line_only() -> None:
    assert split_statements("select ';'\nas a;\nselect 2;\nselect") == (
        ["select ';'\nas a", "select 2"],
        "select",
    )
