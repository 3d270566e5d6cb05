"""What becomes of a record, given what stands at its slug. Pure."""

from typing import Final, Literal, NamedTuple

from app.records import Record
from app.store.articles import Standing
from app.texts import excerpt

Outcome = Literal["created", "updated", "unchanged", "skipped_stale", "conflict", "rejected"]
OUTCOMES: Final[tuple[Outcome, ...]] = (
    "created",
    "updated",
    "unchanged",
    "skipped_stale",
    "conflict",
    "rejected",
)


class Decision(NamedTuple):
    """What becomes of a record, and why, where that does not go without saying."""

    outcome: Outcome
    reason: str | None = None


def decide(old: Standing | None, new: Record) -> Decision:
    """Say what becomes of `new`, given the article that stands at its slug."""
    if old is None:
        return Decision("created")
    if reason := _taken(old, new):
        return Decision("conflict", reason)
    if old.digest == new.digest:
        return Decision("unchanged")
    if new.updated_at < old.updated_at:
        return Decision("skipped_stale", "the article was updated later than this record")
    if new.updated_at == old.updated_at:
        return Decision("conflict", "other content with the same updated_at")
    return Decision("updated")


def _taken(old: Standing, new: Record) -> str | None:
    """Say why the slug is not `new`'s to write to."""
    if old.withdrawn:
        return "the article was withdrawn"
    if old.canonical_key and new.canonical_key and old.canonical_key != new.canonical_key:
        return f"the slug belongs to another story: {excerpt(old.canonical_key)}"
    return None
