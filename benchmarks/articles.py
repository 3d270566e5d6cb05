"""The articles that readers ask for: in both databases, and as walks over their addresses."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from benchmarks import servers, synthetic
from benchmarks.bench import ROOT, Bench
from benchmarks.client import post
from benchmarks.loads import AUTHORIZED
from benchmarks.synthetic import Record

AFTERNOON_BATCH = 2_000
"""Records in a request to the afternoon version, which keeps all of one in memory."""


@dataclass(frozen=True, slots=True)
class Article:
    """An article that is requested."""

    slug: str
    title: str
    published_at: datetime

    @property
    def path(self) -> str:
        """The path of the article."""
        return f"/news/{self.slug}"

    @property
    def listing(self) -> str:
        """The path of the listing that begins with it, or with another of the same second."""
        return f"/news?published_to={self.published_at + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"


def article(record: Record) -> Article:
    """Return the article of a record."""
    published_at = datetime.fromisoformat(record["published_at"]).astimezone(UTC)
    return Article(record["slug"], record["title"], published_at)


def seed() -> Record:
    """Return the real record, which the hot claims ask for."""
    record: Record = json.loads(min((ROOT / "seeds").glob("*.txt")).read_bytes())
    return record


def prepare(bench: Bench) -> None:
    """Load the real record and the synthetic ones into both databases, and write the walks."""
    other_core = replace(bench, server_core=bench.client_core)
    with ThreadPoolExecutor() as pool:
        ours, theirs = pool.submit(_load_slugline, bench), pool.submit(_load_afternoon, other_core)
        ours.result()
        theirs.result()
    articles = [article(record) for record in synthetic.records(bench.sizes.articles)]
    for name in "path", "listing":
        paths = synthetic.shuffled(getattr(each, name) for each in articles)
        (bench.folder / f"{name}s").write_text("".join(f"{path}\n" for path in paths))


def _load_slugline(bench: Bench) -> None:
    records = [seed(), *synthetic.records(bench.sizes.articles)]
    with servers.slugline(bench) as server:
        post(server.port, "/admin/loads", map(synthetic.line, records), AUTHORIZED)


def _load_afternoon(bench: Bench) -> None:
    records = iter([seed(), *synthetic.records(bench.sizes.articles)])
    with servers.afternoon(bench) as server:
        while batch := list(islice(records, AFTERNOON_BATCH)):
            body = b"".join(map(synthetic.line, batch))
            headers = {"Content-Length": str(len(body)), "Content-Type": "application/x-ndjson"}
            post(server.port, "/load", [body], headers)
