"""What a publisher said about a file when it was downloaded, and whether that is the file that it has now."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from taxi_pipeline.addresses import public_address
from taxi_pipeline.atomic import write_text


@dataclass(frozen=True)
class Origin:
    """What a server said about a file: enough to see whether it is still the same one.

    Its address is kept without user and query, where secrets stand: a signed address is another one every day, for the
    same file, and the rest of the record tells files apart.
    """

    url: str
    etag: str | None
    last_modified: str | None
    length: int | None

    @classmethod
    def of(cls, headers: Mapping[str, str], url: str, length: int | None) -> "Origin":
        """What the headers of an answer say; ``length`` is that of the whole file."""
        return cls(public_address(url), headers.get("ETag"), headers.get("Last-Modified"), length)

    @classmethod
    def load(cls, path: Path, url: str) -> "Origin | None":
        """Read what was remembered of ``url``; None if nothing usable was."""
        try:
            origin = cls(**json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return origin if origin.url == public_address(url) else None

    def save(self, path: Path) -> None:
        """Write it down."""
        write_text(path, json.dumps(asdict(self), indent=2) + "\n")

    @property
    def strong_validator(self) -> str | None:
        """What may stand in ``If-Range``: a weak ETag does not promise the same bytes."""
        weak = self.etag is None or self.etag.startswith("W/")
        return self.last_modified if weak else self.etag

    def contradicts(self, other: "Origin") -> bool:
        """Tell whether the two cannot be the same file."""
        pairs = (
            (self.etag, other.etag),
            (self.last_modified, other.last_modified),
            (self.length, other.length),
        )
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)

    def matches(self, other: "Origin") -> bool:
        """Tell whether the two are surely the same file."""
        if self.contradicts(other):
            return False
        if self.etag and other.etag:
            return True
        return bool(self.last_modified and other.last_modified and self.length and other.length)


def note_of(destination: Path) -> Path:
    """Where the origin of a complete file is noted."""
    return destination.with_name(destination.name + ".origin.json")


def content_length(headers: Mapping[str, str]) -> int | None:
    """The bytes that an answer announces; None where it does not."""
    text = headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None
