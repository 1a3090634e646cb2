"""The arguments of Terraform's Google provider, from the types that are generated from its own schema."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_INTERFACE = re.compile(
    r"^export interface (\w+)(?: extends [\w.]+)? \{\n(.*?)^\}", re.MULTILINE | re.DOTALL
)
_PROPERTY = re.compile(r"^    readonly (\w+)(\??): (.+?);?$", re.MULTILINE)
_OF_TERRAFORM = frozenset(
    {"count", "depends_on", "for_each", "lifecycle", "provider", "provisioner", "connection"}
)
_BY_PARSER = frozenset({"__start_line__", "__end_line__"})


@dataclass(frozen=True)
class _Argument:
    name: str
    is_required: bool
    block: str


def faults_of(resource: str, body: Mapping[str, Any], library: Path) -> Iterator[str]:
    """What the provider would refuse in a resource: arguments that it does not have, and those that are missing.

    Args:
        resource: its type, such as ``google_storage_bucket``.
        body: its arguments, as the parser gives them.
        library: the folder ``lib`` of the package.
    """
    name = resource.removeprefix("google_").replace("_", "-")
    types = library / name / "index.d.ts"
    if not types.exists():
        yield f"{resource}: the provider has no such resource"
        return
    interfaces = dict(_INTERFACE.findall(types.read_text(encoding="utf-8")))
    config = next(one for one in interfaces if one.endswith("Config"))
    yield from _faults(resource, body, config, interfaces, _OF_TERRAFORM)


def _faults(
    where: str,
    body: Mapping[str, Any],
    interface: str,
    interfaces: Mapping[str, str],
    allowed: frozenset[str] = frozenset(),
) -> Iterator[str]:
    known = {one.name: one for one in _arguments(interfaces[interface])}
    given = {name: value for name, value in body.items() if name not in _BY_PARSER}
    dynamic = {
        name: made["content"]
        for block in given.pop("dynamic", [])
        for name, made in block.items()
        if isinstance(made, dict)
    }
    for name, value in {**given, **dynamic}.items():
        if name in allowed:
            continue
        if name not in known:
            yield f"{where}: the provider has no argument {name}"
            continue
        block = known[name].block
        if block in interfaces:
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, dict):
                    yield from _faults(f"{where}.{name}", inner, block, interfaces)
    for name, argument in known.items():
        if argument.is_required and name not in given and name not in dynamic:
            yield f"{where}: the argument {name} is missing"


def _arguments(text: str) -> Iterator[_Argument]:
    for name, optional, type_ in _PROPERTY.findall(text):
        snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)
        yield _Argument(snake, not optional, re.split(r"\W", type_)[0])
