"""The outcome of a record, given the articles it concerns. Pure."""

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
"""The outcomes a record in a feed can have. An edit can also withdraw an article."""

WRITING_OUTCOMES: Final = frozenset({"created", "updated", "moved", "restored"})
"""The outcomes that change an article."""

SUFFIX_DIGITS: Final = 8


class Policy(NamedTuple):
    """What an operator has chosen where there is a choice.

    `suffix`: a record whose slug belongs to another story gets a slug of its own. `restore`: a
    record of a withdrawn article restores it.
    """

    suffix: bool = False
    restore: bool = False


DEFAULT_POLICY: Final = Policy()


class Decision(NamedTuple):
    """The outcome of a record, and the reason where the outcome does not explain itself.

    `new` is the record under the slug it will have. `article` is the article that changes, or the
    one that stands in its way.
    """

    outcome: Outcome
    new: Candidate
    article: ArticleWrite | None = None
    reason: str | None = None


def decide(state: BatchState, new: Candidate, policy: Policy) -> Decision:
    """Return what to do with `new`. `state` is not changed."""
    same_slug = state.by_slug(new.record.slug)
    if same_slug is not None and _is_another_story(same_slug, new) and policy.suffix:
        new = new.with_slug(slug_with_suffix(new.record.slug, new.key or ""))
        same_slug = state.by_slug(new.record.slug)
    if same_slug is not None and _is_another_story(same_slug, new):
        key = same_slug.existing.canonical_key or ""
        reason = f"the slug belongs to another story: {excerpt(key)}"
        return Decision("conflict", new, same_slug, reason)
    same_story = _same_story(state, new)
    existing = same_slug or same_story
    if existing and not existing.existing.withdrawn and _is_withdrawn(new):
        reason = "the record is withdrawn, but the article is not"
        return Decision("conflict", new, existing, reason)
    if same_slug is not None:
        return decide_same_slug(same_slug, same_story, new, policy)
    if same_story is None:
        return Decision("created", new)
    return decide_other_slug(same_story, new, policy)


def slug_with_suffix(slug: str, key: str) -> str:
    """Return the slug for the story `key` when `slug` is taken: the same one on every load."""
    digits = hashlib.sha256(key.encode()).hexdigest()[:SUFFIX_DIGITS]
    return f"{slug[: SLUG_LENGTH - SUFFIX_DIGITS - 1].rstrip('-.')}-{digits}"


def decide_by_age(article: ArticleWrite, new: Candidate, if_newer: Decision) -> Decision:
    """Return `if_newer`, unless `new` is older than `article` or as old: the stale rule.

    It holds for feeds and edits alike. The content is known to differ.
    """
    old, updated_at = article.existing.updated_at, new.record.updated_at
    if updated_at < old:
        reason = "updated_at is earlier than the article's"
        return Decision("skipped_stale", new, article, reason)
    if updated_at == old:
        reason = "updated_at is the same as the article's, but the content differs"
        return Decision("conflict", new, article, reason)
    return if_newer


def decide_same_slug(
    article: ArticleWrite, same_story: ArticleWrite | None, new: Candidate, policy: Policy
) -> Decision:
    """Decide the outcome of a record whose slug is taken, possibly by the same story."""
    if same_story is not None and same_story is not article:
        reason = f"the story is already at /news/{same_story.existing.slug}"
        return Decision("conflict", new, same_story, reason)
    is_same = article.existing.digest == new.digest
    if article.existing.withdrawn and not (_is_withdrawn(new) and is_same):
        return decide_restore(article, new, policy)
    if is_same:
        return Decision("unchanged", new, article)
    return decide_by_age(article, new, Decision("updated", new, article))


def decide_other_slug(article: ArticleWrite, new: Candidate, policy: Policy) -> Decision:
    """Decide about a record whose story has an article at another slug."""
    old = article.existing
    if old.withdrawn:
        return decide_restore(article, new, policy)
    if new.record.updated_at <= old.updated_at:
        return Decision("duplicate_of", new, article, f"/news/{old.slug}, which is not older")
    return Decision("moved", new, article, f"from /news/{old.slug}")


def decide_restore(withdrawn: ArticleWrite, new: Candidate, policy: Policy) -> Decision:
    """Decide about a record of a withdrawn article."""
    if not policy.restore or _is_withdrawn(new):
        return Decision("conflict", new, withdrawn, "the article was withdrawn")
    restored = Decision("restored", new, withdrawn)
    if new.record.updated_at == withdrawn.existing.updated_at:
        return restored  # a withdrawal does not change updated_at
    return decide_by_age(withdrawn, new, restored)


def decide_new_article(state: BatchState, new: Candidate) -> Decision:
    """Decide about an edit that creates an article; it must not change another one."""
    decision = decide(state, new, DEFAULT_POLICY)
    if decision.outcome == "created" or decision.article is None:
        return decision
    other_slug = decision.article.existing.slug
    reason = f"the slug or the source belongs to another article, /news/{other_slug}"
    return decision._replace(outcome="conflict", reason=reason)


def decide_edit(state: BatchState, article: ArticleWrite, new: Candidate) -> Decision:
    """Decide about an edit of `article`, which may change its slug or its source."""
    old = article.existing
    if old.withdrawn:
        return Decision("conflict", new, article, "the article is withdrawn; restore it first")
    if old.digest == new.digest:
        return Decision("unchanged", new, article)
    same_story = state.by_canonical_key(new.key) if new.key else None
    for other in state.by_slug(new.record.slug), same_story:
        if other is not None and other is not article:
            reason = f"another article, /news/{other.existing.slug}, has that slug or source"
            return Decision("conflict", new, article, reason)
    if new.record.slug == old.slug:
        return decide_by_age(article, new, Decision("updated", new, article))
    return decide_by_age(article, new, Decision("moved", new, article, f"from /news/{old.slug}"))


def _is_another_story(article: ArticleWrite, new: Candidate) -> bool:
    key = article.existing.canonical_key
    return bool(key and new.key and key != new.key)


def _same_story(state: BatchState, new: Candidate) -> ArticleWrite | None:
    """Return the article of the same story: by its canonical key, else by an alias it had."""
    if new.key and (article := state.by_canonical_key(new.key)):
        return article
    former = state.by_alias(new.record.slug)
    return None if former is None or _is_another_story(former, new) else former


def _is_withdrawn(new: Candidate) -> bool:
    """Return whether the record itself says that it is withdrawn, as exports do."""
    return new.record.upkeep.withdrawn_at is not None
