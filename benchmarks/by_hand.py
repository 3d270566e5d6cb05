"""What the two loaders written by hand have in common: a feed's records, a batch at a time.

They are written as a competent engineer would in an afternoon, with what the driver has for many
rows at once. They trust the feed: nothing is validated, and nothing is flagged. What of a text is
searched, Slugline's own functions say, for it is what the rows have to hold.
"""

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from app.ingest.batching import BATCH_RECORDS
from app.search.analyzer import index_text
from app.search.highlighter import plain_text

BATCH: Final = BATCH_RECORDS
"""Records in a transaction: as many as Slugline commits at once."""

SEARCHED: Final = ("words_title", "words_summary", "words_body")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What a loader says of its work: how much, how long, and how much of that on a processor."""

    records: int
    seconds: float
    cpu: float


def batches(feed: Path) -> Iterator[list[Row]]:
    """Yield the records of an NDJSON file, each with its key and its digest."""
    with feed.open("rb") as lines:
        while some := list(islice(lines, BATCH)):
            yield [_row(line) for line in some]


def _row(line: bytes) -> Row:
    row: Row = json.loads(line)
    row["canonical_key"] = _key(row["canonical_source"]) if row["canonical_source"] else None
    row["claims"] = json.dumps({"url": row["url"], "alternates": row["alternates"]})
    row["digest"] = hashlib.sha256(line).hexdigest()
    source = row["canonical_source"]
    row["source_host"] = urlsplit(source).hostname if source else None
    language = row["lang"]
    row["words_title"] = index_text(row["title"], language)
    row["words_summary"] = index_text(row["summary"], language)
    row["words_body"] = index_text(plain_text(row["body_md"]), language)
    return row


def slug_of(name: str) -> str:
    """Return a slug for the name of an entity; the feed has no two that come to the same."""
    return "-".join(re.findall("[a-z0-9]+", name.lower()))


def terms(rows: list[Row]) -> Counter[tuple[str, str, str]]:
    """Count what the rows are listed under: the facet, the value, and how that is written."""
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        found["all", "", ""] += 1
        found["lang", row["lang"], row["lang"]] += 1
        month = row["published_at"][:7]
        found["month", month, month] += 1
        if row["source_host"]:
            found["source", row["source_host"], row["source_host"]] += 1
        found.update(("topic", topic, topic) for topic in row["topics"])
        found.update(("entity", slug_of(name), name) for name in row["entities"])
    return found


def _key(url: str) -> str:
    """Return `url` without its tracking parameters."""
    address, _, query = url.partition("?")
    kept = sorted(pair for pair in query.split("&") if pair and not pair.startswith("utm_"))
    return address.rstrip("/") + ("?" + "&".join(kept) if kept else "")


def tell(load: Callable[[], int]) -> None:
    """Time `load`, which returns the number of records, and write a `Told` as JSON."""
    began, worked = time.perf_counter(), time.process_time()
    records = load()
    told = Told(records, time.perf_counter() - began, time.process_time() - worked)
    print(json.dumps(asdict(told)))
