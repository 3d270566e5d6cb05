"""Paging while others write (L-01): what is there throughout is seen, and is seen once."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from app.article.timestamps import format_instant
from tests.support.feed_records import ndjson, record
from tests.support.processes import environment, serving
from tests.support.site import DEPTH, SEED_SITE, TOKEN

BEGUN = datetime(2020, 1, 1, tzinfo=UTC)
THERE = 120
"""How many articles are there throughout. Two each have one instant, and others come between."""

LIMIT = 7
WALKS = DEPTH
FIELDS = "fields=slug,canonical_source"
PATIENCE_SECONDS = 60
"""How many walks are waited for a writer that is slow."""

KINDS = "inserted", "updated", "moved", "deleted"

ORDERS = {
    # In these, only what withdraws an article or dates it anew moves it, and nobody does that to
    # those that stay. So each of them is seen once, and nothing is seen twice.
    "": True,
    "&sort=published_at": True,
    "&topic=all": True,
    "&q=text&sort=-published_at": True,
    # The word is in the text alone, and stays there: one that came to a title would go to the top.
    "&q=text": True,
    # In these, an update moves an article: from what is yet to be seen to what has been seen, or
    # the other way. So they can promise nothing for those that are updated, and all for the others.
    "&sort=-updated_at": False,
    "&sort=updated_at": False,
}
"""How somebody may page, and whether what is updated meanwhile is seen once, too."""


class Seen(NamedTuple):
    """An article on a page: which it is, and where it was then."""

    number: int
    slug: str


def article(number: int, place: int, edition: int = 0) -> dict[str, Any]:
    """Return the record of the article with this number, the `place`-th oldest by its date."""
    return record(
        f"a{number}",
        canonical_source=f"https://e.com/{number}",
        title=f"Edition {edition}",
        published_at=format_instant(BEGUN + timedelta(minutes=place // 2)),
        updated_at=format_instant(BEGUN + timedelta(days=1, minutes=place // 2, hours=edition)),
        topics=["all"],
    )


def untouched(number: int) -> bool:
    return number % 3 == 0


def updated(number: int) -> bool:
    return number % 3 == 1


def moved(number: int) -> bool:
    return number % 3 == 2 and number < THERE


class Writer(threading.Thread):
    """Inserts, updates, moves and deletes as fast as it is answered."""

    def __init__(self, base: str) -> None:
        super().__init__(daemon=True)
        self.random = Random(THERE)  # noqa: S311 - it is to be foreseen
        self.done: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._stopping = threading.Event()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self._client = httpx2.Client(base_url=base, headers=headers, timeout=PATIENCE_SECONDS)
        self._numbers = count(THERE)
        self._slugs = {number: f"a{number}" for number in filter(moved, range(THERE))}

    def begin(self) -> None:
        """Load what stays: in any order, so that no number says where it is."""
        places = self.random.sample(range(THERE), THERE)
        self._load([article(number, places[number]) for number in range(THERE)])
        self._places = places

    def run(self) -> None:
        try:
            for work in cycle([self._come_and_go, *[self._update, self._move] * 4]):
                if self._stopping.is_set():
                    break
                work()
        except BaseException as failure:  # noqa: BLE001 - the test raises it
            self.failure = failure

    def at_work(self, times: int) -> Iterator[int]:
        """Yield so many times at least, and until all kinds of work have been done meanwhile."""
        before = self.done.copy()
        # Not so many reads: they can be much faster than writes, which wait for the disk.
        end = time.monotonic() + PATIENCE_SECONDS
        for number in count():
            if number >= times and all(self.done[kind] > before[kind] for kind in KINDS):
                return
            assert self.failure is None, self.failure
            assert time.monotonic() < end, self.done - before
            yield number

    def stop(self) -> None:
        self._stopping.set()
        self.join(PATIENCE_SECONDS)
        self._client.close()
        assert self.failure is None, self.failure

    def _come_and_go(self) -> None:
        """Load articles between those that stay; withdraw one, and have one removed altogether."""
        some, other = (self._fresh(3) for _ in range(2))
        self._load(some)
        load = self._load(other)["load"]["id"]
        for each in some:
            self._ask("DELETE", f"/admin/articles/{each['slug']}")
        self._ask("POST", f"/admin/loads/{load}/undo")
        self.done.update(inserted=len(some) + len(other), deleted=len(some) + len(other))

    def _fresh(self, size: int) -> list[dict[str, Any]]:
        return [article(next(self._numbers), self.random.randrange(THERE)) for _ in range(size)]

    def _update(self) -> None:
        number = self.random.choice(list(filter(updated, range(THERE))))
        self.done["updated"] += 1
        fresh = article(number, self._places[number], edition=self.done["updated"])
        assert self._load([fresh])["summary"]["updated"] == 1

    def _move(self) -> None:
        number, slug = self.random.choice(list(self._slugs.items()))
        self._slugs[number] = f"a{number}" if slug != f"a{number}" else f"b{number}"
        self._ask("PATCH", f"/admin/articles/{slug}", json={"slug": self._slugs[number]})
        self.done["moved"] += 1

    def _load(self, records: list[dict[str, Any]]) -> Any:
        return self._ask("POST", "/admin/loads", content=ndjson(*records))

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        answer = self._client.request(method, path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()


def walk(clients: Iterator[httpx2.Client], query: str) -> list[Seen]:
    """Follow a listing to its end, each page from the next of `clients`."""
    seen: list[Seen] = []
    url = f"/news.json?limit={LIMIT}&{FIELDS}{query}"
    while url:
        answer = next(clients).get(url)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        seen += map(seen_in, page["items"])
        url = (page["next"] or "").removeprefix(SEED_SITE)
    return seen


def streamed(client: httpx2.Client) -> list[Seen]:
    """Read all that there is as lines, which are read from the database page by page."""
    answer = client.get(f"/news.ndjson?{FIELDS}")
    assert answer.status_code == 200
    return [seen_in(json.loads(line)) for line in answer.iter_lines()]


def seen_in(item: dict[str, Any]) -> Seen:
    return Seen(int(urlsplit(item["canonical_source"]).path[1:]), item["slug"])


def assert_seen_once(seen: list[Seen], *, even_if_updated: bool) -> None:
    times = Counter(each.number for each in seen)
    stay = [n for n in range(THERE) if even_if_updated or untouched(n)]
    assert {n: times[n] for n in stay} == dict.fromkeys(stay, 1)
    for number, slug in seen:
        assert slug in {f"a{number}", *([f"b{number}"] if moved(number) else [])}
    if even_if_updated:
        # Those that come and go are seen or not, but nobody sees one twice.
        assert max(times.values()) == 1


def test_l01_paging_during_writes_returns_every_unchanged_article_exactly_once(
    tmp_path: Path, database_url: str
) -> None:
    folders = [tmp_path / name for name in ("near", "far")]
    for folder in folders:
        folder.mkdir()
    env = environment(
        SLUGLINE_DATABASE_URL=database_url,
        SLUGLINE_ADMIN_TOKEN=TOKEN,
        SLUGLINE_PUBLIC_BASE_URL=SEED_SITE,
    )
    with (
        serving(folders[0], env=env) as near,
        serving(folders[1], env=env) as far,
        httpx2.Client(base_url=near.base, timeout=PATIENCE_SECONDS) as one,
        httpx2.Client(base_url=far.base, timeout=PATIENCE_SECONDS) as other,
    ):
        writer = Writer(near.base)
        writer.begin()
        writer.start()
        # A page comes through the process that is written through, and the next through another.
        clients = cycle([one, other])
        seen: list[Seen] = []
        try:
            for query, even_if_updated in ORDERS.items():
                for _ in writer.at_work(WALKS):
                    seen += (found := walk(clients, query))
                    assert_seen_once(found, even_if_updated=even_if_updated)
            for _ in writer.at_work(WALKS):
                seen += (found := streamed(next(clients)))
                assert_seen_once(found, even_if_updated=True)
        finally:
            writer.stop()
    # They came between what stays, and moved, before the eyes of who paged.
    assert any(each.number >= THERE for each in seen)
    assert {each.slug[0] for each in seen if moved(each.number)} == {"a", "b"}
