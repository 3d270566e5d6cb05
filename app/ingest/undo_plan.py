"""The plan of an undo: which articles can be restored, and in which order.

Pure: computed from what the load did to each article and from the current state.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from app.store.article_writes import ArticleWrite
from app.store.change_log import ChangeEvent
from app.store.existing_articles import ExistingArticle
from app.store.load_effects import LoadEffect


class AddressState(NamedTuple):
    """An article's slug, canonical key and visibility before a load."""

    slug: str
    key: str | None
    withdrawn: bool
    visible_from: datetime | None = None


class UndoStep(NamedTuple):
    """The undo of one article.

    `effects` are what the load did to it, the latest first; `before` is its state before the load,
    or None if the load created it.
    """

    article: ExistingArticle
    effects: Sequence[LoadEffect]
    before: AddressState | None

    @property
    def id(self) -> int:
        """The article's id."""
        assert self.article.id is not None  # noqa: S101 - it was read from the database
        return self.article.id

    @property
    def changes_address(self) -> bool:
        """Whether slug or story change, so that other articles may be in conflict with the step."""
        now, before = self.article, self.before
        if any(effect.previous_slug is not None for effect in self.effects):
            return True
        return before is not None and (before.slug, before.key) != (now.slug, now.canonical_key)


@dataclass(frozen=True, slots=True)
class CurrentState:
    """The articles that now have the slugs, aliases and canonical keys which the undo needs."""

    by_slug: Mapping[str, ExistingArticle] = field(default_factory=dict)
    by_alias: Mapping[str, ExistingArticle] = field(default_factory=dict)
    by_canonical_key: Mapping[str, Sequence[ExistingArticle]] = field(default_factory=dict)


def conflicts(steps: Sequence[UndoStep], current: CurrentState) -> dict[int, str]:
    """Return the ids of articles that cannot be restored, with the reason for each."""
    pending = {step.id: step for step in steps}
    by_target_slug = defaultdict[str | None, list[UndoStep]](list)
    by_target_key = defaultdict[str | None, list[UndoStep]](list)
    for step in steps:
        if step.before is not None:
            by_target_slug[step.before.slug].append(step)
            by_target_key[step.before.key].append(step)
    left: dict[int, str] = {}
    for rivals in by_target_slug.values():
        # Only one of them can have the slug: preferably the one that has it now.
        rivals.sort(key=lambda step: step.before is None or step.before.slug != step.article.slug)
        left |= {step.id: f"another article goes back to {_target(step)}" for step in rivals[1:]}
    queue = deque(steps)
    while queue:
        step = queue.popleft()
        reason = left.get(step.id) or _conflict(step, pending, current)
        if step.id not in pending or reason is None:
            continue
        left[step.id] = reason
        del pending[step.id]
        # The article stays where it is, which may block steps to its slugs or its story.
        for slug in {step.article.slug, *(effect.previous_slug for effect in step.effects)}:
            queue.extend(by_target_slug.get(slug, ()))
        if step.article.canonical_key:
            queue.extend(by_target_key.get(step.article.canonical_key, ()))
    return left


def _target(step: UndoStep) -> str:
    assert step.before is not None  # noqa: S101 - only steps with a target are compared
    return f"/news/{step.before.slug}"


def _conflict(step: UndoStep, pending: Mapping[int, UndoStep], current: CurrentState) -> str | None:
    """Return why an article cannot go back to its slug and story, or None."""
    if step.before is None:
        return None
    slug, key = step.before[:2]
    other = current.by_slug.get(slug)
    if other and other.id != step.article.id and _keeps_slug(other, pending):
        return f"another article is now at /news/{slug}"
    owner = current.by_alias.get(slug)
    if owner and owner.id != step.article.id and not _left_slug(owner, slug, pending):
        return f"/news/{slug} now redirects to another article"
    for other in current.by_canonical_key.get(key, ()) if key else ():
        if other.id != step.article.id and _keeps_story(other, pending):
            return f"its story is now at /news/{other.slug}"
    return None


def _pending_step(article: ExistingArticle, pending: Mapping[int, UndoStep]) -> UndoStep | None:
    return None if article.id is None else pending.get(article.id)


def _keeps_slug(article: ExistingArticle, pending: Mapping[int, UndoStep]) -> bool:
    step = _pending_step(article, pending)
    return step is None or (step.before is not None and step.before.slug == article.slug)


def _left_slug(article: ExistingArticle, slug: str, pending: Mapping[int, UndoStep]) -> bool:
    """Return whether `article` left `slug` in the load that is undone, and so goes back to it."""
    step = _pending_step(article, pending)
    return step is not None and any(effect.previous_slug == slug for effect in step.effects)


def _keeps_story(article: ExistingArticle, pending: Mapping[int, UndoStep]) -> bool:
    step = _pending_step(article, pending)
    return step is None or (step.before is not None and step.before.key == article.canonical_key)


def topological_order(steps: Sequence[UndoStep]) -> Iterator[Sequence[UndoStep]]:
    """Yield groups of steps, each possible once the groups before it are done.

    A group of several is a cycle: each article takes the slug of the one before it, and the first
    takes that of the last.
    """
    by_current_slug = {step.article.slug: step for step in steps}
    done: set[int] = set()
    for step in steps:
        chain: dict[int, UndoStep] = {}
        following: UndoStep | None = step
        while following and following.id not in done and following.id not in chain:
            chain[following.id] = following
            following = _prerequisite(following, by_current_slug)
        done.update(chain)
        if following is not None and following.id in chain:
            first, *others = chain.values()
            yield [first, *reversed(others)]
        else:
            yield from ([each] for each in reversed(chain.values()))


def _prerequisite(step: UndoStep, by_current_slug: Mapping[str, UndoStep]) -> UndoStep | None:
    """Return the step that must be done first, because it frees the slug that `step` needs."""
    if step.before is None or step.before.slug == step.article.slug:
        return None
    return by_current_slug.get(step.before.slug)


def change_events(
    group: Sequence[UndoStep], articles: Mapping[int, ArticleWrite]
) -> Iterator[ChangeEvent]:
    """Yield the change-feed events for a group of steps.

    A client that follows the feed by slugs must never see two articles at one slug, so in a cycle
    the first article is deleted until the others have moved.
    """
    first = group[0]
    if len(group) == 1:
        yield _event(first, articles, first.article.slug, withdrawn=first.article.withdrawn)
        return
    yield ChangeEvent("deleted", articles.get(first.id), first.article.slug)
    for step in group[1:]:
        yield _event(step, articles, step.article.slug, withdrawn=step.article.withdrawn)
    yield _event(first, articles, None, withdrawn=True)


def _event(
    step: UndoStep, articles: Mapping[int, ArticleWrite], slug_now: str | None, *, withdrawn: bool
) -> ChangeEvent:
    """Return the event for an article that goes back from `slug_now`, or from being deleted."""
    before, article = step.before, articles.get(step.id)
    if before is None:
        return ChangeEvent("deleted", None, step.article.slug, listed=step.article.listed)
    previous = slug_now if slug_now != before.slug else None
    if before.withdrawn:
        return ChangeEvent("deleted", article, before.slug, previous)
    kind = "restored" if withdrawn else "moved" if previous else "updated"
    return ChangeEvent(kind, article, before.slug, previous, visible_from=before.visible_from)


def affected_slugs(steps: Sequence[UndoStep]) -> Collection[str]:
    """Return the slugs that articles took or left in the load."""
    return _first_and_last_effects(steps).keys()


def restored_aliases(
    steps: Sequence[UndoStep], owners: Mapping[str, int], taken: Collection[str]
) -> dict[str, int | None]:
    """Return the article ids that aliases belong to after the undo; None ends an alias.

    `owners` are the current owners of aliases, `taken` the slugs of articles. A slug that something
    later has given to another article is left out.
    """
    found: dict[str, int | None] = {}
    for slug, (first, last) in _first_and_last_effects(steps).items():
        expected = last.article_id if last.previous_slug == slug else None
        if owners.get(slug, expected) == expected:
            found[slug] = first.alias_of if first.previous_slug != slug else None
    return {slug: None if slug in taken else owner for slug, owner in found.items()}


def _first_and_last_effects(
    steps: Sequence[UndoStep],
) -> dict[str, tuple[LoadEffect, LoadEffect]]:
    """Return for each slug the first and the last effect by which an article took or left it."""
    found: dict[str, tuple[LoadEffect, LoadEffect]] = {}
    effects = (effect for step in steps for effect in step.effects)
    for effect in sorted(effects, key=lambda effect: effect.seq):
        if effect.previous_slug is None and effect.kind != "created":
            continue
        for slug in (effect.previous_slug, effect.slug):
            if slug is not None:
                found[slug] = (found.get(slug, (effect, effect))[0], effect)
    return found
