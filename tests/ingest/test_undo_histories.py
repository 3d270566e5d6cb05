"""Undo after any history restores the earlier state, or reports which articles it left and why.

With a large SLUGLINE_TEST_DEPTH run it with `-o faulthandler_timeout=0`, as it runs for long.
"""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from app.article.source_urls import canonical_key
from app.ingest.decide import slug_with_suffix
from tests.support.feed_records import later, ndjson, outcomes, record
from tests.support.site import DEPTH, Site, reset_site
from tests.support.snapshots import (
    ChangeFeedFollower,
    Snapshot,
    assert_public_index_is_complete,
    assert_receipt_matches_rows,
    changes,
    snapshot,
)

SOURCES = [f"https://e.com/{number}" for number in range(2)]
SLUGS = ["a", "b", "c", slug_with_suffix("a", canonical_key(SOURCES[1]))]

slugs = st.sampled_from(SLUGS)
sizes = st.sampled_from([1, 2, 500])


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """A record with `hours` instead of `updated_at`: relative to the current hour."""
    fields: dict[str, Any] = {"hours": draw(st.sampled_from([1, 1, 1, 0, -2]))}
    fields["canonical_source"] = draw(st.none() | st.sampled_from(SOURCES))
    fields["title"] = draw(st.sampled_from(["One", "Two"]))
    if draw(st.integers(0, 3)) == 0:
        fields["published_at"] = "2031-01-01T00:00:00Z"  # scheduled
    for name in "topics", "entities":
        fields[name] = draw(st.lists(st.sampled_from(["x", "y"]), unique=True, max_size=2))
    if draw(st.integers(0, 5)) == 0:
        aliases = draw(st.lists(slugs, unique=True, max_size=2))
        gone = draw(st.sampled_from([None, "2026-06-30T12:00:00Z"]))
        fields["upkeep"] = {"aliases": aliases, "withdrawn_at": gone}
    return {"slug": draw(slugs), **fields}


@dataclass
class Done:
    """A load: its id, the state before and after it, and the articles it changed."""

    number: int
    before: Snapshot
    after: Snapshot
    changed: set[int]


class Histories(RuleBasedStateMachine):
    """Loads, edits and undos in any order; the invariants are checked after each."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site
        reset_site(site)
        self.mirror = ChangeFeedFollower()
        self.now = snapshot(site.database)
        self.hour = 0
        self.loads: list[Done] = []
        self.undone: set[int] = set()
        self.undos: list[int] = []
        # For each article the loads that changed it and were not undone, the latest last.
        self.touches: dict[int, list[int]] = {}
        self.complete = True

    @initialize(feed=st.lists(items(), min_size=2, max_size=4))
    def begin(self, feed: list[dict[str, Any]]) -> None:
        self.load(feed, {}, 500)

    # --- rules ---------------------------------------------------------------------------------

    @rule(
        feed=st.lists(items(), min_size=1, max_size=5),
        options=st.fixed_dictionaries(
            {},
            optional={
                "mode": st.just("atomic"),
                "on_collision": st.just("suffix"),
                "restore": st.just("true"),
            },
        ),
        size=sizes,
    )
    def load(self, feed: list[dict[str, Any]], options: dict[str, str], size: int) -> None:
        """Load a feed after a dry run with another batch size."""
        self._pass()
        text = ndjson(*(self._dated(dict(item)) for item in feed))
        dry_run = self._ask("POST", "/admin/loads", {**options, "dry_run": "true"}, text)
        assert snapshot(self.site.database) == self.now
        with patch("app.ingest.batching.BATCH_RECORDS", size):
            answer = self._ask("POST", "/admin/loads", options, text)
        note(f"{options} {feed} {outcomes(answer.json())}")
        assert answer.status_code == dry_run.status_code
        report, simulated = answer.json(), dry_run.json()
        if report["load"]["state"] == "finished":
            for result in simulated["results"]:
                del result["differences"]
            assert report["results"] == simulated["results"]
            assert report["summary"] == simulated["summary"]
        else:
            assert snapshot(self.site.database) == self.now
        self._done(report)

    @rule(
        slug=slugs,
        patch=st.fixed_dictionaries(
            {},
            optional={
                "slug": slugs,
                "title": st.sampled_from(["Three", "Four"]),
                "topics": st.just(["z"]),
                "canonical_source": st.none() | st.sampled_from(SOURCES),
            },
        ),
    )
    def patch(self, slug: str, patch: dict[str, Any]) -> None:
        self._edit("PATCH", slug, json=patch)

    @rule(item=items())
    def put(self, item: dict[str, Any]) -> None:
        self._edit("PUT", item["slug"], json=self._dated(dict(item)))

    @rule(slug=slugs)
    def withdraw(self, slug: str) -> None:
        self._edit("DELETE", slug)

    @rule(slug=slugs)
    def restore(self, slug: str) -> None:
        self._edit("POST", slug, "/restore")

    @rule(which=st.integers(0, 5), size=sizes)
    def undo(self, which: int, size: int) -> None:
        """Undo a load: the latest, or one before it."""
        due = [done for done in self.loads if done.number not in self.undone]
        if due:
            self._undo(due[-1 - which % len(due)], size)

    @rule(which=st.integers(0, 5))
    def undo_again(self, which: int) -> None:
        """Undo an undone load or an undo: it is refused and changes nothing."""
        numbers = sorted(self.undone) + self.undos
        if numbers:
            answer = self._ask("POST", f"/admin/loads/{numbers[which % len(numbers)]}/undo")
            assert answer.status_code == 409
            assert snapshot(self.site.database) == self.now

    def teardown(self) -> None:
        """Undo everything, latest first. If no undo left anything, the database is empty."""
        if snapshot(self.site.database) != self.now:
            return  # something has failed already
        for done in reversed(self.loads):
            if done.number not in self.undone:
                self._undo(done, 500)
        if self.complete:
            assert self.now == Snapshot({}, {})

    # --- invariants ----------------------------------------------------------------------------

    def _ask(self, method: str, path: str, params: Any = None, body: str | None = None) -> Any:
        client, headers = self.site.client, self.site.authorized
        return client.request(method, path, params=params, content=body, headers=headers)

    def _edit(self, method: str, slug: str, path: str = "", **body: Any) -> None:
        self._pass()
        answer = self.site.client.request(
            method, f"/admin/articles/{slug}{path}", headers=self.site.authorized, **body
        )
        note(f"{method} {slug}{path} {body} {answer.status_code}")
        if answer.status_code == 200:
            self._done(answer.json())
        else:
            assert answer.status_code in {404, 409}
            assert snapshot(self.site.database) == self.now

    def _pass(self) -> None:
        """Let an hour pass."""
        self.hour += 1
        self.site.clock.move(hours=1)

    def _dated(self, item: dict[str, Any]) -> dict[str, Any]:
        return record(updated_at=later(hours=self.hour + item.pop("hours")), **item)

    def _arrive(self, number: int) -> Snapshot:
        """Check the state after the load `number`. Return the state before it."""
        before, self.now = self.now, snapshot(self.site.database)
        self.now.assert_consistent()
        self.mirror.follow(self.site.database, self.now)
        assert_public_index_is_complete(self.site.database)
        receipt = self._ask("GET", f"/admin/loads/{number}").json()
        assert receipt["load"]["state"] in {"finished", "refused"}
        return before

    def _done(self, report: dict[str, Any]) -> None:
        number = report["load"]["id"]
        before = self._arrive(number)
        if report["load"]["state"] == "finished":
            assert_receipt_matches_rows(self.site.database, number)
        changed = _changed(before, self.now)
        self.loads.append(Done(number, before, self.now, changed))
        for article in changed:
            if article not in before.articles:
                self.touches[article] = []  # SQLite reuses the ids of deleted rows
            self.touches[article].append(number)

    def _undo(self, done: Done, size: int) -> None:
        with patch("app.ingest.undo.CHUNK", size):
            answer = self._ask("POST", f"/admin/loads/{done.number}/undo")
        assert answer.status_code == 200, answer.text
        report = answer.json()
        note(f"undo {done.number}: {[(r['slug'], r['reason']) for r in report['results']]}")
        number = report["load"]["id"]
        self.undone.add(done.number)
        self.undos.append(number)
        before = self._arrive(number)
        left = self._check_receipt(done, before, report)
        self._check_restored(done, before, left)
        for article in done.changed - left.keys():
            assert self.touches[article].pop() == done.number

    def _check_receipt(
        self, done: Done, before: Snapshot, report: dict[str, Any]
    ) -> dict[int, str]:
        """Compare the receipt with the state. Return the articles left, with the reasons."""
        results = report["results"]
        results_by_article = {before.slugs[result["slug"]]: result for result in results}
        assert len(results_by_article) == len(results)
        assert results_by_article.keys() == done.changed
        assert report["summary"] == {"undone": 0, "left": 0} | Counter(outcomes(report))
        undone = {n for n, result in results_by_article.items() if result["outcome"] == "undone"}
        changed_now = changes(self.site.database)
        by_undo = [each for each in changed_now if each.load_id == report["load"]["id"]]
        assert len(undone) <= len(by_undo)
        left = {n: result["reason"] for n, result in results_by_article.items() if n not in undone}
        for article, reason in left.items():
            assert self.now.articles[article] == before.articles[article]
            latest = self.touches[article][-1]
            if latest != done.number:
                assert reason == f"load {latest} has changed it since"
            else:
                assert self._is_true_conflict(done.before.articles[article], article, reason)
        self.complete &= not left
        return left

    def _is_true_conflict(self, was: dict[str, Any], article: int, reason: str) -> bool:
        """Return whether `reason` truly keeps `article` from being what it `was`."""
        if "story" in reason:
            tellers = self.now.by_canonical_key(was["canonical_key"]) - {article}
            return any(f"/news/{self.now.articles[n]['slug']} " in reason for n in tellers)
        there = self.now.slugs.get(was["slug"], self.now.aliases.get(was["slug"], article))
        return there != article and f"/news/{was['slug']} " in reason

    def _check_restored(self, done: Done, before: Snapshot, left: dict[int, str]) -> None:
        """Compare the state with the state before the load."""
        was, now = done.before, self.now
        for article in done.changed - left.keys():
            assert self.touches[article][-1] == done.number, "changed by a later load"
            assert now.articles.get(article) == was.articles.get(article)
        others = before.articles.keys() - done.changed
        assert {n: now.articles.get(n) for n in others} == {n: before.articles[n] for n in others}
        assert now.articles.keys() - before.articles.keys() == set()
        if before == done.after and not left:
            assert now == was
        for slug in before.aliases.keys() | now.aliases.keys() | was.aliases.keys():
            since = _place(before, slug) != _place(done.after, slug)
            by_load = _place(done.after, slug) != _place(was, slug)
            owner = before.aliases.get(slug)
            if not by_load or since:
                gone = owner is not None and owner not in now.articles
                assert now.aliases.get(slug) == (None if gone else owner), slug
            elif not left:
                owner = was.aliases.get(slug)
                gone = owner is not None and owner not in now.articles
                assert now.aliases.get(slug) == (None if gone else owner), slug
            elif owner in left and slug not in now.slugs:
                assert now.aliases.get(slug) == owner, slug


def _place(state: Snapshot, slug: str) -> tuple[int | None, int | None]:
    return state.slugs.get(slug), state.aliases.get(slug)


def _changed(before: Snapshot, after: Snapshot) -> set[int]:
    """Return the articles that differ between two snapshots."""
    numbers = before.articles.keys() | after.articles.keys()
    return {n for n in numbers if before.articles.get(n) != after.articles.get(n)}


def test_i19_an_undo_after_any_history_restores_the_state_or_reports_what_it_left(
    site: Site,
) -> None:
    """I-19, I-09, I-20, L-02: undo of any load, dry runs, receipts and the change feed."""
    run_state_machine_as_test(
        partial(Histories, site),  # type: ignore[arg-type] # what makes a machine will do
        settings=settings(
            max_examples=4 * DEPTH,
            stateful_step_count=8,
            deadline=None,
            # Shrinking takes longer than a test may, and histories are short and printed anyway.
            phases=[Phase.reuse, Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
