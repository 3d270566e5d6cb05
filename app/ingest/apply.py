"""Applying a batch: look at what stands there, decide about each record, write what changes."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from app.article.hygiene import HygieneFlag
from app.background_priority import in_turns
from app.database.transactions import Session
from app.feeds import Rejected
from app.ingest.batch_state import BatchState
from app.ingest.batching import Batch, PendingRecord
from app.ingest.candidate import Candidate
from app.ingest.decide import WRITTEN, Decision, Policy, decide, suffixed
from app.store import article_writes, change_log, existing_articles
from app.store.loads import RecordResult


def apply(
    session: Session, batch: Batch, policy: Policy, load_id: int, now: datetime
) -> list[RecordResult]:
    """Decide about the records of `batch`, write those that are new or newer, and say so.

    The session is one of `Database.writing()`.
    """
    scene = BatchState()
    look(session, scene, batch, policy)
    results = play(scene, batch, policy)
    write(session, scene, load_id, now)
    return [result for result, _ in results]


def look(session: Session, scene: BatchState, batch: Batch, policy: Policy) -> None:
    """Add to `scene` what the records of `batch` may meet in the database."""
    see(session, scene, [c.new for c in batch.items if isinstance(c, PendingRecord)], policy)


def see(session: Session, scene: BatchState, records: Iterable[Candidate], policy: Policy) -> None:
    """Add to `scene` what `records` may meet in the database."""
    slugs: set[str] = set()
    keys: set[str] = set()
    for new in in_turns(records):
        slugs.add(new.record.slug)
        slugs.update(new.record.upkeep.aliases)
        if new.key:
            keys.add(new.key)
            if policy.suffix:
                slugs.add(suffixed(new.record.slug, new.key))
    # The older of several that tell one story is the one that counts, so it comes last.
    scene.add(existing_articles.by_canonical_key(session, keys))
    scene.add(existing_articles.by_slug(session, slugs))
    scene.add_former(existing_articles.by_alias(session, slugs))


def play(
    scene: BatchState, batch: Batch, policy: Policy
) -> list[tuple[RecordResult, Decision | None]]:
    """Decide about the items of `batch` one after the other, each of which meets the one before."""
    played: list[tuple[RecordResult, Decision | None]] = []
    for position, item in enumerate(in_turns(batch.items), batch.position + 1):
        if isinstance(item, Rejected):
            played.append((rejected(position, item), None))
        else:
            decision = decide(scene, item.new, policy)
            enact(scene, decision)
            result = told(position, item.line, item.file, decision, item.flags)
            played.append((result, decision))
    return played


def enact(scene: BatchState, decision: Decision) -> None:
    """Change `scene` as `decision` says."""
    if decision.outcome == "created":
        scene.create(decision.new)
    elif decision.outcome in WRITTEN and decision.article is not None:
        scene.change(decision.outcome, decision.article, decision.new)


def write(session: Session, scene: BatchState, load_id: int, now: datetime) -> None:
    """Write what has changed in `scene`."""
    article_writes.write(session, scene.drafts, scene.aliases, load_id, now)
    change_log.record(session, scene.steps, load_id, now)


def told(
    position: int, line: int, file: str | None, decision: Decision, odd: Iterable[HygieneFlag]
) -> RecordResult:
    """Return the result for a record about which was decided."""
    return RecordResult(
        position=position,
        file=file,
        line=line,
        slug=decision.new.record.slug,
        outcome=decision.outcome,
        reason=decision.reason,
        faults=[],
        flags=[asdict(flag) for flag in odd],
    )


def rejected(position: int, item: Rejected) -> RecordResult:
    """Return the result for what is no record."""
    left_out = f"{item.left_out} further faults are left out" if item.left_out else None
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
