"""Texts as they may be printed: those that a user, a file or a server has given, and counts of things."""

import re

_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_UNPRINTABLE = re.compile(rf"[{_CONTROL}]")
_NOT_ON_ONE_LINE = re.compile(rf"[\t\n{_CONTROL}]")


def printable(text: str) -> str:
    """Escape what would command a terminal or cannot be printed; tabs and ends of lines stay."""
    return _UNPRINTABLE.sub(_escaped, text)


def on_one_line(text: str) -> str:
    """Escape tabs and ends of lines, too."""
    return _NOT_ON_ONE_LINE.sub(_escaped, text)


def shortened(text: str, longest: int) -> str:
    """Cut a text that is longer in the middle, so that its beginning and its end can be read."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}...{text[-half:]}"


def plural(count: int, word: str) -> str:
    """A count with its word: ``1 row``, ``2,000 rows``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
