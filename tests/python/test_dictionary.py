"""The rules in words: written once, in the seeds, and the same everywhere else."""

import csv
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from taxi_pipeline import cli
from taxi_pipeline.dictionary import command
from taxi_pipeline.dictionary.rules_in_words import render_dictionary
from taxi_pipeline.dictionary.trip_columns import render_trip_columns
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the generator reads and writes, in a folder to change."""
    for name in ("seeds", "models", "docs"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    shutil.copyfile(PROJECT / "dbt_project.yml", tmp_path / "dbt_project.yml")
    settings = Settings(tmp_path, tmp_path / "data", "1GB")
    monkeypatch.setattr(command, "load_settings", lambda: settings)
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def codes(seed: str, column: str) -> list[str]:
    with (PROJECT / "seeds" / f"{seed}.csv").open() as file:
        return [row[column] for row in csv.DictReader(file)]


def test_the_rules_say_what_their_seeds_and_thresholds_say() -> None:
    for name, text in render_dictionary(PROJECT).items():
        assert (PROJECT / name).read_text() == text, "run `taxi dictionary`"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("seeds/reject_reasons.csv", "has no pickup time", "lacks a pickup time"),
        ("seeds/trip_flags.csv", "the money stays", "the money goes"),
        ("dbt_project.yml", "max_distance_miles: 200", "max_distance_miles: 150"),
        ("models/rules.md", "60 seconds", "90 seconds"),
        ("docs/rules.md", "60 seconds", "90 seconds"),
        ("dbt_project.yml", "ehail_fee_amount: {kind: money,", "ehail_fee_amount: {kind: miles,"),
        ("models/staging/_sources.yml", "name: ehail_fee,", "name: e_hail_fee,"),
    ],
)
def test_a_stale_file_is_reported_with_the_command_that_mends_it(
    project: Path, file: str, old: str, new: str
) -> None:
    assert CliRunner().invoke(cli.app, ["dictionary", "--check"]).exit_code == 0
    replace(project / file, old, new)
    stale = CliRunner().invoke(cli.app, ["dictionary", "--check"])
    assert stale.exit_code == 1
    assert "taxi dictionary" in " ".join(stale.output.split())
    assert CliRunner().invoke(cli.app, ["dictionary"]).exit_code == 0
    assert CliRunner().invoke(cli.app, ["dictionary", "--check"]).exit_code == 0


def test_a_variable_that_does_not_exist_is_refused_by_name(project: Path) -> None:
    replace(project / "seeds/trip_flags.csv", "{max_distance_miles}", "{max_distance_km}")
    with pytest.raises(TaxiError, match="max_distance_km"):
        render_dictionary(project)


def test_every_flag_has_a_condition_and_every_reason_is_one_that_int_trips_gives() -> None:
    conditions = (
        (PROJECT / "macros" / "rules.sql").read_text().split("macro trip_flag_conditions")[1]
    )
    assert re.findall(r'^ +"(\w+)":', conditions, re.MULTILINE) == codes("trip_flags", "trip_flag")
    rules = (PROJECT / "models" / "intermediate" / "int_trips.sql").read_text()
    given = rules.split("-- The first rule that applies")[1].split("end as reject_reason")[0]
    assert re.findall(r"then '(\w+)'", given) == codes("reject_reasons", "reject_reason")


def test_no_threshold_is_written_out_in_a_seed() -> None:
    for seed, columns in {
        "reject_reasons": ("description",),
        "trip_flags": ("description", "repair"),
    }.items():
        for column in columns:
            numbers = re.findall(r"\b\d[\d,]*\b", " ".join(codes(seed, column)))
            # from 0 miles, from 1 second, the hour of the clocks, an example of a year
            assert set(numbers) <= {"0", "1", "3,600", "3019"}, seed


def test_the_readme_names_every_reason() -> None:
    readme = (PROJECT / "README.md").read_text()
    assert not [
        code for code in codes("reject_reasons", "reject_reason") if f"`{code}`" not in readme
    ]


NEW_COLUMN = """    night_fee_amount: {kind: money, yellow: [night_fee]}
    total_amount:"""


def test_a_new_column_reaches_every_list(project: Path) -> None:
    """One line and its words: what is listed for yellow, after the union and in the sums follows."""
    replace(project / "dbt_project.yml", "    total_amount:", NEW_COLUMN)
    with pytest.raises(TaxiError, match="no words for the column night_fee_amount"):
        render_trip_columns(project)
    with (project / "models" / "columns.md").open("a") as words:
        words.write("\n{% docs night_fee_amount %}\nUS dollars.\n{% enddocs %}\n")
    assert CliRunner().invoke(cli.app, ["dictionary"]).exit_code == 0
    having = {
        path.name: line.strip()
        for path in (project / "models").rglob("*.yml")
        for line in path.read_text().splitlines()
        if "night_fee" in line
    }
    words_of_it = "description: \"{{ doc('night_fee_amount') }}\""
    assert having["_sources.yml"] == f"- {{name: night_fee, {words_of_it}}}"
    assert having["stg_yellow_tripdata.yml"] == f"- {{name: night_fee_amount, {words_of_it}}}"
    typed = f'- {{name: night_fee_amount, data_type: "decimal(12, 2)", {words_of_it}}}'
    assert having["fact_trips.yml"] == having["rejected_trips.yml"] == typed
    assert "decimal(18, 2)" in having["rpt_trips_daily.yml"]
    assert "stg_green_tripdata.yml" not in having
    assert len(having) == 9


def test_a_new_flag_reaches_every_list(project: Path) -> None:
    row = '\nis_at_night,flag,16,"Yellow, Green","At night",Nothing is repaired,None,None\n'
    seed = project / "seeds" / "trip_flags.csv"
    seed.write_text(seed.read_text().rstrip() + row)
    assert CliRunner().invoke(cli.app, ["dictionary"]).exit_code == 0
    having = {
        path.name: path.read_text().count("is_at_night")
        for path in (project / "models").rglob("*.*")
        if "is_at_night" in path.read_text()
    }
    assert having.keys() == {"rules.md", "int_trips.yml", "int_trip_fares.yml", "fact_trips.yml"}


def test_a_column_that_a_model_lists_by_hand_is_not_listed_twice() -> None:
    for path, text in render_trip_columns(PROJECT).items():
        content = yaml.safe_load(text)
        tables = [table for source in content.get("sources", []) for table in source["tables"]]
        for model in (*content.get("models", []), *tables):
            names = [column["name"] for column in model.get("columns", [])]
            assert len(names) == len(set(names)), (path, model["name"])


def test_every_model_of_trips_has_its_list() -> None:
    lists = Counter(
        which
        for text in render_trip_columns(PROJECT).values()
        for which in re.findall(r"# trip columns: (.*)", text)
    )
    services = ("yellow", "green", "fhv", "fhvhv")
    assert lists == {
        **dict.fromkeys(services, 1),
        **{f"lake of {service}": 1 for service in services},
        "all services": 1,
        "after int_trips": 2,
        "after int_trips, typed": 2,
        "flags": 2,
        "flags, typed": 1,
        "sums of money": 2,
    }


def test_a_list_without_an_end_is_refused_and_nothing_is_lost(project: Path) -> None:
    fact = project / "models" / "marts" / "core" / "fact_trips.yml"
    text = fact.read_text().replace("      # end of trip columns\n", "", 1)
    fact.write_text(text)
    done = CliRunner().invoke(cli.app, ["dictionary"])
    assert isinstance(done.exception, TaxiError)
    assert "a list of trip columns has no end" in str(done.exception)
    assert fact.read_text() == text


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ("{kind: money, yelow: [night_fee]}", "has the unknown key yelow"),
        ("{kind: txt, yellow: [night_fee]}", "is of the kind txt"),
        ("{yellow: [night_fee]}", "is of the kind None"),
        ("{kind: money}", "belongs to no service"),
        ("{kind: money, yellow: night_fee}", "has no list of names for yellow"),
        (
            "{kind: money, yellow: [extra]}",
            "is called extra in the lake of yellow, as extra_amount",
        ),
        (
            "{kind: money, yellow: [night_fee], required: [green]}",
            "says something of green, which does not have it",
        ),
    ],
)
def test_a_column_that_would_be_misread_is_refused(project: Path, column: str, fault: str) -> None:
    line = f"    night_fee_amount: {column}\n    total_amount:"
    replace(project / "dbt_project.yml", "    total_amount:", line)
    with pytest.raises(TaxiError, match=fault):
        render_trip_columns(project)


def test_a_list_of_no_columns_names_its_line(project: Path) -> None:
    replace(project / "models/staging/_sources.yml", "columns: lake of fhv", "columns: lake of fvh")
    with pytest.raises(TaxiError, match=r"lake of fvh.* names no columns"):
        render_trip_columns(project)
