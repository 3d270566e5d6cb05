"""Whatever somebody sends as a query (L-01, L-03): it is answered or refused, and nothing fails.

With SLUGLINE_TEST_DEPTH=100 it is 100,000 queries for each kind of database. That needs
`-o faulthandler_timeout=0`, or it is taken for hanging.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, Final
from urllib.parse import quote, urlsplit

from app.http.query_params import openapi_parameters
from app.search.listing_params import NewsParams
from app.search.listing_query import FIELDS, INCLUDABLE, SEARCH_SORTS, SORTS
from tests.support.feed_records import ndjson, numbered_record, record
from tests.support.site import DEPTH, Site

PARAMETERS = tuple(each["name"] for each in openapi_parameters(NewsParams))
AT_ONCE: Final = 100
QUERIES: Final = 1_000 * DEPTH

LISTINGS: Final = (
    *["/news.json"] * 8,
    "/news", "/news.md", "/news.rss", "/news.atom", "/news.feed.json", "/news.ndjson",
    "/topics/tech.json", "/topics/tech.ndjson", "/entities/at-t.json",
)  # fmt: skip
ASKED: Final = (
    *[(LISTINGS, (*PARAMETERS, *["q"] * 6))] * 8,
    (("/topics.json", "/entities.json"), ("prefix", "prefix", "prefix", "sort", "limit", "after")),
    (("/changes.json", "/changes.ndjson"), ("since", "limit", "include")),
)
"""Where queries go, and the parameters that are known there: some of both more often."""

SIGNS: Final = "ab1 *\"-:()[]{}^+~'\\/|!<>&%_=.,;?#$@\0\t\n\r\x1f\x7f"
# What is one letter and becomes several or none, or none that it was, and what has no width.
LETTERS: Final = "ЖéßİıſKÅﬁﷺ\u0301\u0345京塔한ｶﾞ٣²Ⅷ\u00ad\u200b\u200d\u202e\u2028\ufeff\ufffe😀🇩🇪𝐀"
NEVER: Final = "\0\ud800\udfff"
"""What stands in no text that can be kept."""

WORDS: Final = (
    "election", "elections", '"a headline"', "headline*", "text", "-text", "*", "-", '"', "AND",
    "OR", "NOT", "NEAR(a b, 2)", "title:x", "{title}:", "a:*", "a <-> b", "!a", "京塔*", "-京",
    '"东京塔"', "at&t", "'", "''", "\\", "$1", ":q", "%s", "{}", "x" * 299, "é" * 150, "ﷺ" * 20,
    "\u0301", "1.5e3", "a'b", "a_b", '""', '"*"', "--a", '-"a b"', "a" * 64 + "*",
)  # fmt: skip
NUMBERS: Final = (
    "0", "1", "7", "100", "101", "-1", "9223372036854775807", "9223372036854775808", "1e3", "٣",
    "²", "0x1", "007", " 5", "+5", "1_0", "latest",
)  # fmt: skip
INSTANTS: Final = (
    "0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-12:00",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-06-29T12:00:00Z", "2026-06-29",
    "2016-12-31T23:59:60Z", "2026-W01-1", "20260101", "2026-1-1 1", "2026-02-30", "٢٠٢٦-٠١-٠١",
    "2026-06-29T12:00:00.1234567891+00:00", "2026-06-29T12:00:00+23:59",
)  # fmt: skip
LANGUAGES: Final = "en", "de", "EN", "de-CH-1996", "x-own", "zh-Hant-TW", "i-klingon", "e", "日"
HOSTS: Final = "x.example", "Y.example", "xn--e1afmkfd.xn--p1ai", "пример.рф", "[::1]", "h" * 255
SLUGS: Final = "tech", "china", "all", "at-t", "a000", "a001", "gone", "there", "a" * 200, ".", ""
ORDERS: Final = (*SORTS, *SEARCH_SORTS, "-articles", "up")
STRANGE: Final = "", "Q", "topic.any", "é", "q", "since", "prefix"
ALLOWED: Final[dict[str, tuple[str, ...]]] = {
    "sort": ORDERS,
    **dict.fromkeys(["limit", "since"], NUMBERS),
    **dict.fromkeys(["published_from", "published_to", "updated_from", "updated_to"], INSTANTS),
    **dict.fromkeys(["lang", "lang.not"], LANGUAGES),
    **dict.fromkeys(["source", "source.not"], HOSTS),
}


class Senders:
    """Those who send whatever comes to their minds, some of it nearly right."""

    def __init__(self, random: Random, pages: list[tuple[str, str]]) -> None:
        self.random = random
        self.pages = pages
        """Real pages: their paths, and queries that end with a cursor."""

    def target(self) -> tuple[str, bytes]:
        """Return a path and a query."""
        if self.random.randrange(10) == 0:
            return self._next_page()
        paths, names = self.random.choice(ASKED)
        number = self.random.choice([1, 1, 1, 2, 2, 3, 5])
        query = b"&".join(self._parameter(names) for _ in range(number))
        return self.random.choice(paths), query

    def _next_page(self) -> tuple[str, bytes]:
        path, query = self.random.choice(self.pages)
        kind = self.random.randrange(4)
        if kind == 0:
            at = self.random.randrange(len(query))
            query = query[:at] + self.random.choice("Ab0-_=%&*") + query[at + 1 :]
        elif kind == 1:
            query = query[: -self.random.randrange(1, 30)]
        added = b"&" + self._parameter(PARAMETERS) if self.random.randrange(2) else b""
        return path, query.encode() + added

    def _parameter(self, names: Sequence[str]) -> bytes:
        name = self.random.choice(names if self.random.randrange(30) else STRANGE)
        value = self._value(name)
        if self.random.randrange(20) == 0:
            value *= self.random.choice([2, 20, 400])
        # Now and then as it is, so that it is something else, or no text at all.
        quoted = value if self.random.randrange(12) == 0 else quote(value).encode()
        return quote(name).encode() + b"=" + quoted

    def _value(self, name: str) -> bytes:
        kind = self.random.randrange(12)
        if kind == 0:
            return self.random.randbytes(self.random.randrange(12))
        if kind == 1:
            text = self._text()
        elif name in {"q", "prefix"}:
            text = self._search()
        elif name in {"fields", "include"}:
            known = FIELDS if name == "fields" else (*INCLUDABLE, "record")
            text = ",".join(self.random.choices(known, k=self.random.randrange(4)))
        else:
            text = self.random.choice(ALLOWED.get(name, SLUGS))
        if kind in {2, 3} and text:
            at = self.random.randrange(len(text))
            text = text[:at] + self.random.choice([*NEVER, self._sign()]) + text[at + 1 :]
        return text.encode("utf-8", "surrogatepass")

    def _search(self) -> str:
        kind = self.random.randrange(3)
        if kind == 0:
            return self._text()
        words = self.random.choices(WORDS, k=self.random.randrange(1, 5))
        if kind == 1:
            words.insert(self.random.randrange(len(words)), self._text())
        return self.random.choice([" ", " ", "", "\u3000"]).join(words)

    def _text(self) -> str:
        return "".join(self._sign() for _ in range(self.random.choice([0, 1, 2, 4, 8, 16, 40])))

    def _sign(self) -> str:
        kind = self.random.randrange(8)
        if kind == 0:
            return chr(self.random.randrange(sys.maxunicode + 1))
        if kind == 1:
            return chr(self.random.randrange(0x3000))
        if kind == 2:
            return self.random.choice(NEVER)
        return self.random.choice(LETTERS if kind < 4 else SIGNS)


def pages(site: Site) -> list[tuple[str, str]]:
    """Return pages that some listings lead to, forth and back."""
    found = []
    for path, query in (
        ("/news.json", "limit=5"),
        ("/news.json", "limit=5&q=text"),
        ("/news.json", "limit=5&q=text&sort=published_at"),
        ("/news.json", "limit=5&topic=tech&topic=china&lang.not=de&sort=-updated_at"),
        ("/topics/all.json", "limit=2&published_from=2026-01-01"),
        ("/news.ndjson", "sort=published_at"),
    ):
        url = f"{path.replace('ndjson', 'json')}?{query}"
        for _ in range(2):
            page: dict[str, Any] = site.client.get(url).json()
            url = page["next"]
            found += [(path, urlsplit(page[each]).query) for each in ("next", "prev") if page[each]]
    return found


def test_l03_any_query_gets_200_or_400(site: Site) -> None:
    """L-01, L-03: at every listing, and at the feed of changes."""
    chinese = record(
        "there", title="东京塔的新闻", lang="zh", canonical_source="https://пример.рф/"
    )
    site.loaded(ndjson(*map(numbered_record, range(40)), record("gone"), chinese))
    site.client.delete("/admin/articles/gone", headers=site.authorized)
    senders = Senders(Random(), pages(site))  # noqa: S311 - what fails is told as it was sent
    told: Counter[int] = Counter()
    for _ in range(QUERIES // AT_ONCE):
        targets = [senders.target() for _ in range(AT_ONCE)]
        statuses = site.client.statuses(targets)
        told.update(statuses)
        # 409 is for a number that is of another database.
        sound = {200, 400, 409}
        wrong = [each for each in zip(targets, statuses, strict=True) if each[1] not in sound]
        assert wrong == []
    # Neither is rare, or it would not be any query.
    assert min(told[200], told[400]) > QUERIES // 5
