"""The requests that are measured: for each its name, its section in the report, and who answers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks import machine, synthetic
from benchmarks.exchange import Ask

LIMIT: Final = "bare limit"
LIMIT_AGAIN: Final = "bare limit, again"
SLUGLINE: Final = "Slugline"
CONSTANT: Final = "FastAPI constant"
AFTERNOON: Final = "afternoon version"
NGINX: Final = "nginx"
SLUGLINE_200: Final = "Slugline, 200"

REPRESENTATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "html": ("text/html", ""),
    "markdown": ("text/markdown", ".md"),
    "text": ("text/plain", ".txt"),
    "json": ("application/json", ".json"),
    "jsonld": ("application/ld+json", ".jsonld"),
}
"""The media type and the suffix of each representation, as the README promises them."""

CODINGS: Final = ("gzip", "br", "zstd")


@dataclass(frozen=True, slots=True)
class Case:
    """One request. `status` and `coding` are what the answer must have to count as measured."""

    name: str
    section: str
    ask: Ask
    contenders: tuple[str, ...]
    status: int = 200
    coding: str | None = None

    @property
    def plain(self) -> Ask:
        """The request without codings."""
        headers = {n: v for n, v in self.ask.headers.items() if n != "Accept-Encoding"}
        return Ask(self.ask.path, headers)

    def conditional(self, entity_tag: str | None) -> Ask:
        """Return the request, and where it is about 304, say that the client has `entity_tag`."""
        if self.status != 304 or entity_tag is None:
            return self.ask
        return Ask(self.ask.path, {**self.ask.headers, "If-None-Match": entity_tag})


@dataclass(frozen=True, slots=True)
class Article:
    """An article that is asked for. `feed` is the record as it came."""

    feed: bytes
    slug: str
    title: str
    published_at: datetime

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/news/{self.slug}"

    @property
    def listing(self) -> str:
        """Where the page is that begins with it, or with one of the same second."""
        after = self.published_at + timedelta(seconds=1)
        return f"/news?published_to={after:%Y-%m-%dT%H:%M:%SZ}"


def seed() -> Article:
    """Return the real record, which the hot cases ask for."""
    return article(min((machine.ROOT / "seeds").glob("*.txt")).read_bytes())


def synthetic_one() -> Article:
    """Return the first synthetic record, which is looked at before the cold walks."""
    return article(next(synthetic.lines(1)))


def article(feed: bytes) -> Article:
    """Return the article that a record is about."""
    record = json.loads(feed)
    published_at = datetime.fromisoformat(record["published_at"]).astimezone(UTC)
    return Article(feed, record["slug"], record["title"], published_at)


def hot(path: str) -> Iterator[Case]:
    """Yield the requests for the article at `path` and for the listing, again and again."""
    for name, (media_type, _) in REPRESENTATIONS.items():
        ask = Ask(path, {"Accept": media_type})
        again = (LIMIT_AGAIN,) if name == "html" else ()
        contenders = (LIMIT, *again, SLUGLINE, CONSTANT, AFTERNOON, NGINX)
        yield Case(f"hot-{name}", "hot", ask, contenders)
    for name, (_, suffix) in REPRESENTATIONS.items():
        if suffix:  # the page is at the bare URL alone
            yield Case(f"twin-{name}", "twin", Ask(path + suffix), (LIMIT, SLUGLINE))
    for coding in CODINGS:
        for name, (media_type, _) in REPRESENTATIONS.items():
            ask = Ask(path, {"Accept": media_type, "Accept-Encoding": coding})
            yield Case(f"{coding}-{name}", "coded", ask, (LIMIT, SLUGLINE), coding=coding)
    for name in "html", "json":
        ask = Ask(path, {"Accept": REPRESENTATIONS[name][0]})
        contenders = (LIMIT, SLUGLINE, SLUGLINE_200)
        yield Case(f"304-{name}", "unmodified", ask, contenders, status=304)

    for name in "html", "json":
        ask = Ask("/news", {"Accept": REPRESENTATIONS[name][0]})
        yield Case(f"listing-{name}", "listing", ask, (LIMIT, SLUGLINE, AFTERNOON))


def cold(article: Article) -> Iterator[Case]:
    """Yield the requests that walk over many addresses, beginning with those of `article`."""
    for section, path in ("cold", article.path), ("listing-cold", article.listing):
        for name in "html", "json":
            ask = Ask(path, {"Accept": REPRESENTATIONS[name][0]})
            yield Case(f"{section}-{name}", section, ask, (LIMIT, SLUGLINE, AFTERNOON))
