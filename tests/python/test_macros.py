"""Macros, which sqlfluff skips: Jinja that means what it says, no leftovers, every engine, the layout of the SQL."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dbt.include
import pytest
from dbt_common.clients.jinja import get_environment
from jinja2 import nodes
from jinja2.meta import find_undeclared_variables

from warehouse import REPOSITORY

FILES = sorted((REPOSITORY / "macros").glob("*.sql"))
CALLERS = [
    *FILES,
    *(
        path
        for folder in ("models", "tests", "analyses", "snapshots")
        for pattern in ("*.sql", "*.yml")
        for path in (REPOSITORY / folder).rglob(pattern)
    ),
    REPOSITORY / "dbt_project.yml",
]
ENGINES = frozenset({"duckdb", "postgres", "bigquery", "spark"})
LONGEST_LINE = 160
CONTEXT = frozenset(
    {
        *("adapter", "api", "config", "dbt", "env_var", "exceptions", "execute", "flags", "graph"),
        *("load_relation", "model", "modules", "return", "selected_resources", "source"),
        *("target", "this", "var", "dbt_metadata_envs", "dbt_version", "invocation_args_dict"),
        *("invocation_id", "run_started_at"),
    }
)
"""What dbt puts at hand besides macros, as far as our macros ask for it."""

CALLED_BY_DBT = {
    "get_incremental_by_file_sql": "dbt finds a strategy by its name: incremental_strategy: by_file",
}
"""Macros that nothing of ours calls and that replace none of dbt's, with who calls them."""


@dataclass(frozen=True)
class Macro:
    """A macro as it stands in its file; ``node`` is its syntax tree."""

    name: str
    file: Path
    node: nodes.Macro

    @property
    def base(self) -> str:
        """The name without the engine that it is for."""
        return self.name.partition("__")[2] or self.name


def macros_of(path: Path) -> Iterator[Macro]:
    environment = get_environment(None, capture_macros=True)
    for node in environment.parse(path.read_text(encoding="utf-8")).find_all(nodes.Macro):
        yield Macro(node.name.removeprefix("dbt_macro__"), path, node)


OWN = [macro for path in FILES for macro in macros_of(path)]
FROM_DBT = frozenset(
    name
    for folder in dbt.include.__path__
    for path in Path(folder).rglob("macros/**/*.sql")
    for name in re.findall(r"{%-?\s*macro\s+(\w+)", path.read_text(encoding="utf-8"))
)


def names(macro: Macro, context: str) -> set[str]:
    """The names that a macro reads (``load``) or sets (``store``); its arguments are neither here."""
    return {
        node.name
        for part in macro.node.body
        for node in (part, *part.find_all(nodes.Name))
        if isinstance(node, nodes.Name) and node.ctx == context
    }


def asked_for(macro: Macro) -> set[str]:
    """The names that come from outside of a macro."""
    template = nodes.Template([macro.node])
    template.set_environment(get_environment())
    return find_undeclared_variables(template) - names(macro, "store")


def ids(macro: Macro) -> str:
    return macro.name


def test_there_are_macros_and_dbt_has_its_own() -> None:
    assert len(OWN) > 60
    assert {"get_where_subquery", "duckdb__create_table_as", "bigquery__get_empty_schema_sql"} <= (
        FROM_DBT
    )


@pytest.mark.parametrize("macro", OWN, ids=ids)
def test_every_name_in_a_macro_is_known(macro: Macro) -> None:
    """A name that nobody sets is empty text to Jinja, without a word."""
    assert asked_for(macro) <= CONTEXT | FROM_DBT | {other.name for other in OWN}


def test_the_exceptions_are_needed() -> None:
    assert set().union(*map(asked_for, OWN)) >= CONTEXT
    assert set(CALLED_BY_DBT) <= {macro.name for macro in OWN}


@pytest.mark.parametrize("macro", OWN, ids=ids)
def test_a_macro_reads_all_that_it_is_given_and_sets(macro: Macro) -> None:
    read = names(macro, "load")
    given = {argument.name for argument in macro.node.args} - {
        "supported_languages"
    }  # which dbt adds
    is_dictated = macro.name != macro.base or macro.name in FROM_DBT  # by the macro it stands for
    assert is_dictated or given <= read
    assert names(macro, "store") - {"supported_languages"} <= read


@pytest.mark.parametrize("macro", OWN, ids=ids)
def test_every_macro_is_called_or_replaces_one_of_dbts(macro: Macro) -> None:
    if {macro.name, macro.base} & {*FROM_DBT, *CALLED_BY_DBT}:
        return
    if macro.name.startswith("materialization_"):
        return
    asked = rf"(?<!macro )\b{macro.base}\(|dispatch\(\"{macro.base}\""
    assert [path for path in CALLERS if re.search(asked, path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("macro", [macro for macro in OWN if "__" not in macro.name], ids=ids)
def test_what_differs_between_engines_is_there_for_each(macro: Macro) -> None:
    text = macro.file.read_text(encoding="utf-8")
    implementations = {other.name for other in OWN}
    if f'dispatch("{macro.name}", "nyc_taxi")' in text:
        each = {f"{engine}__{macro.name}" for engine in ENGINES}
        assert f"default__{macro.name}" in implementations or each <= implementations


@pytest.mark.parametrize("macro", [macro for macro in OWN if "__" in macro.name], ids=ids)
def test_what_is_for_an_engine_has_a_macro_that_asks_for_it(macro: Macro) -> None:
    engine = macro.name.partition("__")[0]
    assert engine in ENGINES | {"default"}
    asked = f'dispatch("{macro.base}", "nyc_taxi")' in macro.file.read_text(encoding="utf-8")
    assert asked or macro.name in FROM_DBT or macro.base in FROM_DBT


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_layout_of_a_file_of_macros(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{path.name}:{number}"
        assert len(line) <= LONGEST_LINE, where
        assert line == line.rstrip(), where
        assert "\t" not in line, where
        indent = len(line) - len(line.lstrip())
        assert indent % 4 == 0, where
        for opening in re.finditer(r"{[{%]-?(?=\S)(?!-)", line):
            raise AssertionError(f"{where}: no blank after {opening[0]}")
        assert not re.search(r"(?<=[^\s-])-?[%}]}", re.sub(r"'[^']*'|\"[^\"]*\"", "''", line)), (
            where
        )


@pytest.mark.parametrize("macro", OWN, ids=ids)
def test_the_sql_of_a_macro_is_written_as_sqlfluff_has_it_elsewhere(macro: Macro) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", macro.name)
    for data in macro.node.find_all(nodes.TemplateData):
        sql = re.sub(r"'[^']*'|`[^`]*`|--.*", "", data.data)
        assert not re.search(r"\b[A-Z]{2,}\b", sql), sql  # keywords, functions and types
        assert "!=" not in sql, sql
        assert not re.search(r"\bcount\(1\)|\bifnull\(|\bnvl\(|::", sql), sql
