"""Caches between the site and its readers, simulated after RFC 9111, and what they give to whom.

Readers of every kind ask in any order, time passes and articles are corrected in between. One kind
of cache knows an answer by its URL alone, as the largest networks do, and one heeds `Vary`. They
keep all that they may, ask again as seldom as they may, and are given the real application.
"""

import asyncio
import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count, pairwise, product
from typing import Any, Final, Literal

import brotli
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.database.tables import Article, SlugAlias
from app.representations.article import BY_SUFFIX, FORMATS
from tests.support.accept_headers import CHROME, FIREFOX, NEGOTIATION_TABLE
from tests.support.paths import SEED
from tests.support.site import DEPTH, TOKEN, Clock, Site, one_database

pytestmark = one_database

# --- who asks ----------------------------------------------------------------------------------

SAFARI: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
HTML: Final = "text/html"

# Lines of Accept and the media type that they are to get: the browsers, and everybody.
BROWSERS: Final = [((accept,), HTML) for accept in (CHROME, FIREFOX, SAFARI)]
READERS: Final = [
    *(((accept,) if accept is not None else (), wanted) for accept, wanted in NEGOTIATION_TABLE),
    (("text/html;q=0.1", "text/markdown"), "text/markdown"),
]
# Accept-Encoding, what is taken by it, and what the site should give.
CODINGS: Final = [
    (None, set[str](), None),
    ("gzip, deflate, br, zstd", {"gzip", "br"}, "br"),
    ("gzip, deflate", {"gzip"}, "gzip"),
    ("br;q=0.1, gzip", {"gzip", "br"}, "gzip"),
    ("br;q=0, gzip;q=0", set[str](), None),
    ("identity", set[str](), None),
]
TAKEN: Final = {value or "": taken for value, taken, _ in CODINGS}
AGENTS: Final = ["Mozilla/5.0", "Googlebot/2.1", "GPTBot/1.2", "curl/8.14", "python-requests/2"]
TWINS: Final = {suffix: form.content_type for suffix, form in BY_SUFFIX.items()}
SUFFIXES: Final = {form.media_type: form.suffix for form in FORMATS}
TYPES: Final = {form.media_type: form.content_type for form in FORMATS}
ERROR_TYPES: Final = {
    suffix: "application/problem+json" if "json" in suffix else TWINS[suffix] for suffix in TWINS
}
# What is read most is there most.
PLACES: Final = [
    *[("story", "")] * 16,
    *[("later", "")] * 8,
    *(("story", suffix) for suffix in (*TWINS, *TWINS, ".html", "/", "?utm_source=a")),
    *(("later", suffix) for suffix in (*TWINS, ".html")),
    *((name, suffix) for name in ("never", "gone", "old") for suffix in ("", ".md", ".json", "/")),
]


@dataclass(frozen=True)
class Asked:
    """A request."""

    url: str
    fields: tuple[tuple[str, str], ...] = ()
    method: str = "GET"

    def line(self, name: str) -> str | None:
        """Return the lines of a field as one, or None where there is none."""
        lines = [value for known, value in self.fields if known == name]
        return ", ".join(lines) if lines else None

    def having(self, name: str, value: str | None) -> "Asked":
        """Return the request with one line of a field, or none, in the place of those it has."""
        others = tuple(pair for pair in self.fields if pair[0] != name)
        return replace(self, fields=(*others, *([(name, value)] if value else [])))


@dataclass
class Answered:
    """An answer, with the names of its fields in lower case."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def tag(self) -> str:
        return self.fields.get("etag", "")

    def plain(self) -> bytes:
        """Return the body as it was before it was packed."""
        coding = self.fields.get("content-encoding", "")
        unpacked: bytes = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}[coding](
            self.body
        )
        return unpacked


Answering = Callable[[Asked], Answered]


class Origin:
    """The application, asked directly, so that nobody unpacks or adds anything on the way."""

    def __init__(self, site: Site, runner: asyncio.Runner) -> None:
        self._app: Any = site.client.app
        self._runner = runner

    def __call__(self, asked: Asked) -> Answered:
        return self._runner.run(self._ask(asked))

    async def _ask(self, asked: Asked) -> Answered:
        path, _, query = asked.url.partition("?")
        sent: list[Any] = []
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": asked.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in asked.fields],
            "server": ("testserver", 80),
            "client": ("testclient", 50_000),
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        fields = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        body = b"".join(message["body"] for message in sent[1:])
        return Answered(sent[0]["status"], fields, body)


# --- caches ------------------------------------------------------------------------------------

# RFC 9110 section 15.1: statuses that may be kept where nothing is said of how long.
HEURISTIC: Final = {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}
HEURISTIC_SECONDS: Final = 86_400


@dataclass(eq=False)
class Kept:
    """A stored answer: to what request, and when it was last heard to be true."""

    asked: Asked
    answer: Answered
    at: datetime


@dataclass
class Habits:
    """What RFC 9111 leaves to a cache, and what caches do beside it.

    `targeted`: it heeds CDN-Cache-Control (RFC 9213). `stale`: it gives out what is stale while it
    asks again (RFC 5861). `widening`: it asks with GET where it was asked with HEAD. `joining`: it
    sends the reader's ETags along with its own.
    """

    targeted: bool
    stale: bool
    widening: bool
    joining: bool


PLAIN: Final = Habits(targeted=False, stale=False, widening=False, joining=False)


@dataclass
class Cache:
    """A cache after RFC 9111. What it takes for the same request is for others to say."""

    origin: Answering
    clock: Clock
    habits: Habits
    shared: bool = True
    kept: list[Kept] = field(default_factory=list)

    def matching(self, asked: Asked) -> list[Kept]:
        """Return what is kept and may answer `asked`."""
        raise NotImplementedError

    def validated(self, asked: Asked) -> list[Kept]:
        """Return what is kept whose ETags are sent when the site is asked again."""
        return self.matching(asked)

    def forwarded(self, asked: Asked) -> Asked:
        """Return the request as it is sent to the site."""
        return asked

    def leaving(self, _asked: Asked, answer: Answered) -> Answered:
        """Return the answer as it is given to the reader."""
        return answer

    def __call__(self, asked: Asked) -> Answered:
        """Answer as the site would, from what is kept where that may be."""
        found = max(self.matching(asked), key=lambda kept: kept.at, default=None)
        if found is None:
            return self._fetched(asked)
        age = self.clock() - found.at
        # Section 4.2: "response_is_fresh = (freshness_lifetime > current_age)".
        if age < self._lifetime(found.answer):
            return self._given(asked, found.answer)
        if self.habits.stale and age < self._lifetime(found.answer) + self._grace(found.answer):
            given = self._given(asked, found.answer)
            self._fetched(asked)
            return given
        return self._fetched(asked)

    def _fetched(self, asked: Asked) -> Answered:
        tags = [kept.answer.tag for kept in self.validated(asked) if kept.answer.tag]
        own = asked.line("if-none-match")
        if own and (self.habits.joining or not tags):
            tags.append(own)
        sent = self.forwarded(asked).having("if-none-match", ", ".join(tags))
        if self.habits.widening:
            sent = replace(sent, method="GET")
        answer = self.origin(sent)
        if answer.status == 304:
            return self._confirmed(asked, answer)
        if sent.method == "HEAD":
            self._compared(asked, answer)
        elif self._may_keep(sent, answer):
            self._keep(asked, answer)
        return self._given(asked, answer)

    def _confirmed(self, asked: Asked, answer: Answered) -> Answered:
        # Section 4.3.4: a strong validator says which stored answers are meant.
        same = [kept for kept in self.validated(asked) if kept.answer.tag == answer.tag]
        if not same:
            return answer  # the reader has it, and it is none of ours
        self.kept = [kept for kept in self.kept if kept not in same]
        for kept in same:
            fields = {**kept.answer.fields, **answer.fields}
            fresh = Answered(kept.answer.status, fields, kept.answer.body)
            if self._may_keep(kept.asked, fresh):
                self.kept.append(Kept(kept.asked, fresh, self.clock()))
        if self._may_keep(asked, fresh):
            self._keep(asked, fresh)
        return self._given(asked, fresh)

    def _compared(self, asked: Asked, answer: Answered) -> None:
        # Section 4.3.5: what HEAD tells to be another is stale.
        for kept in self.matching(asked):
            if answer.status == 200 and answer.tag != kept.answer.tag:
                self.kept.remove(kept)

    def _keep(self, asked: Asked, answer: Answered) -> None:
        for kept in self.matching(asked):
            self.kept.remove(kept)
        sent = self.forwarded(asked).having("if-none-match", None)
        self.kept.append(Kept(sent, answer, self.clock()))

    def _given(self, asked: Asked, answer: Answered) -> Answered:
        answer = self.leaving(asked, answer)
        tags = (asked.line("if-none-match") or "").replace("W/", "").split(", ")
        if answer.tag and answer.tag.removeprefix("W/") in tags:
            return Answered(304, answer.fields, b"")
        return replace(answer, body=b"") if asked.method == "HEAD" else answer

    def _directives(self, answer: Answered) -> dict[str, str]:
        targeted = answer.fields.get("cdn-cache-control") if self.habits.targeted else None
        said = targeted or answer.fields.get("cache-control", "")
        pairs = (member.strip().partition("=") for member in said.lower().split(","))
        return {name: value for name, _, value in pairs}

    def _may_keep(self, asked: Asked, answer: Answered) -> bool:
        # Section 3.
        said = self._directives(answer)
        if "no-store" in said or (self.shared and "private" in said):
            return False
        if self.shared and asked.line("authorization") is not None:
            return bool({"public", "s-maxage", "must-revalidate"} & said.keys())
        return answer.status in HEURISTIC or bool({"public", "max-age", "s-maxage"} & said.keys())

    def _lifetime(self, answer: Answered) -> timedelta:
        # Section 4.2.1.
        said = self._directives(answer)
        shared = said.get("s-maxage") if self.shared else None
        return timedelta(seconds=int(shared or said.get("max-age") or HEURISTIC_SECONDS))

    def _grace(self, answer: Answered) -> timedelta:
        return timedelta(seconds=int(self._directives(answer).get("stale-while-revalidate", 0)))


Packing = Literal["keyed", "unpacked", "blind"]


@dataclass
class UrlCache(Cache):
    """A cache for which requests are the same where their URLs are.

    What of Accept-Encoding? Networks that ignore Vary do one of two things. `keyed`: they reduce
    the field to the best coding that they know, ask with it, and make it part of the key.
    `unpacked`: they always ask for a coding, and unpack for readers who do not take it. `blind` is
    a cache that does neither, which breaks every site that packs at all.
    """

    packing: Packing = "keyed"

    def matching(self, asked: Asked) -> list[Kept]:
        sent = self.forwarded(asked)
        return [kept for kept in self.kept if self._key(kept.asked) == self._key(sent)]

    def forwarded(self, asked: Asked) -> Asked:
        if self.packing == "blind":
            return asked
        if self.packing == "unpacked":
            return asked.having("accept-encoding", "gzip")
        taken = TAKEN[asked.line("accept-encoding") or ""]
        best = "br" if "br" in taken else "gzip" if "gzip" in taken else None
        return asked.having("accept-encoding", best)

    def leaving(self, asked: Asked, answer: Answered) -> Answered:
        coding = answer.fields.get("content-encoding")
        if self.packing != "unpacked" or coding in {
            None,
            *TAKEN[asked.line("accept-encoding") or ""],
        }:
            return answer
        others = {name: value for name, value in answer.fields.items() if "content-e" not in name}
        return Answered(answer.status, {**others, "etag": f"W/{answer.tag}"}, answer.plain())

    def _key(self, asked: Asked) -> tuple[str, str | None]:
        return asked.url, asked.line("accept-encoding") if self.packing == "keyed" else None


@dataclass
class VaryCache(Cache):
    """A cache that heeds Vary: the fields that it names must be the same, line for line."""

    def matching(self, asked: Asked) -> list[Kept]:
        # Section 4.1.
        return [
            kept
            for kept in self.validated(asked)
            if all(
                kept.asked.line(name.strip().lower()) == asked.line(name.strip().lower())
                for name in kept.answer.fields.get("vary", "").split(",")
            )
        ]

    def validated(self, asked: Asked) -> list[Kept]:
        # Section 4.3.1: the ETags of all that is kept at the URL, whatever was asked for.
        return [kept for kept in self.kept if kept.asked.url == asked.url]


# --- readers, a cache, and the truth -----------------------------------------------------------

numbers = count()


@dataclass
class World:
    """The site, the same without a memory of its own, and what may be spoiled on the way."""

    site: Site
    ask: Answering
    truth: Answering
    seconds: int


VISITS: Final = st.lists(
    st.tuples(
        st.sampled_from(PLACES),
        st.sampled_from([*READERS, *BROWSERS * 6]),
        st.sampled_from([*CODINGS, *[CODINGS[1]] * 6]),
        st.sampled_from(["GET", "GET", "GET", "HEAD"]),
        st.sampled_from([False, False, False, True]),  # authorised
        st.booleans(),  # with the ETag that it got before
        st.sampled_from(AGENTS),
    ),
    min_size=4,
    max_size=12,
)
HABITS: Final = st.builds(Habits, st.booleans(), st.booleans(), st.booleans(), st.booleans())
STEPS_OF_TIME: Final = st.sampled_from([1, 1, 29, 30, 31, 59, 60, 61, 299, 301, 659, 661, 90_000])


class Readers(RuleBasedStateMachine):
    """Readers who ask through a cache for what an editor corrects.

    `history` has, for each slug, since when which version stands there; 0 is that there is none.
    """

    cache: Cache

    def plain_cache(self) -> Cache:
        """Return a cache without habits."""
        raise NotImplementedError

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.clock = world.site.clock
        number = next(numbers)
        self.slugs = {name: f"{name}-{number}" for name in ("story", "later")}
        self.slugs |= {name: name for name in ("never", "gone", "old")}
        self.history = {name: [(self.clock(), 0)] for name in ("later", "never")}
        self.history["story"] = []
        self.bodies: dict[tuple[str, int, str], bytes] = {}
        self.tags: dict[str, tuple[str, str, int]] = {}
        self.codings: dict[str, str | None] = {}
        self.got: dict[tuple[str, tuple[str, ...], str | None], str] = {}
        self.visits: list[Any] = []
        self.load("story")

    @rule(visits=VISITS)
    def readers_ask(self, visits: list[Any]) -> None:
        self.visits = visits
        for (name, suffix), (accepts, wanted), (coding, *_), method, known, again, agent in visits:
            url = f"/news/{self.slugs[name]}{suffix}"
            fields = [*(("accept", accept) for accept in accepts), ("user-agent", agent)]
            fields += [("accept-encoding", coding)] if coding else []
            fields += [("authorization", f"Bearer {TOKEN}")] if known else []
            reader = url, accepts, coding
            if again and reader in self.got:
                fields.append(("if-none-match", self.got[reader]))
            asked = Asked(url, tuple(fields), method)
            answer = self.cache(asked)
            if answer.tag and method == "GET":
                self.got[reader] = answer.tag
            assert method == "GET" or not answer.body
            self.check(name, suffix, asked, wanted, answer)

    @rule(names=st.lists(st.sampled_from(["story", "later"]), max_size=2), seconds=STEPS_OF_TIME)
    def the_same_readers_come_back(self, names: list[str], seconds: int) -> None:
        for name in names:
            self.load(name)
        self.time_passes(seconds)
        self.readers_ask(self.visits)

    @invariant()
    def nothing_is_kept_of_what_was_given_to_the_authorised(self) -> None:
        # RFC 9111 section 3.5, and C-02.
        assert all(kept.asked.line("authorization") is None for kept in self.cache.kept)

    @rule(seconds=STEPS_OF_TIME)
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)

    @rule(name=st.sampled_from(["story", "later"]))
    def load(self, name: str) -> None:
        """Bring the next version, whose title says which it is."""
        self.clock.move(seconds=1)
        version = 1 + max((version for _, version in self.history[name]), default=0)
        slug = self.slugs[name]
        title = f"Version {version} of {slug}"
        loaded = self.world.site.loaded(story(slug, title, self.clock().isoformat()))
        assert loaded["results"][0]["outcome"] in {"created", "updated"}
        self.history[name].append((self.clock(), version))

    def check(
        self, name: str, suffix: str, asked: Asked, wanted: str | None, answer: Answered
    ) -> None:
        raise NotImplementedError

    def standing(self, name: str, seconds: float) -> set[int]:
        """Return the versions that stood there at any time within so many seconds."""
        since = [*self.history[name], (datetime.max.replace(tzinfo=self.clock().tzinfo), -1)]
        start = self.clock() - timedelta(seconds=seconds)
        return {version for (_, version), (until, _) in pairwise(since) if until > start}

    def window(self, status: int) -> int:
        """Return for how long an answer may be given out after it was true."""
        grace = 600 if self.cache.habits.stale else 0
        fresh = self.world.seconds if self.cache.shared else 60
        return {200: fresh + grace, 404: 30}.get(status, 86_400)

    def check_article(self, name: str, media_type: str, asked: Asked, answer: Answered) -> None:
        """Hold a 200 or 304 against the versions that it may be: type, bytes and ETag."""
        may = self.standing(name, self.window(200)) - {0}
        tag = answer.tag.removeprefix("W/")
        if tag in self.tags or answer.status == 304:
            known_name, known_type, version = self.tags[tag]
            assert (known_name, known_type) == (name, media_type)
            assert version in may
        if answer.status == 304:
            assert not answer.body
            return
        assert answer.fields["content-type"] == TYPES[media_type]
        if asked.method == "GET":
            title = re.search(rf"Version (\d+) of {self.slugs[name]}\b".encode(), answer.plain())
            assert title is not None
            version = int(title[1])
            assert version in may
            assert answer.plain() == self.true_body(name, version, media_type, answer)
            self.tags[tag] = name, media_type, version
            # E-02: an ETag is that of one coding alone. One that a cache made weak may be of more.
            if tag == answer.tag:
                coding = answer.fields.get("content-encoding")
                assert self.codings.setdefault(tag, coding) == coding

    def true_body(self, name: str, version: int, media_type: str, given: Answered) -> bytes:
        """Return what the site says without a memory, or where that is newer, what was first."""
        if (name, version, media_type) not in self.bodies:
            path = f"/news/{self.slugs[name]}{SUFFIXES[media_type]}"
            body = self.world.truth(Asked(path)).body
            current = version in self.standing(name, 0)
            self.bodies[name, version, media_type] = body if current else given.plain()
        return self.bodies[name, version, media_type]

    def check_moved(self, name: str, suffix: str, answer: Answered) -> None:
        """Hold a redirect against the address that it leads to."""
        path = f"/news/{'target' if name == 'old' else self.slugs[name]}"
        assert answer.fields["location"] == path + suffix * (suffix in TWINS)
        assert not answer.body

    def check_status(self, name: str, suffix: str, wanted: str | None, answer: Answered) -> None:
        """Hold a status against those that there may be."""
        status = answer.status
        if name in {"never", "gone", "old"}:
            assert status == {"never": 404, "gone": 410, "old": 308}[name]
        elif status == 404:
            assert 0 in self.standing(name, self.window(404))
        elif status == 406:
            assert wanted is None
            assert suffix not in TWINS
            assert 0 not in self.standing(name, 0)
        elif suffix in {".html", "/"}:
            assert status == 308
        else:
            assert status in {200, 304}


class ReadersBehindUrls(Readers):
    """Readers behind a cache that knows an answer by its URL."""

    def plain_cache(self) -> Cache:
        return UrlCache(self.world.ask, self.clock, PLAIN, packing="keyed")

    @initialize(habits=HABITS, packing=st.sampled_from(["keyed", "unpacked"]))
    def choose(self, habits: Habits, packing: Packing) -> None:
        self.cache = UrlCache(self.world.ask, self.clock, habits, packing=packing)

    def check(
        self, name: str, suffix: str, asked: Asked, wanted: str | None, answer: Answered
    ) -> None:
        self.check_status(name, suffix, wanted, answer)
        browsing = asked.line("accept") in {CHROME, FIREFOX, SAFARI}
        given = answer.fields.get("content-type", "").partition(";")[0]
        if answer.status == 308:
            self.check_moved(name, suffix, answer)
        elif answer.status in {200, 304}:
            fixed = TWINS.get(suffix, "").partition(";")[0]
            # Who asks for another form than the page may get the page, and nothing else.
            own = fixed or (HTML if browsing else wanted or HTML)
            given = given or self.tags[answer.tag.removeprefix("W/")][1]
            assert given in ({own} if fixed or browsing else {own, HTML})
            self.check_article(name, given, asked, answer)
        elif suffix in TWINS:
            assert answer.fields["content-type"] == ERROR_TYPES[suffix]
        elif browsing:
            assert given == HTML
        self.check_coding(asked, answer)

    def check_coding(self, asked: Asked, answer: Answered) -> None:
        """Hold a coding against what the reader takes."""
        coding = answer.fields.get("content-encoding")
        assert coding in {None, *TAKEN[asked.line("accept-encoding") or ""]}


class ReadersBehindAMixUp(ReadersBehindUrls):
    """Readers behind a cache that gives what is packed for one to another who cannot unpack it."""

    @initialize(habits=HABITS)
    def choose(self, habits: Habits) -> None:
        self.cache = UrlCache(self.world.ask, self.clock, habits, packing="blind")

    def check_coding(self, asked: Asked, answer: Answered) -> None:
        """Say nothing: what is packed says how, and that is all that there can be said."""


class ReadersBehindVary(Readers):
    """Readers behind a cache that heeds Vary: they must get what the site itself would give."""

    def plain_cache(self) -> Cache:
        return VaryCache(self.world.ask, self.clock, PLAIN, shared=True)

    @initialize(habits=HABITS, shared=st.booleans())
    def choose(self, habits: Habits, shared: bool) -> None:  # noqa: FBT001 - it is drawn
        self.cache = VaryCache(self.world.ask, self.clock, habits, shared=shared)

    def check(
        self, name: str, suffix: str, asked: Asked, wanted: str | None, answer: Answered
    ) -> None:
        self.check_status(name, suffix, wanted, answer)
        if answer.status in {200, 304}:
            own = TWINS.get(suffix, "").partition(";")[0] or wanted
            assert own is not None
            self.check_article(name, own, asked, answer)
            coding = {value: best for value, _, best in CODINGS}[asked.line("accept-encoding")]
            given = answer.fields.get("content-encoding")
            assert coding == (self.codings[answer.tag] if answer.status == 304 else given)
            return
        # Of what is not there, the site says the same as of what never was.
        slug = self.slugs[name]
        never = "never" if answer.status == 404 else slug
        plain = replace(asked, url=asked.url.replace(slug, never)).having("if-none-match", None)
        true = self.world.truth(plain)
        assert answer.status == true.status
        assert answer.body == true.body.replace(never.encode(), slug.encode())
        for field_name in "content-type", "vary", "location", "link", "content-encoding":
            assert answer.fields.get(field_name) == true.fields.get(field_name)


# --- the tests ---------------------------------------------------------------------------------

THOROUGH: Final = settings(
    max_examples=3 * DEPTH,
    stateful_step_count=16,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes
    suppress_health_check=list(HealthCheck),
)


def story(slug: str, title: str, updated: str) -> str:
    feed = json.loads(SEED.read_text()) | {"slug": slug, "title": title, "updated_at": updated}
    feed |= {"canonical_source": None, "body_md": f"# {title}\n\n" + "Much of the same. " * 40}
    feed |= {"topics": ["one"], "entities": []}
    return json.dumps(feed)


@pytest.fixture
def open_world(open_site: Callable[..., Site]) -> Iterator[Callable[..., World]]:
    """A function that opens the site with some settings, and spoils its answers with `spoil`."""
    with asyncio.Runner() as runner:

        def open_(spoil: Callable[[Answered], None] | None = None, **changed: Any) -> World:
            site = open_site(**changed)
            site.loaded(story("target", "A target", "2026-06-30T00:00:00Z"))
            site.loaded(story("gone", "Withdrawn", "2026-06-30T00:00:00Z"))
            with site.database.writing() as session:
                session.add(SlugAlias(slug="old", article_id=1))
                session.get_one(Article, 2).withdrawn_at = site.clock()
            origin = Origin(site, runner)

            def spoiled(asked: Asked) -> Answered:
                answer = origin(asked)
                if spoil:
                    spoil(answer)
                return answer

            truth = Origin(open_site(**changed, ready_bytes=0), runner)
            return World(site, spoiled, truth, changed.get("shared_max_age", 60))

        yield open_


def prove(world: World, readers: type[Readers]) -> None:
    # What is called a class there is only ever called.
    made: Any = partial(readers, world)
    run_state_machine_as_test(made, settings=THOROUGH)


def walk(world: World, readers: type[Readers]) -> None:
    """Let one reader after the other ask, in every order of two, before and after a correction."""
    places = [("story", ""), ("story", ".md"), ("later", "")]
    wanted = [HTML, "text/markdown", None]  # None is what there is not: a 406
    few = [next(each for each in READERS if each[1] == one) for one in wanted]
    few[0] = BROWSERS[0]
    for known, again in (False, False), (False, True), (True, False):
        asking = [
            (place, reader, coding, "GET", known, again, AGENTS[0])
            for place, reader, coding in product(places, few, CODINGS[:3])
        ]
        for visits in asking, asking[::-1]:
            machine = readers(world)
            machine.cache = machine.plain_cache()
            machine.readers_ask(visits)
            machine.nothing_is_kept_of_what_was_given_to_the_authorised()
            for seconds in 61, 301:
                machine.the_same_readers_come_back(["story", "later"], seconds)


@pytest.mark.parametrize("changed", [{}, {"shared_max_age": 300}], ids=str)
def test_c01_c02_and_c04_a_cache_that_ignores_vary_serves_browsers_fresh_pages_only(
    open_world: Callable[..., World], changed: dict[str, Any]
) -> None:
    prove(open_world(**changed), ReadersBehindUrls)


def test_c04_a_cache_that_ignores_codings_serves_pages_with_their_content_encoding(
    open_world: Callable[..., World],
) -> None:
    prove(open_world(), ReadersBehindAMixUp)


@pytest.mark.parametrize("negotiation_cache", ["safe", "vary"])
def test_c02_c04_and_e02_a_cache_that_honours_vary_serves_the_right_representation(
    open_world: Callable[..., World], negotiation_cache: str
) -> None:
    prove(open_world(negotiation_cache=negotiation_cache), ReadersBehindVary)


# --- the tests can fail ------------------------------------------------------------------------


def everything_is_public(answer: Answered) -> None:
    answer.fields.pop("cdn-cache-control", None)
    said = answer.fields["cache-control"]
    answer.fields["cache-control"] = said.replace("private, max", "public, max")


def everything_lasts(answer: Answered) -> None:
    said = answer.fields["cache-control"]
    answer.fields["cache-control"] = said.replace("max-age=60", "max-age=100000")


def nothing_varies(answer: Answered) -> None:
    answer.fields["vary"] = "User-Agent"


def only_accept_varies(answer: Answered) -> None:
    answer.fields["vary"] = answer.fields["vary"].replace("Accept-Encoding", "User-Agent")


def one_tag_serves_all(answer: Answered) -> None:
    if answer.tag:
        answer.fields["etag"] = '"one"'


def all_may_be_kept(answer: Answered) -> None:
    said = answer.fields["cache-control"]
    answer.fields["cache-control"] = said.replace("private, no-store", "public, max-age=60")


@pytest.mark.parametrize(
    ("readers", "changed"),
    [
        (ReadersBehindUrls, {}),
        (ReadersBehindVary, {}),
        (ReadersBehindVary, {"negotiation_cache": "vary"}),
    ],
)
def test_the_simulation_reports_nothing_for_a_correct_site(
    open_world: Callable[..., World], readers: type[Readers], changed: dict[str, Any]
) -> None:
    walk(open_world(**changed), readers)


@pytest.mark.parametrize(
    ("spoil", "readers", "changed"),
    [
        (everything_is_public, ReadersBehindUrls, {}),
        (everything_lasts, ReadersBehindUrls, {}),
        (one_tag_serves_all, ReadersBehindUrls, {}),
        (all_may_be_kept, ReadersBehindUrls, {}),
        (nothing_varies, ReadersBehindVary, {"negotiation_cache": "vary"}),
        (only_accept_varies, ReadersBehindVary, {}),
        (one_tag_serves_all, ReadersBehindVary, {"negotiation_cache": "vary"}),
        (everything_lasts, ReadersBehindVary, {}),
    ],
)
def test_the_simulation_detects_a_broken_site(
    open_world: Callable[..., World],
    spoil: Callable[[Answered], None],
    readers: type[Readers],
    changed: dict[str, Any],
) -> None:
    with pytest.raises(AssertionError):
        walk(open_world(spoil, **changed), readers)


def test_the_vary_setting_is_unsafe_behind_caches_that_ignore_vary(
    open_world: Callable[..., World],
) -> None:
    with pytest.raises(AssertionError):
        walk(open_world(negotiation_cache="vary"), ReadersBehindUrls)
