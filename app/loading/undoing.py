"""Undo: put back what a load changed, unless something later has touched it.

It is one transaction, which goes through what the load did from the end to the beginning, and it is
a load of its own, whose receipt says for each article what came of it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from app.database import Session
from app.loading.incoming import Incoming
from app.loading.running import Run
from app.store import changes, drafts, effects, loads, receipts, standings
from app.store.articles import State
from app.store.changes import Step
from app.store.drafts import Draft
from app.store.effects import Effect
from app.store.loads import Origin, Result, StillRunningError
from app.store.standings import Standing

UNDO: Final = "undo"
"""The kind of a load that puts back what another one did."""

AT_ONCE: Final = 500

_OUTCOMES: Final = {"undone": 0, "left": 0}


class NoSuchLoadError(Exception):
    """There is no load with that number."""


class NotUndoableError(Exception):
    """The load cannot be undone: it is an undo, or has been undone before."""


class _Trail(NamedTuple):
    """An article, what a load did to it, the latest first, and what it was before, if anything."""

    article: Standing
    effects: Sequence[Effect]
    before: State | None

    @property
    def slug(self) -> str | None:
        """Where it stood before."""
        return self.before.record.slug if self.before else None


def undo(run: Run, load_id: int, origin: Origin) -> int:
    """Undo a load, and return the number of the receipt.

    Raises NoSuchLoadError, StillRunningError, NotUndoableError, DatabaseUnavailableError.
    """
    with run.database.writing() as session:
        now = run.clock()
        _check(session, load_id, now)
        undo_id = loads.begin(session, origin, {}, now)
        summary = Counter(_OUTCOMES)
        position = 0
        ids = effects.touched(session, load_id)
        for start in range(0, len(ids), AT_ONCE):
            told = list(_put_back(session, load_id, ids[start : start + AT_ONCE], undo_id, now))
            results = [
                _result(place, slug, reason)
                for place, (slug, reason) in enumerate(told, position + 1)
            ]
            position += len(results)
            summary.update(result.outcome for result in results)
            loads.add_results(session, undo_id, results)
        loads.advance(session, undo_id, summary, 0, run.clock())
    return undo_id


def _check(session: Session, load_id: int, now: datetime) -> None:
    receipt = receipts.receipt(session, load_id, now)
    if receipt is None:
        raise NoSuchLoadError(load_id)
    if receipt.load.state == "running":
        raise StillRunningError(load_id)
    if receipt.load.kind == UNDO:
        raise NotUndoableError(f"load {load_id} is an undo: load the feed again instead")
    if receipt.load.undone_by is not None:
        raise NotUndoableError(f"load {receipt.load.undone_by} has undone it already")


def _put_back(
    session: Session, load_id: int, ids: Sequence[int], undo_id: int, now: datetime
) -> Iterator[tuple[str, str | None]]:
    """Put articles back, and yield the slug of each, with the reason where it is left."""
    trails, left = _trails(session, load_id, ids)
    undone = [trail for trail in trails if trail.article.id not in left]
    while blocked := _blocked(session, undone):
        left |= blocked  # and so may be in the way of others
        undone = [trail for trail in undone if trail.article.id not in left]
    articles = {trail.article.id: Draft(trail.article) for trail in undone}
    gone = [trail for trail in undone if trail.before is None]
    steps = [_step(trail, articles[trail.article.id]) for trail in undone]
    aliases = _aliases(session, undone)
    drafts.remove(session, [t.article.id for t in gone if t.article.id is not None])
    written = [_restored(articles[t.article.id], t.before) for t in undone if t.before]
    drafts.write(session, written, aliases, undo_id, now)
    changes.record(session, steps, undo_id, now)
    for trail in trails:
        yield trail.article.slug, left.get(trail.article.id)


def _trails(
    session: Session, load_id: int, ids: Sequence[int]
) -> tuple[list[_Trail], dict[int | None, str]]:
    """Return the trails of articles, in their order, and why those touched later are left."""
    there = {each.id: each for each in standings.of(session, ids)}
    done = effects.effects(session, load_id, ids)
    before = effects.before(session, load_id, ids)
    latest = effects.latest(session, ids)
    trails = [
        _Trail(there[i], done[i], None if done[i][-1].kind == "created" else before[i]) for i in ids
    ]
    left: dict[int | None, str] = {
        i: f"load {latest[i].load_id} has changed it since"
        for i in ids
        if latest[i].seq != done[i][0].seq
    }
    return trails, left


def _blocked(session: Session, trails: Sequence[_Trail]) -> dict[int | None, str]:
    """Say which articles cannot go back to their slugs, for another article has them."""
    moving = {trail.article.id for trail in trails}
    blocked: dict[int | None, str] = {}
    wanted: dict[str, _Trail] = {}
    for trail in trails:
        if trail.slug is None or trail.slug == trail.article.slug:
            continue
        if trail.slug in wanted:
            blocked[trail.article.id] = f"another article goes back to /news/{trail.slug}"
        else:
            wanted[trail.slug] = trail
    for other in standings.at(session, wanted.keys()):
        if other.id not in moving:
            trail = wanted[other.slug]
            blocked[trail.article.id] = f"another article is at /news/{other.slug} by now"
    for slug, other in standings.having_had(session, wanted.keys()).items():
        trail = wanted[slug]
        if other.id != trail.article.id and other.id not in moving:
            blocked[trail.article.id] = f"/news/{slug} leads to another article by now"
    return blocked


def _step(trail: _Trail, draft: Draft) -> Step:
    """Return the change by which an article goes back."""
    here, before = trail.article, trail.before
    if before is None:
        return Step("deleted", None, here.slug)
    if before.record.slug != here.slug:
        return Step("moved", draft, before.record.slug, here.slug)
    if here.withdrawn and before.withdrawn_at is None:
        return Step("restored", draft, here.slug)
    if not here.withdrawn and before.withdrawn_at is not None:
        return Step("deleted", draft, here.slug)
    return Step("updated", draft, here.slug)


def _restored(draft: Draft, before: State | None) -> Draft:
    assert before is not None  # noqa: S101 - it was there
    new = Incoming.of(before.record)
    draft.standing = Standing(
        id=draft.id,
        slug=new.record.slug,
        canonical_key=new.key,
        updated_at=new.record.updated_at,
        digest=new.digest,
        withdrawn=before.withdrawn_at is not None,
    )
    draft.states.append(before)
    return draft


def _aliases(session: Session, undone: Sequence[_Trail]) -> Mapping[str, Draft | None]:
    """Return whose aliases the slugs are again that the load gave away or took."""
    aliases: dict[str, int | None] = {}
    for trail in undone:
        for effect in trail.effects:
            if effect.previous_slug is not None:
                aliases[effect.previous_slug] = None
            if effect.previous_slug is not None or effect.kind == "created":
                aliases[effect.slug] = effect.alias_of
    removed = {trail.article.id for trail in undone if trail.before is None}
    stand = {trail.slug for trail in undone}
    owners = {i for i in aliases.values() if i is not None} - removed
    known = {each.id: Draft(each) for each in standings.of(session, owners)}
    return {
        slug: None if slug in stand or owner not in known else known[owner]
        for slug, owner in aliases.items()
    }


def _result(position: int, slug: str, reason: str | None) -> Result:
    return Result(
        position=position,
        file=None,
        line=0,
        slug=slug,
        outcome="left" if reason else "undone",
        reason=reason,
        faults=[],
        flags=[],
    )
