"""Undo: put back what a load changed, unless something later has touched it.

It is one transaction, which goes through what the load did from the end to the beginning, and it is
a load of its own, whose receipt says for each article what came of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from app.background_priority import in_turns
from app.database.transactions import Session
from app.ingest import undo_plan
from app.ingest.candidate import Candidate
from app.ingest.load_run import Run, StoppingError
from app.ingest.undo_plan import AddressState, CurrentState, UndoStep
from app.store import (
    article_writes,
    change_log,
    existing_articles,
    load_effects,
    load_receipts,
    loads,
)
from app.store.article_writes import ArticleWrite
from app.store.articles import ArticleState
from app.store.existing_articles import ExistingArticle
from app.store.loads import LoadOrigin, RecordResult, StillRunningError

UNDO: Final = "undo"
"""The kind of a load that puts back what another one did."""

AT_ONCE: Final = 500

_Told = tuple[str, str | None]
_OUTCOMES: Final = {"undone": 0, "left": 0}


class NoSuchLoadError(Exception):
    """There is no load with that number."""


class NotUndoableError(Exception):
    """The load cannot be undone: it is an undo, or has been undone before."""


def undo(run: Run, load_id: int, origin: LoadOrigin) -> int:
    """Undo a load, and return the number of the receipt.

    Raises NoSuchLoadError, StillRunningError, NotUndoableError, DatabaseUnavailableError,
    StoppingError.
    """
    with run.database.writing() as session:
        now = run.clock()
        _check(session, load_id, now)
        undo_id = loads.begin(session, origin, {}, now)
        summary = Counter(_OUTCOMES)
        told = _put_back_all(session, load_id, undo_id, now)
        while some := list(islice(told, AT_ONCE)):
            if run.stopping():
                raise StoppingError
            results = [
                _result(place, slug, reason)
                for place, (slug, reason) in enumerate(some, summary.total() + 1)
            ]
            summary.update(result.outcome for result in results)
            loads.add_results(session, undo_id, results)
        loads.update_progress(session, undo_id, summary, 0, run.clock())
    return undo_id


def _check(session: Session, load_id: int, now: datetime) -> None:
    receipt = load_receipts.find_receipt(session, load_id, now)
    if receipt is None:
        raise NoSuchLoadError(load_id)
    if receipt.load.state == "running":
        raise StillRunningError(load_id)
    if receipt.load.kind == UNDO:
        raise NotUndoableError(f"load {load_id} is an undo: load the feed again instead")
    if receipt.load.undone_by is not None:
        raise NotUndoableError(f"load {receipt.load.undone_by} has undone it already")


def _put_back_all(session: Session, load_id: int, undo_id: int, now: datetime) -> Iterator[_Told]:
    """Put the articles of a load back, and yield the slug of each, with why where it is left.

    First come those that nothing can be in the way of, some at a time. Of those that go back to
    another slug, or another story, all must be known before the first one does.
    """
    entangled: list[UndoStep] = []
    for ids in _some(load_effects.changed_article_ids(session, load_id)):
        found, left = _ways(session, load_id, ids)
        straight = [way for way in found if way.id not in left and not way.leads_elsewhere]
        entangled += [way for way in found if way.id not in left and way.leads_elsewhere]
        _put_back(session, load_id, [[way] for way in straight], undo_id, now)
        _give_back_aliases(session, straight)
        yield from ((way.article.slug, None) for way in straight)
        yield from ((way.article.slug, left[way.id]) for way in found if way.id in left)
    left = undo_plan.blocked(entangled, _surroundings(session, entangled))
    undone = [way for way in entangled if way.id not in left]
    for groups in _together(undo_plan.ordered(undone)):
        _put_back(session, load_id, groups, undo_id, now)
    _give_back_aliases(session, undone)
    yield from ((way.article.slug, left.get(way.id)) for way in entangled)


def _some(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def _together(groups: Iterable[Sequence[UndoStep]]) -> Iterator[Sequence[Sequence[UndoStep]]]:
    """Yield groups, as many as can be put back at once, in their order."""
    held: list[Sequence[UndoStep]] = []
    for group in groups:
        held.append(group)
        if sum(map(len, held)) >= AT_ONCE:
            yield held
            held = []
    yield held


def _ways(
    session: Session, load_id: int, ids: Sequence[int]
) -> tuple[list[UndoStep], dict[int, str]]:
    """Return the ways back of articles, in their order, and why those touched later are left."""
    there = {each.id: each for each in existing_articles.by_id(session, ids)}
    done = load_effects.effects_by_article(session, load_id, ids)
    before = load_effects.states_before(session, load_id, ids)
    since = load_effects.later_loads(session, load_id, {i: done[i][-1].seq for i in ids})
    found = [
        UndoStep(there[i], done[i], None if done[i][-1].kind == "created" else _place(before[i]))
        for i in ids
    ]
    return found, {i: f"load {by} has changed it since" for i, by in since.items()}


def _place(state: ArticleState) -> AddressState:
    record = state.record
    withdrawn = state.withdrawn_at is not None
    return AddressState(record.slug, record.canonical_key, withdrawn, state.visible_from)


def _surroundings(session: Session, entangled: Sequence[UndoStep]) -> CurrentState:
    places = [way.before for way in entangled if way.before]
    slugs = {place.slug for place in places}
    telling: dict[str, list[ExistingArticle]] = defaultdict(list)
    for each in existing_articles.by_canonical_key(
        session, {place.key for place in places if place.key}
    ):
        telling[each.canonical_key or ""].append(each)
    return CurrentState(
        at={each.slug: each for each in existing_articles.by_slug(session, slugs)},
        having_had=existing_articles.by_alias(session, slugs),
        telling=telling,
    )


def _put_back(
    session: Session,
    load_id: int,
    groups: Sequence[Sequence[UndoStep]],
    undo_id: int,
    now: datetime,
) -> None:
    """Let articles be what they were before the load, group by group, or be no more."""
    going = [way for group in groups for way in group]
    gone = [way.id for way in going if way.before is None]
    before = load_effects.states_before(session, load_id, [way.id for way in going if way.before])
    articles = {way.id: ArticleWrite(way.article) for way in going if way.before}
    steps = [step for group in groups for step in undo_plan.steps(group, articles)]
    article_writes.remove(session, gone)
    restored = [_restored(draft, before[i]) for i, draft in in_turns(articles.items())]
    article_writes.write(session, restored, {}, undo_id, now)
    change_log.record(session, steps, undo_id, now)


def _restored(draft: ArticleWrite, before: ArticleState) -> ArticleWrite:
    new = Candidate.of(before.record)
    draft.existing = ExistingArticle(
        id=draft.id,
        slug=new.record.slug,
        canonical_key=new.key,
        updated_at=new.record.updated_at,
        digest=new.digest,
        withdrawn=before.withdrawn_at is not None,
    )
    draft.states.append(before)
    return draft


def _give_back_aliases(session: Session, undone: Sequence[UndoStep]) -> None:
    """Let slugs lead again to where they led before the load. The articles are back by now."""
    slugs = undo_plan.slugs(undone)
    owners = {
        s: each.id for s, each in existing_articles.by_alias(session, slugs).items() if each.id
    }
    taken = {each.slug for each in existing_articles.by_slug(session, slugs)}
    given = undo_plan.aliases(undone, owners, taken)
    known = {
        each.id: each for each in existing_articles.by_id(session, {i for i in given.values() if i})
    }
    leading = {slug: ArticleWrite(known[i]) if i in known else None for slug, i in given.items()}
    article_writes.set_aliases(session, leading)


def _result(position: int, slug: str, reason: str | None) -> RecordResult:
    return RecordResult(
        position=position,
        file=None,
        line=0,
        slug=slug,
        outcome="left" if reason else "undone",
        reason=reason,
        faults=[],
        flags=[],
    )
