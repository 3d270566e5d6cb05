"""What the two loaders written by hand share: the records of a feed, a batch at a time.

A competent engineer writes them in an afternoon, with what the driver offers for many rows at once.
They trust the feed: nothing is validated or flagged. The indexed words come from Slugline's own
functions, because the rows have to be the same.
"""

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.ingest.batching import BATCH_RECORDS
from app.search.analyzer import index_text
from app.search.highlighter import plain_text

INDEXED = ("words_title", "words_summary", "words_body")
Row = dict[str, Any]


def batches(feed: Path) -> Iterator[list[Row]]:
    """Yield the records of an NDJSON file in batches of the size that Slugline commits."""
    with feed.open("rb") as lines:
        while batch := list(islice(lines, BATCH_RECORDS)):
            yield [_row(line) for line in batch]


def _row(line: bytes) -> Row:
    row: Row = json.loads(line)
    source, language = row["canonical_source"], row["lang"]
    row["canonical_key"] = _without_tracking(source) if source else None
    row["claims"] = json.dumps({"url": row["url"], "alternates": row["alternates"]})
    row["digest"] = hashlib.sha256(line).hexdigest()
    row["source_host"] = urlsplit(source).hostname if source else None
    row["words_title"] = index_text(row["title"], language)
    row["words_summary"] = index_text(row["summary"], language)
    row["words_body"] = index_text(plain_text(row["body_md"]), language)
    return row


def _without_tracking(url: str) -> str:
    address, _, query = url.partition("?")
    kept = sorted(pair for pair in query.split("&") if pair and not pair.startswith("utm_"))
    return address.rstrip("/") + ("?" + "&".join(kept) if kept else "")


def slug_of(name: str) -> str:
    """Return a slug for the name of an entity."""
    return "-".join(re.findall("[a-z0-9]+", name.lower()))


def facet_counts(rows: list[Row]) -> Counter[tuple[str, str, str]]:
    """Count the articles of each facet, value and label."""
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        month, host = row["published_at"][:7], row["source_host"]
        found.update([("all", "", ""), ("lang", *[row["lang"]] * 2), ("month", month, month)])
        if host:
            found["source", host, host] += 1
        found.update(("topic", topic, topic) for topic in row["topics"])
        found.update(("entity", slug_of(name), name) for name in row["entities"])
    return found


def report(load: Callable[[], int]) -> None:
    """Time `load`, which returns a number of records, and print the figures as JSON."""
    began, cpu = time.perf_counter(), time.process_time()
    records = load()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"records": records, "seconds": seconds, "cpu": cpu}))
