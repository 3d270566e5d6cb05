"""The feeds that are loaded: files of synthetic records, and a large one that is never kept."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks import synthetic
from benchmarks.databases import TABLES

LINES_AT_ONCE: Final = 16
"""Lines of a large feed that are sent together, some 64 KB."""

VARIED: Final = 1_000
"""Records that a large feed is made of, again and again, each time under another slug."""


@dataclass(frozen=True)
class Feed:
    """An NDJSON file and how many records are in it."""

    path: Path
    records: int

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.path.stat().st_size

    @cached_property
    def facts(self) -> Mapping[str, int]:
        """How many rows of each table it makes in an empty database."""
        topics: list[str] = []
        entities: list[str] = []
        for record in self:
            topics += record["topics"]
            entities += record["entities"]
        numbers = (
            self.records, len(set(topics)), len(set(entities)), len(topics), len(entities),
            self.records, self.records,
        )  # fmt: skip
        return dict(zip(TABLES, numbers, strict=True))

    @cached_property
    def last(self) -> Mapping[str, Any]:
        """Its last record."""
        return next(islice(self, self.records - 1, None))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self.path.open("rb") as lines:
            yield from map(json.loads, lines)

    def part(self, first: int, records: int) -> "Feed":
        """Return a feed of `records` of its records, beginning behind the `first` ones."""
        path = self.path.with_name(f"{self.path.stem}-{first}-{records}.ndjson")
        with self.path.open("rb") as lines, path.open("wb") as out:
            out.writelines(islice(lines, first, first + records))
        return Feed(path, records)


def write(path: Path, records: int) -> Feed:
    """Write synthetic records to a file."""
    with path.open("wb") as out:
        out.writelines(synthetic.lines(records))
    return Feed(path, records)


@dataclass(frozen=True)
class LargeFeed:
    """A feed of about `size` bytes, made as it is sent."""

    size: int

    @cached_property
    def _varied(self) -> Sequence[dict[str, Any]]:
        return list(synthetic.records(VARIED))

    @cached_property
    def records(self) -> int:
        """How many records it has."""
        return self.size * VARIED // sum(len(_line(record)) for record in self._varied)

    def __iter__(self) -> Iterator[bytes]:
        """Yield its lines, some at a time."""
        numbers = iter(range(self.records))
        while some := list(islice(numbers, LINES_AT_ONCE)):
            yield b"".join(_line(self._record(number)) for number in some)

    def _record(self, number: int) -> dict[str, Any]:
        record = self._varied[number % VARIED]
        slug = f"{record['slug'][: synthetic.SLUG_STEM]}-{number:07}"
        url = f"{synthetic.SITE}/news/{slug}"
        suffixes = {"html": "", "markdown": ".md", "text": ".txt", "jsonld": ".jsonld"}
        alternates = {name: url + suffix for name, suffix in suffixes.items()}
        source = f"{record['canonical_source'].partition('?')[0]}/{number}"
        varied = {"slug": slug, "url": url, "alternates": alternates, "canonical_source": source}
        return record | varied


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"
