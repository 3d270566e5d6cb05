"""The requests that are measured: for each its name, its section in the report, and who answers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks import machine, synthetic
from benchmarks.exchange import Ask

LIMIT: Final = "bare limit"
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


def seed() -> Article:
    """Return the real record, which the hot cases ask for."""
    return _article(min((machine.ROOT / "seeds").glob("*.txt")).read_bytes())


def synthetic_one() -> Article:
    """Return the first synthetic record, which is looked at before the cold walks."""
    return _article(next(synthetic.lines(1)))


def _article(feed: bytes) -> Article:
    record = json.loads(feed)
    return Article(feed, record["slug"], record["title"])


def hot(slug: str) -> Iterator[Case]:
    """Yield the requests for one article, again and again."""
    path = f"/news/{slug}"
    for name, (media_type, _) in REPRESENTATIONS.items():
        ask = Ask(path, {"Accept": media_type})
        yield Case(f"hot-{name}", "hot", ask, (LIMIT, SLUGLINE, CONSTANT, AFTERNOON, NGINX))
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


def cold(slug: str) -> Iterator[Case]:
    """Yield the requests that walk over many articles, beginning with the one at `slug`."""
    for name in "html", "json":
        ask = Ask(f"/news/{slug}", {"Accept": REPRESENTATIONS[name][0]})
        yield Case(f"cold-{name}", "cold", ask, (LIMIT, SLUGLINE, AFTERNOON))
