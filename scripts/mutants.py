"""Break the rules of the models one at a time, and show that a test fails for each.

A mutant is one small change of one line of SQL: a comparison flipped or moved by one, a condition
dropped, a join made inner, a sign changed, a default changed, a negation dropped. Each is tried on a
copy of the project: first the unit tests, which take a second, then, for what they let through, a
build of the synthetic sample with every data test. A mutant that no test fails for survives, and the
command fails.

    python scripts/mutants.py                       # all: about ten minutes
    python scripts/mutants.py --only fact_trips     # one file
    python scripts/mutants.py --changed             # files that differ from main, or on main from the commit before
    python scripts/mutants.py --changed v1.2        # files that differ from a revision
    python scripts/mutants.py --list                # only print them
"""

import argparse
import multiprocessing
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from rich.console import Console

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.ingest import ingest_many
from taxi_pipeline.lake import Lake
from taxi_pipeline.sample import write_sample
from taxi_pipeline.settings import Settings
from taxi_pipeline.transform.deps import install_packages
from taxi_pipeline.transform.runner import SUCCESS, BuildListener, BuildReport, run_dbt

PROJECT = Path(__file__).resolve().parents[1]

RULES = {
    "models/intermediate/int_trips.sql": "int_trips",
    "models/intermediate/int_trip_fares.sql": "int_trip_fares",
    "models/intermediate/int_exact_duplicates.sql": "int_exact_duplicates",
    "models/intermediate/int_reversal_pairs.sql": "int_reversal_pairs",
    "models/marts/core/fact_trips.sql": "fact_trips",
    "models/marts/core/rejected_trips.sql": "rejected_trips",
    "models/marts/reporting/mart_hvfhv_fare_audit.sql": "mart_hvfhv_fare_audit",
    "macros/trips.sql": "int_trips int_reversal_pairs fact_trips",
}
"""The files that hold rules, and the models whose unit tests speak of them."""

_SIEVE = "a sieve that saves reading; what decides comes after it"
_SIGN = "the join asks for the opposite total"

EQUIVALENT = {
    (
        "{{ is_metered_service() }}",
        "1 = 1",
    ): _SIEVE,
    (
        "having count(*) > 1",
        "having count(*) >= 1",
    ): _SIEVE,
    (
        "inner join repeated_totals",
        "left join repeated_totals",
    ): _SIEVE,
    (
        "and twins.total_amount is not distinct from repeated_totals.total_amount",
        "",
    ): _SIEVE,
    (
        "inner join candidates on trips.trip_id = candidates.trip_id",
        "left join candidates on trips.trip_id = candidates.trip_id",
    ): _SIEVE,
    (
        "where total_amount < 0",
        "where total_amount <= 0",
    ): _SIGN,
    (
        "where total_amount < 0",
        "where 1 = 1",
    ): _SIGN,
    (
        "where total_amount > 0",
        "where total_amount >= 0",
    ): _SIGN,
    (
        "where total_amount > 0",
        "where 1 = 1",
    ): _SIGN,
    (
        "case when originals.source_row > reversals.source_row then 0 else 1 end as stands_before",
        "case when originals.source_row >= reversals.source_row then 0 else 1 end as stands_before",
    ): "two rows never have one number",
    (
        "reversals.twin_key = originals.twin_key",
        "1 = 1",
    ): "equal columns have equal keys; it is what the join hashes",
    (
        "order by row_distance, stands_before, original_trip_id",
        "order by row_distance, stands_before",
    ): "pairs at one distance on one side share no row; the order only makes the rank the same each time",
}
"""Mutants that change no result, by what they make of their line, each with the reason."""

BUILD = ("build", "--full-refresh", "--fail-fast", "--exclude-resource-type", "unit_test")
"""The sample from nothing with every data test."""

_PATIENCE_SECONDS = (
    300  # a try takes 2 to 15 s on an idle machine; a recursion that lost its end never ends
)
_COPIED = ("models", "seeds", "macros", "tests", "snapshots", "analyses", "vendor")
_SWAPS = (
    ("comparison flipped", r"(?<![<>=!])=(?![=>])", "<>"),
    ("comparison flipped", r"<>", "="),
    ("comparison flipped", r"<(?![=>])", ">="),
    ("comparison flipped", r"(?<!<)>(?!=)", "<="),
    ("comparison flipped", r"<=", ">"),
    ("comparison flipped", r">=", "<"),
    ("comparison moved by one", r"<(?![=>])", "<="),
    ("comparison moved by one", r"(?<!<)>(?!=)", ">="),
    ("comparison moved by one", r"<=", "<"),
    ("comparison moved by one", r">=", ">"),
    ("comparison flipped", r"\bnot between\b", "between"),
    ("comparison flipped", r"(?<!not )\bbetween\b", "not between"),
    ("comparison flipped", r"\bis null\b", "is not null"),
    ("comparison flipped", r"\bis not null\b", "is null"),
    ("comparison flipped", r"\bis not distinct from\b", "is distinct from"),
    ("join made inner", r"\bleft join\b", "inner join"),
    ("join made outer", r"\binner join\b", "left join"),
    ("sign changed", r"(?<=[\w)}\]] )-(?= [\w({])", "+"),
    ("sign changed", r"(?<=[\w)}\]] )\+(?= [\w({])", "-"),
    ("sign changed", r"^(\s*)- ", r"\1+ "),
    ("sign changed", r"^(\s*)\+ ", r"\1- "),
    ("sign changed", r"(?<=[ (=])-(?=[\w{])", ""),
    ("negation dropped", r"\bnot (?=[\w.]+\b(?! from))(?!between|null|distinct|matched)", ""),
    ("condition negated", r"\bwhen (?=[\w.]+ then\b)", "when not "),
    ("and made or", r"(?<=\S)(?<!\d) and (?![-\d\x00])(?=\S)", " or "),
    ("or made and", r"(?<=\S) or (?=\S)", " and "),
    ("default changed", r", false\)", ", true)"),
    ("default changed", r", true\)", ", false)"),
    ("default changed", r", 0\)", ", 1)"),
    ("result changed", r"\bthen 0\b", "then 1"),
    ("result changed", r"\belse 0\b", "else 1"),
    ("result changed", r"\bthen true\b", "then false"),
    ("result changed", r"\belse false\b", "else true"),
    ("order turned round", r"(?<=order by trips\.source_row)$", " desc"),
)
_MASK = re.compile(r"--.*$|\{\{.*?\}\}|'[^']*'")
_SKIPPED = re.compile(r"^\s*(\{\{\s*config|\{%|\{#|#\}|--)|.*in_slice_to_build|^[^{]*\}\}")
"""Comments and calls of Jinja; the incremental rule is for the tests that build twice (``test_increments.py``)."""


@dataclass(frozen=True)
class Mutant:
    """One change of one line.

    Attributes:
        path: the file, relative to the project.
        number: the line, from 1.
        kind: what was done to it.
        before: the line.
        after: the line as the mutant has it; empty where it is gone.
        lines: how many lines are replaced.
    """

    path: str
    number: int
    kind: str
    before: str
    after: str
    lines: int = 1

    @property
    def key(self) -> tuple[str, str]:
        """What ``EQUIVALENT`` calls it."""
        return self.before.strip(), self.after.strip()

    def apply(self, text: str) -> str:
        """The text of the file with this change."""
        lines = text.split("\n")
        lines[self.number - 1 : self.number - 1 + self.lines] = [self.after] if self.after else []
        return "\n".join(lines)

    def __str__(self) -> str:
        shown = self.after.strip() or "(gone)"
        return f"{self.path}:{self.number} {self.kind}: {self.before.strip()}  ->  {shown}"


def find_mutants(path: str, text: str) -> Iterator[Mutant]:
    """Every mutant of a file; what stands in comments, strings and calls of macros is left alone."""
    lines = text.split("\n")
    in_comment = False
    for index, line in enumerate(lines):
        was_in_comment = in_comment
        in_comment = (in_comment or "{#" in line) and "#}" not in line
        if was_in_comment or in_comment or _SKIPPED.match(line) or not line.strip():
            continue
        masked = _MASK.sub(lambda match: "\x00" * len(match.group()), line)
        for kind, pattern, replacement in _SWAPS:
            for match in re.finditer(pattern, masked):
                after = line[: match.start()] + match.expand(replacement) + line[match.end() :]
                yield Mutant(path, index + 1, kind, line, after)
        yield from _dropped_condition(path, lines, index)
        yield from _dropped_order(path, index, line)


def _dropped_condition(path: str, lines: list[str], index: int) -> Iterator[Mutant]:
    line = lines[index]
    first = re.match(r"^(\s*)(where|on) (?=\S)", line)
    if first:
        yield Mutant(
            path, index + 1, "condition dropped", line, f"{first.group(1)}{first.group(2)} 1 = 1"
        )
    elif index and lines[index - 1].strip() in {"where", "on"}:
        indent = re.match(r"\s*", line)
        yield Mutant(
            path, index + 1, "condition dropped", line, f"{indent.group() if indent else ''}1 = 1"
        )
    elif re.match(r"^\s*(and|or) ", line):
        depth, end = 0, index
        for end in range(index, len(lines)):
            depth += lines[end].count("(") - lines[end].count(")")
            if depth <= 0:
                break
        if depth == 0:
            yield Mutant(path, index + 1, "condition dropped", line, "", end - index + 1)


def _dropped_order(path: str, index: int, line: str) -> Iterator[Mutant]:
    ordered = re.match(r"^(\s*order by )(\w+(?:, \w+)+)$", line)
    if ordered:
        columns = ordered.group(2).split(", ")
        for column in columns:
            kept = ", ".join(other for other in columns if other != column)
            yield Mutant(path, index + 1, "order dropped", line, ordered.group(1) + kept)


def revision_before(project: Path) -> str:
    """Where the branch left main, or on main the commit before; empty where there is no such revision."""
    head = _git(project, "rev-parse", "HEAD")
    for main_branch in ("origin/main", "main"):
        base = _git(project, "merge-base", "HEAD", main_branch)
        if base not in {"", head}:
            return base
    return _git(project, "rev-parse", "--verify", "--quiet", "HEAD~1")


def changed_rules(project: Path, base: str) -> list[str]:
    """The files of rules that differ from a revision, in the working tree too, or whose unit tests do.

    Raises:
        ValueError: git does not know the revision.
    """
    if not _git(project, "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}"):
        raise ValueError(f"git knows no revision {base!r}")
    names = _git(project, "diff", "--name-only", "--relative", base, "--", "models", "macros")
    changed = {str(Path(name).with_suffix("")) for name in names.splitlines()}
    return [path for path in RULES if str(Path(path).with_suffix("")) in changed]


def _git(project: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() if done.returncode == 0 else ""


def unit_tests(models: str) -> list[str]:
    """The command for the unit tests of the models."""
    return ["test", "--select", *(f"{model},test_type:unit" for model in models.split())]


class Bench:
    """A copy of the project with the sample, on which mutants are tried.

    Every try is a child of this process: it finds dbt imported, and can be ended when a mutant runs for ever.

    Args:
        folder: an empty folder to work in.
        project: the project to copy.
    """

    def __init__(self, folder: Path, project: Path) -> None:
        copy = folder / "project"
        for name in _COPIED:
            shutil.copytree(project / name, copy / name, ignore=shutil.ignore_patterns("python"))
        for name in ("dbt_project.yml", "packages.yml", "profiles.yml.example"):
            shutil.copyfile(project / name, copy / name)
        self.settings = Settings(copy, folder / "data", "1GB")
        install_packages(self.settings)
        sample = folder / "sample"
        write_sample(sample)
        ingest_many([str(sample)], Lake.of(self.settings), self.settings, lambda _text: None)
        import dbt.cli.main  # noqa: F401, PLC0415 - once, for all children

    def failure(self, *commands: Sequence[str]) -> str:
        """The first test that fails in one of the commands of dbt, or empty."""
        context = multiprocessing.get_context("fork")
        told, tell = context.Pipe(duplex=False)
        child = context.Process(target=self._try, args=(commands, tell))
        child.start()
        tell.close()
        if not told.poll(_PATIENCE_SECONDS):
            child.kill()
            child.join()
            return "running for ever"
        try:
            return str(told.recv())
        except EOFError:
            child.join()
            # An error of Python is the bench's own: it kills no mutant.
            if child.exitcode is None or child.exitcode >= 0:
                raise RuntimeError(f"dbt {commands[0]} could not be tried") from None
            return "a crash of the engine"
        finally:
            child.join()

    def killer(self, mutant: Mutant) -> str:
        """The first test that fails for the mutant, or empty."""
        path = self.settings.project_dir / mutant.path
        whole = path.read_text()
        try:
            path.write_text(mutant.apply(whole))
            return self.failure(unit_tests(RULES[mutant.path]), BUILD)
        finally:
            path.write_text(whole)

    def _try(self, commands: Sequence[Sequence[str]], tell: Connection) -> None:
        for command in commands:
            try:
                report = run_dbt(command, self.settings, BuildListener())
            except TaxiError:  # nothing matches: the model has no unit test, which kills no mutant
                continue
            if report.exit_code != SUCCESS:
                tell.send(_first_failure(report))
                return
        tell.send("")


def _first_failure(report: BuildReport) -> str:
    return report.failures[0].name if report.failures else f"no SQL at all: {report.complaint}"


def run(mutants: Iterable[Mutant], bench: Bench, out: Console) -> list[Mutant]:
    """Try each mutant, print what became of it, and return the survivors."""
    survivors = []
    for mutant in mutants:
        reason = EQUIVALENT.get(mutant.key)
        if reason is not None:
            out.print(f"same      {mutant}  [{reason}]", markup=False)
            continue
        killer = bench.killer(mutant)
        out.print(
            f"{'killed  ' if killer else 'SURVIVED'}  {mutant}{'  by ' + killer if killer else ''}",
            markup=False,
        )
        if not killer:
            survivors.append(mutant)
    return survivors


def main(options: Sequence[str] | None = None) -> int:
    """Run the command; exit code 1 when a mutant survives."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="TEXT",
        help="mutants whose line of the list has TEXT; again: or another text",
    )
    parser.add_argument(
        "--changed",
        nargs="?",
        const="",
        metavar="BASE",
        help="only files that differ from a revision (default: where the branch left main, on main the commit before)",
    )
    parser.add_argument("--list", action="store_true", help="print the mutants, try none")
    parser.add_argument(
        "--project", type=Path, default=PROJECT, help="the project (default: this one)"
    )
    arguments = parser.parse_args(options)
    out = Console(soft_wrap=True, highlight=False)
    paths = list(RULES)
    if arguments.changed is not None:
        base = arguments.changed or revision_before(arguments.project)
        try:
            paths = changed_rules(arguments.project, base) if base else []
        except ValueError as error:
            parser.error(str(error))
        if not paths:
            since = f"since {base}" if base else "that git knows of"
            out.print(f"No file of rules has changed {since}: no mutant to try.", markup=False)
            return 0
    mutants = [
        mutant
        for path in paths
        for mutant in find_mutants(path, (arguments.project / path).read_text())
        if any(text in str(mutant) for text in arguments.only or [""])
    ]
    if not mutants:
        parser.error(f"no mutant has {' or '.join(arguments.only or [])!r} in its line")
    if arguments.list:
        for mutant in mutants:
            out.print(str(mutant), markup=False)
        return 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="taxi-mutants-") as folder:
        bench = Bench(Path(folder), arguments.project)
        failure = bench.failure(BUILD, unit_tests(" ".join(RULES.values())))
        if failure:
            out.print(f"Without any mutant, {failure} fails: mend that first.", markup=False)
            return 2
        survivors = run(mutants, bench, out)
    out.print(
        f"{len(mutants)} mutants, {len(survivors)} survived, {time.monotonic() - started:.0f} s"
    )
    for mutant in survivors:
        out.print(f"SURVIVED  {mutant}", markup=False)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
