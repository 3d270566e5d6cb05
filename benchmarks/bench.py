"""What all measurements share: a folder for their files, two cores, and how much is measured."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

REPRESENTATIONS: Final = {
    "html": ("text/html", ""),
    "markdown": ("text/markdown", ".md"),
    "text": ("text/plain", ".txt"),
    "json": ("application/json", ".json"),
    "jsonld": ("application/ld+json", ".jsonld"),
}
"""The media type and the URL suffix of each representation of an article."""


class BenchmarkError(Exception):
    """A claim could not be measured. The message says why."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often contenders are compared side by side and run alone, and for how many seconds."""

    side_by_side: int
    alone: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    `articles` are in the database that readers ask, `existing` in the large one of the growth
    claim. `records`, `afternoon_records` and `further` are the sizes of feeds.
    """

    representations: tuple[str, ...]
    hot: Rounds
    cold: Rounds
    articles: int
    load_rounds: int
    records: int
    afternoon_records: int
    further: int
    existing: int
    large_bytes: int
    reader_seconds: int
    listing_requests: int


FULL: Final = Sizes(
    representations=tuple(REPRESENTATIONS),
    hot=Rounds(side_by_side=9, alone=3, seconds=1),
    cold=Rounds(side_by_side=7, alone=3, seconds=2),
    articles=50_000,
    load_rounds=3,
    records=50_000,
    afternoon_records=5_000,
    further=10_000,
    existing=1_000_000,
    large_bytes=10**9,
    reader_seconds=15,
    listing_requests=41,
)
QUICK: Final = Sizes(
    representations=("html", "json"),
    hot=Rounds(side_by_side=2, alone=1, seconds=1),
    cold=Rounds(side_by_side=1, alone=1, seconds=1),
    articles=2_000,
    load_rounds=1,
    records=4_000,
    afternoon_records=500,
    further=1_000,
    existing=20_000,
    large_bytes=50 * 10**6,
    reader_seconds=10,
    listing_requests=5,
)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a run of the benchmarks takes place. Servers and clients have a core each."""

    folder: Path
    server_core: int
    client_core: int
    sizes: Sizes

    @property
    def database(self) -> str:
        """The URL of the database with the articles that readers ask Slugline for."""
        return f"sqlite:///{self.folder / 'slugline.db'}"

    @property
    def afternoon_database(self) -> str:
        """The URL of the afternoon version's database with the same articles."""
        return f"sqlite:///{self.folder / 'afternoon.db'}"

    @property
    def feed(self) -> Path:
        """The NDJSON file with the records that the loading claims load."""
        return self.folder / "feed.ndjson"


def log(text: str) -> None:
    """Print what is being measured to standard error, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text} ...", file=sys.stderr, flush=True)
