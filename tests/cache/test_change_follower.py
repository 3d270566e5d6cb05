"""Clients that follow the change feed (L-02), each in its way: all end with exactly what there is.

Whatever happens to articles meanwhile, and wherever their connections break off.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import uvicorn
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from app.article.timestamps import format_instant
from tests.support.feed_records import later, ndjson, record
from tests.support.site import DEPTH, NOW, Site, app_state, reset_site
from tests.support.snapshots import changes, snapshot

SLUGS = ["a", "b", "c"]
ELSEWHERE = ["d", "e", "f", "g"]
SOURCES = [None, "https://e.com/1", "https://e.com/2"]
PATIENCE_SECONDS = 10

places = st.sampled_from(SLUGS + ELSEWHERE)
which = st.integers(0, 11)
"""Which one of those that there are."""

lengths = st.integers(0, 600)
"""How many bytes come before a connection is cut: from nothing to all of a few changes."""


class Client:
    """What a client holds that does as it is told: articles by their slugs."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.held: dict[str, Any] = {}
        self.last = 0

    def take(self, change: dict[str, Any]) -> None:
        """Do what one change says. Where the article does not come with it, ask for it."""
        self.held.pop(change.get("previous_slug", ""), None)
        slug = change["slug"]
        if "record" not in change:
            answer = self.site.client.get(f"/news/{slug}.json")
            assert answer.status_code in {200, 308, 404, 410}
            change["record"] = answer.json() if answer.status_code == 200 else None
        if change["record"] is None:
            self.held.pop(slug, None)
        else:
            self.held[slug] = change["record"]
        self.last = change["seq"]


class Polling(Client):
    """Asks for pages, or for lines."""

    def page(self, limit: int, include: str) -> None:
        """Take one page."""
        found = self._get(f".json?since={self.last}&limit={limit}{include}").json()
        for change in found["changes"]:
            self.take(change)
        self.last = found["last"]

    def lines(self, length: int, include: str) -> None:
        """Take the lines that are complete in the first `length` bytes of all that there is."""
        content = self._get(f".ndjson?since={self.last}{include}").content
        for line in content[:length].split(b"\n")[:-1]:
            self.take(json.loads(line))

    def _get(self, rest: str) -> Any:
        answer = self.site.client.get(f"/changes{rest}")
        assert answer.status_code == 200, answer.text
        return answer


class Listening(Client):
    """Listens to events as a browser's EventSource does (HTML, section 9.2)."""

    def __init__(self, site: Site, port: int) -> None:
        super().__init__(site)
        self._id = ""
        self._begun = b""
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        self._answer: HTTPResponse | None = None

    def listen(self, length: int, newest: int) -> None:
        """Take what comes, until that is so many bytes or has the change numbered `newest`."""
        answer = self._answer = self._answer or self._connected()
        while length > 0 and self.last < newest:
            content = answer.read1(length)
            assert content, "the stream ended"
            length -= len(content)
            *events, self._begun = (self._begun + content).split(b"\n\n")
            for event in events:
                self._dispatch(event.decode())

    def cut(self) -> None:
        """Break off. Of an event that is not complete nothing is left."""
        if self._answer:
            self._answer.close()
        self._connection.close()
        self._answer, self._begun = None, b""

    def _connected(self) -> HTTPResponse:
        headers = {"Accept": "text/event-stream"}
        if self._id:
            headers["Last-Event-ID"] = self._id
        # A browser asks for the address that it was given, as often as it comes back.
        self._connection.request("GET", "/changes?since=0", headers=headers)
        answer = self._connection.getresponse()
        assert answer.status == 200
        return answer

    def _dispatch(self, event: str) -> None:
        fields: dict[str, str] = dict(line.split(": ", 1) for line in event.split("\n") if line[1:])
        self._id = fields.get("id", self._id)
        if "data" in fields:
            change = json.loads(fields["data"])
            assert (fields["id"], fields["event"]) == (str(change["seq"]), change["kind"])
            self.take(change)


class Following(RuleBasedStateMachine):
    """Articles come, change, move and go, and clients follow when they please."""

    def __init__(self, site: Site, port: int) -> None:
        super().__init__()
        self.site = site
        reset_site(site)
        self.hour = 0
        self.loads = 0
        self.paging, self.reading = Polling(site), Polling(site)
        self.listening = Listening(site, port)

    # --- what may happen -----------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        stories = zip(SLUGS, SOURCES, strict=True)
        feed = [record(slug, canonical_source=source) for slug, source in stories]
        self._ask("POST", "/admin/loads", content=ndjson(*feed))

    @rule(
        told=st.lists(
            st.tuples(places, st.sampled_from(SOURCES), st.booleans()), min_size=1, max_size=3
        )
    )
    def load(self, told: list[tuple[str, str | None, bool]]) -> None:
        """Load what creates, updates and moves, and some that is dated ahead by some hours."""
        ahead = {"published_at": format_instant(NOW + timedelta(hours=self.hour + 4))}
        feed = [
            record(
                slug,
                title=f"L{self.hour} — “{slug}”",
                canonical_source=source,
                updated_at=later(hours=self.hour),
                **(ahead if hidden else {}),
            )
            for slug, source, hidden in told
        ]
        self._ask("POST", "/admin/loads", content=ndjson(*feed))

    @rule(which=which)
    def update(self, which: int) -> None:
        self._edit("PATCH", which, json={"title": f"P{self.hour} é"})

    @rule(which=which, to=places)
    def move(self, which: int, to: str) -> None:
        self._edit("PATCH", which, json={"slug": to})

    @rule(which=which)
    def withdraw(self, which: int) -> None:
        self._edit("DELETE", which)

    @rule(which=which)
    def restore(self, which: int) -> None:
        """Bring one back that was withdrawn."""
        now = snapshot(self.site.database)
        gone = sorted(now.slugs.keys() - now.live.keys())
        if gone:
            self._ask("POST", f"/admin/articles/{gone[which % len(gone)]}/restore")

    @rule(back=st.integers(0, 2))
    def undo(self, back: int) -> None:
        loads = self.site.client.get("/admin/loads", headers=self.site.authorized).json()["loads"]
        if back < len(loads):
            self._ask("POST", f"/admin/loads/{loads[back]['load']['id']}/undo")

    @rule(hours=st.integers(1, 5))
    def wait(self, hours: int) -> None:
        """Let what is dated ahead come to be seen."""
        self._pass(hours)

    # --- who follows ---------------------------------------------------------------------------

    @rule(limit=st.integers(1, 5), include=st.sampled_from(["", "&include=record"]))
    def page(self, limit: int, include: str) -> None:
        self.paging.page(limit, include)
        self._compare(self.paging)

    @rule(length=lengths | st.just(9_999), include=st.sampled_from(["", "&include=record"]))
    def lines(self, length: int, include: str) -> None:
        self.reading.lines(length, include)
        self._compare(self.reading)

    @rule(cuts=st.lists(lengths, min_size=1, max_size=4), stays=st.booleans())
    def events(self, *, cuts: list[int], stays: bool) -> None:
        """Listen until cut off, several times, and stay connected the last time, or not."""
        for number, length in enumerate(cuts, 1):
            self.listening.listen(length, self._newest())
            self._compare(self.listening)
            if number < len(cuts) or not stays:
                self.listening.cut()

    # --- what must hold ------------------------------------------------------------------------

    def end(self) -> None:
        """All clients come to the end of what there is."""
        newest = self._newest()
        while self.paging.last < newest:
            self.paging.page(2, "&include=record")
        self.reading.lines(1_000_000, "&include=record")
        self.listening.listen(1_000_000, newest)
        for client in self.paging, self.reading, self.listening:
            assert client.last >= newest
            self._compare(client)

    def teardown(self) -> None:
        try:
            self.end()
        finally:
            self.listening.cut()

    def _newest(self) -> int:
        """Return the number of the newest change that readers see."""
        return max((each.seq for each in changes(self.site.database) if each.public), default=0)

    def _compare(self, client: Client) -> None:
        """Hold what a client that has heard of everything has against what readers see."""
        if client.last < self._newest():
            return
        assert client.held.keys() == snapshot(self.site.database).public.keys()
        listed = self.site.client.get("/news.json?limit=100&include=body").json()["items"]
        assert client.held == {item["slug"]: item for item in listed}

    def _pass(self, hours: int = 1) -> None:
        self.hour += hours
        self.site.clock.move(hours=hours)
        follower = app_state(self.site).follower
        follower.announce()
        follower.invalidate_written()

    def _edit(self, method: str, which: int, **options: Any) -> None:
        """Edit one of the articles that there are."""
        live = sorted(snapshot(self.site.database).live)
        if live:
            self._ask(method, f"/admin/articles/{live[which % len(live)]}", **options)

    def _ask(self, method: str, path: str, **options: Any) -> None:
        self._pass()
        headers = self.site.authorized
        answer = self.site.client.request(method, path, headers=headers, **options)
        note(f"{answer.status_code} {answer.text[:200]}")
        assert answer.status_code < 500


@contextmanager
def on_a_socket(site: Site) -> Iterator[int]:
    """Let `site` answer on a port, too, from which connections can be cut."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(site.client.app, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        port: int = listener.getsockname()[1]
        yield port
    finally:
        server.should_exit = True
        thread.join()


def test_l02_a_client_that_is_interrupted_anywhere_ends_with_the_current_state(
    site: Site,
) -> None:
    """By pages, by lines, and by events that go on behind the last one that came whole."""
    with on_a_socket(site) as port:
        run_state_machine_as_test(
            partial(Following, site, port),  # type: ignore[arg-type] # what makes a machine will do
            settings=settings(
                max_examples=5 * DEPTH,
                stateful_step_count=25,
                deadline=None,
                # Shrinking a history takes longer than a test may; it is short as it is, and told.
                phases=[Phase.reuse, Phase.generate],
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
