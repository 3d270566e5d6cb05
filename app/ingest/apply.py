"""Applying a batch: prefetch the articles concerned, decide about each record, write."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from app.article.hygiene import HygieneFlag
from app.background_priority import yielding
from app.database.transactions import Session
from app.feeds import Rejected
from app.ingest.batch_state import BatchState
from app.ingest.batching import Batch
from app.ingest.candidate import Candidate
from app.ingest.decide import WRITING_OUTCOMES, Decision, Policy, decide, slug_with_suffix
from app.store import article_writes, change_log, existing_articles
from app.store.loads import RecordResult


def apply(
    session: Session, batch: Batch, policy: Policy, load_id: int, now: datetime
) -> list[RecordResult]:
    """Decide about the records of `batch`, write those that change an article, return all results.

    The session is one of `Database.writing()`.
    """
    state = BatchState()
    prefetch(session, state, batch.candidates, policy)
    results = simulate(state, batch, policy)
    write(session, state, load_id, now)
    return [result for result, _ in results]


def prefetch(
    session: Session, state: BatchState, candidates: Iterable[Candidate], policy: Policy
) -> None:
    """Add to `state` the stored articles with a slug, alias or canonical key of `candidates`."""
    slugs: set[str] = set()
    keys: set[str] = set()
    for new in candidates:
        slugs.add(new.record.slug)
        slugs.update(new.record.upkeep.aliases)
        if new.key:
            keys.add(new.key)
            if policy.suffix:
                slugs.add(slug_with_suffix(new.record.slug, new.key))
    # Of several articles with one canonical key the oldest counts; it comes last.
    state.add_articles(existing_articles.by_canonical_key(session, keys))
    state.add_articles(existing_articles.by_slug(session, slugs))
    state.add_aliases(existing_articles.by_alias(session, slugs))


def simulate(
    state: BatchState, batch: Batch, policy: Policy
) -> list[tuple[RecordResult, Decision | None]]:
    """Decide each item of `batch` in order, applying its decision to `state` before the next."""
    simulated: list[tuple[RecordResult, Decision | None]] = []
    for position, item in enumerate(yielding(batch.items), batch.position + 1):
        if isinstance(item, Rejected):
            simulated.append((rejected_result(position, item), None))
        else:
            decision = decide(state, item.new, policy)
            apply_decision(state, decision)
            result = record_result(position, item.line, item.file, decision, item.flags)
            simulated.append((result, decision))
    return simulated


def apply_decision(state: BatchState, decision: Decision) -> None:
    """Change `state` as `decision` says."""
    if decision.outcome == "created":
        state.create(decision.new)
    elif decision.outcome in WRITING_OUTCOMES and decision.article is not None:
        state.change(decision.outcome, decision.article, decision.new)


def write(session: Session, state: BatchState, load_id: int, now: datetime) -> None:
    """Write the articles, aliases and change-feed entries that `state` has collected."""
    article_writes.write(session, state.writes, state.aliases, load_id, now)
    change_log.record(session, state.events, load_id, now)


def record_result(
    position: int, line: int, file: str | None, decision: Decision, flags: Iterable[HygieneFlag]
) -> RecordResult:
    """Return the receipt's entry for a valid record."""
    return RecordResult(
        position=position,
        file=file,
        line=line,
        slug=decision.new.record.slug,
        outcome=decision.outcome,
        reason=decision.reason,
        faults=[],
        flags=[asdict(flag) for flag in flags],
    )


def rejected_result(position: int, item: Rejected) -> RecordResult:
    """Return the receipt's entry for a record that is not valid."""
    left_out = f"{item.left_out} more faults are not listed" if item.left_out else None
    return RecordResult(
        position=position,
        file=item.file,
        line=item.line,
        slug=item.slug,
        outcome="rejected",
        reason=left_out,
        faults=[asdict(fault) for fault in item.faults],
        flags=[],
    )
