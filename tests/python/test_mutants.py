"""The script that breaks the rules: what it changes, and that it tells a test that is missing."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from warehouse import REPOSITORY, copy_project

SCRIPT = REPOSITORY / "scripts" / "mutants.py"


@pytest.fixture(scope="module")
def mutants() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutants"] = module
    spec.loader.exec_module(module)
    return module


def changes(mutants: ModuleType, *lines: str) -> set[tuple[str, str]]:
    """What becomes of which line: kind and the new line."""
    return {
        (mutant.kind, mutant.after.strip())
        for mutant in mutants.find_mutants("a.sql", "\n".join(lines))
    }


def test_a_line_is_changed_in_every_way_that_breaks_its_rule(mutants: ModuleType) -> None:
    assert changes(mutants, "when seconds < 0 then 'early'") == {
        ("comparison flipped", "when seconds >= 0 then 'early'"),
        ("comparison moved by one", "when seconds <= 0 then 'early'"),
    }
    assert changes(mutants, "left join zones on trips.zone_id = zones.zone_id") == {
        ("comparison flipped", "left join zones on trips.zone_id <> zones.zone_id"),
        ("join made inner", "inner join zones on trips.zone_id = zones.zone_id"),
    }
    assert changes(mutants, "then seconds + 3600") == {("sign changed", "then seconds - 3600")}
    assert changes(mutants, "coalesce(is_late, false) as is_late") == {
        ("default changed", "coalesce(is_late, true) as is_late")
    }
    assert changes(mutants, "where not is_voided") == {
        ("negation dropped", "where is_voided"),
        ("condition dropped", "where 1 = 1"),
    }


def test_a_condition_goes_with_all_of_its_lines(mutants: ModuleType) -> None:
    text = "where\n    a\n    and (\n        b\n        or c\n    )\n    and d"
    dropped = [
        mutant.apply(text)
        for mutant in mutants.find_mutants("a.sql", text)
        if mutant.kind == "condition dropped"
    ]
    assert dropped == [
        "where\n    1 = 1\n    and (\n        b\n        or c\n    )\n    and d",
        "where\n    a\n    and d",
        "where\n    a\n    and (\n        b\n    )\n    and d",
        "where\n    a\n    and (\n        b\n        or c\n    )",
    ]


def test_comments_strings_and_calls_of_macros_are_left_alone(mutants: ModuleType) -> None:
    assert not changes(
        mutants,
        '{{ config(materialized="table") }}',
        "-- a < b and c",
        "{#- left join",
        "a = b -#}",
        "select 'a < b' as text_of_rule, {{ macro(a = b) }} as called",
    )


def test_every_exception_is_a_mutant_that_there_is(mutants: ModuleType) -> None:
    keys = {
        mutant.key
        for path in mutants.RULES
        for mutant in mutants.find_mutants(path, (REPOSITORY / path).read_text())
    }
    assert keys
    assert set(mutants.EQUIVALENT) <= keys


def run_script(project: Path, *texts: str) -> "subprocess.CompletedProcess[str]":
    only = [option for text in texts for option in ("--only", text)]
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--project", str(project), *only],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A branch of a repository with the files of the rules, committed on main."""
    for name in ("int_trips.sql", "int_trip_fares.sql", "int_exact_duplicates.yml"):
        path = tmp_path / "models" / "intermediate" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("select 1\nwhere a < 1\n")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path)
    git(tmp_path, "checkout", "--quiet", "-b", "branch")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=a change")


def tried(mutants: ModuleType, capsys: pytest.CaptureFixture[str], *options: str) -> set[str]:
    """The files of the mutants that a command lists."""
    assert mutants.main(["--list", *options]) == 0
    return {line.partition(":")[0] for line in capsys.readouterr().out.splitlines()}


def test_only_files_that_differ_from_main_are_changed(
    mutants: ModuleType, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = ("--project", str(repository), "--changed")
    intermediate = repository / "models" / "intermediate"
    assert tried(mutants, capsys, *changed) == {"No file of rules has changed that git knows of"}
    (intermediate / "int_trips.sql").write_text("select 1\nwhere a < 2\n")
    commit(repository)
    assert tried(mutants, capsys, *changed) == {"models/intermediate/int_trips.sql"}
    git(repository, "checkout", "--quiet", "-B", "main")  # pushed: the commit before counts
    assert tried(mutants, capsys, *changed) == {"models/intermediate/int_trips.sql"}
    (intermediate / "int_trip_fares.sql").write_text("select 1\nwhere a < 3\n")  # not committed
    assert tried(mutants, capsys, *changed, "HEAD") == {"models/intermediate/int_trip_fares.sql"}


def test_a_change_of_unit_tests_is_one_of_their_model(
    mutants: ModuleType, repository: Path
) -> None:
    (repository / "models" / "intermediate" / "int_exact_duplicates.yml").write_text("changed")
    assert mutants.changed_rules(repository, "main") == [
        "models/intermediate/int_exact_duplicates.sql"
    ]


def test_a_revision_that_there_is_not_is_refused(mutants: ModuleType, repository: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        mutants.main(["--project", str(repository), "--changed", "v9"])


@pytest.mark.full  # builds the sample to try a mutant
def test_a_mutant_is_killed_by_its_unit_test_and_survives_where_the_test_is_gone(
    tmp_path: Path,
) -> None:
    project = copy_project(tmp_path / "project")
    described = project / "models" / "intermediate" / "int_exact_duplicates.yml"
    described.write_text(described.read_text().partition("unit_tests:")[0])
    zero_seconds = "comparison moved by one: when duration_seconds < 0"
    done = run_script(project, "order turned round", zero_seconds)
    assert re.search(
        rf"killed +models/intermediate/int_trips.sql:\d+ {zero_seconds}.* by \w+", done.stdout
    ), done.stdout + done.stderr
    assert "SURVIVED  models/intermediate/int_exact_duplicates.sql" in done.stdout
    assert "2 mutants, 1 survived" in done.stdout
    assert done.returncode == 1
