"""Web addresses as they may be shown and stored: without user, password and query, where secrets stand."""

import re

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_MISTYPED = re.compile(r"\b([a-z][a-z0-9+.-]*:/?)(?!/)[^\s/:@]+:[^\s@]+@", re.IGNORECASE)
"""A user and a password behind a scheme with a slash too few."""
_NO_PORT = re.compile(r"[^\[].*:(?!\d*$)|:(?!\d*$)")
_WEB = ("http://", "https://")


def is_url(argument: str) -> bool:
    """Whether the argument is to be fetched rather than opened."""
    return argument.lower().startswith(_WEB)


def has_scheme(argument: str) -> bool:
    """Whether the argument is an address of any kind, such as ``s3://bucket/file``."""
    return _ADDRESS.match(argument) is not None


def public_address(address: str) -> str:
    """Return an address without its user, password, query and fragment.

    It takes any text that looks like an address: what cannot be read as one must not be printed whole either.
    """
    scheme, _, rest = address.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority or ("@" in rest and _NO_PORT.match(authority)):
        # The second case is a password with a slash in it.
        rest = (
            rest.rpartition("@")[2] if "@" not in authority else rest[authority.rindex("@") + 1 :]
        )
    elif _NO_PORT.match(authority):
        rest = "..."
    path, *secret = re.split(r"[?#;]", rest, maxsplit=1)
    return f"{scheme}://{path}{'?...' if secret else ''}"


def redact(text: str) -> str:
    """Return a text in which every address is as ``public_address`` gives it."""
    return _ADDRESS.sub(lambda match: public_address(match[0]), _MISTYPED.sub(r"\1", text))
