"""What becomes of a record, given what stands where it would go. Pure."""

import hashlib
from typing import Final, Literal, NamedTuple, get_args

from app.article.record import SLUG_LENGTH
from app.ingest.batch_state import BatchState
from app.ingest.candidate import Candidate
from app.store.article_writes import ArticleWrite
from app.text import excerpt

FeedOutcome = Literal[
    "created",
    "updated",
    "moved",
    "restored",
    "unchanged",
    "duplicate_of",
    "skipped_stale",
    "conflict",
    "rejected",
]
Outcome = FeedOutcome | Literal["withdrawn"]
OUTCOMES: Final[tuple[str, ...]] = get_args(FeedOutcome)
"""What may become of a record in a feed. An edit may withdraw an article besides."""

WRITTEN: Final = frozenset({"created", "updated", "moved", "restored"})
"""The outcomes that change an article."""

SUFFIX_DIGITS: Final = 8


class Policy(NamedTuple):
    """What an operator wants done where there is a choice.

    A record whose slug is another story's goes to a slug of its own with `suffix`; one whose
    article was withdrawn brings it back with `restore`.
    """

    suffix: bool = False
    restore: bool = False


PLAIN: Final = Policy()


class Decision(NamedTuple):
    """What becomes of a record, and why, where that does not go without saying.

    `new` is the record at the slug to which it goes, `article` the one concerned: that which
    changes, or is in the way.
    """

    outcome: Outcome
    new: Candidate
    article: ArticleWrite | None = None
    reason: str | None = None


def decide(scene: BatchState, new: Candidate, policy: Policy) -> Decision:
    """Say what becomes of `new` in `scene`, which stays as it is."""
    there = scene.at(new.record.slug)
    if there is not None and _tells_another(there, new) and policy.suffix:
        new = new.at(suffixed(new.record.slug, new.key or ""))
        there = scene.at(new.record.slug)
    if there is not None and _tells_another(there, new):
        key = there.existing.canonical_key or ""
        reason = f"the slug belongs to another story: {excerpt(key)}"
        return Decision("conflict", new, there, reason)
    story = _told(scene, new)
    standing = there or story
    if standing and not standing.existing.withdrawn and _is_withdrawn(new):
        return Decision(
            "conflict", new, standing, "the record is withdrawn, and the article is not"
        )
    if there is not None:
        return _over(there, story, new, policy)
    if story is None:
        return Decision("created", new)
    return _elsewhere(story, new, policy)


def suffixed(slug: str, key: str) -> str:
    """Return the slug for the story `key` where `slug` is another's: the same one each time."""
    digits = hashlib.sha256(key.encode()).hexdigest()[:SUFFIX_DIGITS]
    return f"{slug[: SLUG_LENGTH - SUFFIX_DIGITS - 1].rstrip('-.')}-{digits}"


def _tells_another(article: ArticleWrite, new: Candidate) -> bool:
    key = article.existing.canonical_key
    return bool(key and new.key and key != new.key)


def _told(scene: BatchState, new: Candidate) -> ArticleWrite | None:
    """Return the article that tells the story of `new`, as far as that is known."""
    if new.key and (story := scene.telling(new.key)):
        return story
    former = scene.having_had(new.record.slug)
    return None if former is None or _tells_another(former, new) else former


def _over(
    there: ArticleWrite, story: ArticleWrite | None, new: Candidate, policy: Policy
) -> Decision:
    """Decide about a record whose slug has an article of the same story, for all that is known."""
    if story is not None and story is not there:
        reason = f"the story is told at /news/{story.existing.slug}"
        return Decision("conflict", new, story, reason)
    old, updated_at = there.existing, new.record.updated_at
    if old.withdrawn and not (_is_withdrawn(new) and old.digest == new.digest):
        return _back(there, new, policy)
    if old.digest == new.digest:
        return Decision("unchanged", new, there)
    if updated_at < old.updated_at:
        reason = "the article was updated later than this record"
        return Decision("skipped_stale", new, there, reason)
    if updated_at == old.updated_at:
        return Decision("conflict", new, there, "other content with the same updated_at")
    return Decision("updated", new, there)


def _elsewhere(story: ArticleWrite, new: Candidate, policy: Policy) -> Decision:
    """Decide about a record of a story that stands at another slug."""
    old = story.existing
    if old.withdrawn:
        return _back(story, new, policy)
    if new.record.updated_at <= old.updated_at:
        return Decision("duplicate_of", new, story, f"/news/{old.slug}, which is not older")
    return Decision("moved", new, story, f"from /news/{old.slug}")


def _is_withdrawn(new: Candidate) -> bool:
    """Say whether a record says of itself that it is withdrawn: it brings nothing back."""
    return new.record.upkeep.withdrawn_at is not None


def _back(withdrawn: ArticleWrite, new: Candidate, policy: Policy) -> Decision:
    if not policy.restore or _is_withdrawn(new):
        return Decision("conflict", new, withdrawn, "the article was withdrawn")
    if new.record.updated_at < withdrawn.existing.updated_at:
        reason = "the article that was withdrawn was updated later than this record"
        return Decision("skipped_stale", new, withdrawn, reason)
    return Decision("restored", new, withdrawn)
