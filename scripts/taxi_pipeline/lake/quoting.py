"""SQL text of names and values that come from outside."""

from pathlib import Path


def quote_literal(text: str | Path) -> str:
    """Write a text as a SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def quote_identifier(name: str) -> str:
    """Write a name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
