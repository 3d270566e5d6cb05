"""Undo: restore what a load changed, except where something later has changed it again.

An undo is one transaction and a load of its own, whose receipt gives the result for each article.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from app.database.transactions import Session
from app.ingest import undo_plan
from app.ingest.candidate import Candidate
from app.ingest.load_run import LoadContext, StoppingError
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
"""The kind of a load that undoes another one."""

CHUNK: Final = 500
"""How many articles are restored, and results written, at once."""

_Restored = tuple[str, str | None]
"""The slug of an article, and why it was left as it is, or None where it was restored."""


class NoSuchLoadError(Exception):
    """There is no load with that id."""


class NotUndoableError(Exception):
    """The load cannot be undone: it is an undo itself, or has been undone."""


def undo(context: LoadContext, load_id: int, origin: LoadOrigin) -> int:
    """Undo a load and return the id of the undo's receipt.

    Raises NoSuchLoadError, StillRunningError, NotUndoableError, DatabaseUnavailableError,
    StoppingError.
    """
    with context.database.writing() as session:
        now = context.clock()
        _check_undoable(session, load_id, now)
        undo_id = loads.begin(session, origin, {}, now)
        summary = Counter({"undone": 0, "left": 0})
        restored = _restore_all(session, load_id, undo_id, now)
        while chunk := list(islice(restored, CHUNK)):
            if context.should_stop():
                raise StoppingError
            results = [
                _result(position, slug, reason)
                for position, (slug, reason) in enumerate(chunk, summary.total() + 1)
            ]
            summary.update(result.outcome for result in results)
            loads.add_results(session, undo_id, results)
        loads.update_progress(session, undo_id, summary, 0, context.clock())
    return undo_id


def _check_undoable(session: Session, load_id: int, now: datetime) -> None:
    receipt = load_receipts.find_receipt(session, load_id, now)
    if receipt is None:
        raise NoSuchLoadError(load_id)
    if receipt.load.state == "running":
        raise StillRunningError(load_id)
    if receipt.load.kind == UNDO:
        raise NotUndoableError(f"load {load_id} is an undo; load the feed again instead")
    if receipt.load.undone_by is not None:
        raise NotUndoableError(
            f"load {load_id} has already been undone by load {receipt.load.undone_by}"
        )


def _restore_all(
    session: Session, load_id: int, undo_id: int, now: datetime
) -> Iterator[_Restored]:
    """Restore the articles of a load, and yield what became of each.

    Articles that keep their slug and story are independent of each other and restored in chunks.
    The others depend on each other: all must be known before the first is restored.
    """
    dependent: list[UndoStep] = []
    for ids in batched(load_effects.changed_article_ids(session, load_id), CHUNK):
        steps, left = _find_steps(session, load_id, ids)
        possible = [step for step in steps if step.id not in left]
        independent = [step for step in possible if not step.changes_address]
        dependent += [step for step in possible if step.changes_address]
        _restore(session, load_id, [[step] for step in independent], undo_id, now)
        _restore_aliases(session, independent)
        yield from ((step.article.slug, None) for step in independent)
        yield from ((step.article.slug, left[step.id]) for step in steps if step.id in left)
    left = undo_plan.conflicts(dependent, _current_state(session, dependent))
    undone = [step for step in dependent if step.id not in left]
    for groups in _chunk_groups(undo_plan.topological_order(undone)):
        _restore(session, load_id, groups, undo_id, now)
    _restore_aliases(session, undone)
    yield from ((step.article.slug, left.get(step.id)) for step in dependent)


def batched(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Yield `ids` in slices of `size`."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _chunk_groups(groups: Iterable[Sequence[UndoStep]]) -> Iterator[Sequence[Sequence[UndoStep]]]:
    """Yield groups in order, combined until each chunk has about CHUNK articles."""
    chunk: list[Sequence[UndoStep]] = []
    for group in groups:
        chunk.append(group)
        if sum(map(len, chunk)) >= CHUNK:
            yield chunk
            chunk = []
    yield chunk


def _find_steps(
    session: Session, load_id: int, ids: Sequence[int]
) -> tuple[list[UndoStep], dict[int, str]]:
    """Return the undo steps of articles, in order, and why those changed later are left."""
    current = {each.id: each for each in existing_articles.by_id(session, ids)}
    effects = load_effects.effects_by_article(session, load_id, ids)
    before = load_effects.states_before(session, load_id, ids)
    later = load_effects.later_loads(session, load_id, {i: effects[i][-1].seq for i in ids})
    steps = [
        UndoStep(
            current[i],
            effects[i],
            None if effects[i][-1].kind == "created" else _address_state(before[i]),
        )
        for i in ids
    ]
    return steps, {i: f"load {by} has changed it since" for i, by in later.items()}


def _address_state(state: ArticleState) -> AddressState:
    record = state.record
    withdrawn = state.withdrawn_at is not None
    return AddressState(record.slug, record.canonical_key, withdrawn, state.visible_from)


def _current_state(session: Session, steps: Sequence[UndoStep]) -> CurrentState:
    targets = [step.before for step in steps if step.before]
    slugs = {target.slug for target in targets}
    keys = {target.key for target in targets if target.key}
    by_key = defaultdict[str, list[ExistingArticle]](list)
    for each in existing_articles.by_canonical_key(session, keys):
        by_key[each.canonical_key or ""].append(each)
    return CurrentState(
        by_slug={each.slug: each for each in existing_articles.by_slug(session, slugs)},
        by_alias=existing_articles.by_alias(session, slugs),
        by_canonical_key=by_key,
    )


def _restore(
    session: Session,
    load_id: int,
    groups: Sequence[Sequence[UndoStep]],
    undo_id: int,
    now: datetime,
) -> None:
    """Restore articles to their state before the load, or remove those it created."""
    steps = [step for group in groups for step in group]
    created = [step.id for step in steps if step.before is None]
    before = load_effects.states_before(session, load_id, [s.id for s in steps if s.before])
    articles = {step.id: ArticleWrite(step.article) for step in steps if step.before}
    events = [event for group in groups for event in undo_plan.change_events(group, articles)]
    article_writes.remove(session, created)
    for article_id, article in articles.items():
        state = before[article_id]
        candidate = Candidate.from_record(state.record)
        withdrawn = state.withdrawn_at is not None
        article.existing = candidate.as_existing(article_id, withdrawn=withdrawn)
        article.states.append(state)
    article_writes.write(session, list(articles.values()), {}, undo_id, now)
    change_log.record(session, events, undo_id, now)


def _restore_aliases(session: Session, undone: Sequence[UndoStep]) -> None:
    """Point aliases at the articles they belonged to before the load; these are restored by now."""
    slugs = undo_plan.affected_slugs(undone)
    current = existing_articles.by_alias(session, slugs)
    owners = {slug: each.id for slug, each in current.items() if each.id}
    taken = {each.slug for each in existing_articles.by_slug(session, slugs)}
    wanted = undo_plan.restored_aliases(undone, owners, taken)
    ids = {owner for owner in wanted.values() if owner}
    found = {each.id: each for each in existing_articles.by_id(session, ids)}
    aliases = {
        slug: ArticleWrite(found[owner]) if owner in found else None
        for slug, owner in wanted.items()
    }
    article_writes.set_aliases(session, aliases)


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
