"""The tiers: which test runs when, for a reason, and a quick one starts no command."""

import re
from pathlib import Path

import pytest

from conftest import SLOWEST_FIRST
from processes import Tier
from warehouse import REPOSITORY, Warehouse

MARK = re.compile(r"pytest\.mark\.(full|build)\b")


def nowhere(tmp_path: Path) -> Warehouse:
    return Warehouse(REPOSITORY, tmp_path)


@pytest.mark.parametrize("command", ["taxi", "dbt", "mf"])
def test_a_quick_test_that_starts_a_command_fails(tmp_path: Path, command: str) -> None:
    with pytest.raises(AssertionError, match=f"{command} --help: mark this test `build` or `full`"):
        nowhere(tmp_path).run(command, "--help")
    with pytest.raises(AssertionError, match="mark this test `build` or `full`"):
        nowhere(tmp_path).taxi_command("--help")


@pytest.mark.build  # it shows that a build may start what a quick test may not
def test_a_test_of_another_tier_may_start_one(tmp_path: Path) -> None:
    assert Tier.may_start
    assert "--help" in nowhere(tmp_path).taxi_command("--help")


def test_every_mark_of_a_tier_has_a_reason() -> None:
    """On its line, in words."""
    marks = 0
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            code, _, reason = line.partition("  # ")
            if MARK.search(code):
                marks += 1
                assert len(reason.split()) >= 2, f"{path.name}:{number}"
    assert marks > 50


def test_the_files_that_go_first_are_there() -> None:
    folder = Path(__file__).parent
    assert not [name for name in SLOWEST_FIRST if not (folder / f"{name}.py").exists()]


def test_a_fixture_that_builds_makes_a_test_of_its_tier(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        names = set(getattr(item, "fixturenames", ()))
        if names & {"sample_run", "built_sample", "real_run"}:
            assert item.get_closest_marker("build"), item.nodeid
        if "small" in names:
            assert item.get_closest_marker("full"), item.nodeid
