"""Ways back: where articles go when a load is undone, in which order, and what is in the way.

Pure, from what the load did to each article and what stands there by now.
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
    """Where an article was, which story it told, if it was withdrawn, and else since when seen."""

    slug: str
    key: str | None
    withdrawn: bool
    visible_from: datetime | None = None


class UndoStep(NamedTuple):
    """An article, what a load did to it, the latest first, and where it was before, if anywhere."""

    article: ExistingArticle
    effects: Sequence[LoadEffect]
    before: AddressState | None

    @property
    def id(self) -> int:
        """The article's number."""
        assert self.article.id is not None  # noqa: S101 - it stands in the database
        return self.article.id

    @property
    def leads_elsewhere(self) -> bool:
        """Whether another article may be in the way."""
        here, before = self.article, self.before
        if any(effect.previous_slug is not None for effect in self.effects):
            return True
        return before is not None and (before.slug, before.key) != (here.slug, here.canonical_key)


@dataclass(frozen=True, slots=True)
class CurrentState:
    """Who stands at the slugs to which ways lead, who had them, and who tells the stories."""

    at: Mapping[str, ExistingArticle] = field(default_factory=dict)
    having_had: Mapping[str, ExistingArticle] = field(default_factory=dict)
    telling: Mapping[str, Sequence[ExistingArticle]] = field(default_factory=dict)


def blocked(ways: Sequence[UndoStep], there: CurrentState) -> dict[int, str]:
    """Say which articles cannot go back, and what is in the way of each."""
    going = {way.id: way for way in ways}
    wanting = defaultdict[str | None, list[UndoStep]](list)
    telling = defaultdict[str | None, list[UndoStep]](list)
    for way in ways:
        if way.before is not None:
            wanting[way.before.slug].append(way)
            telling[way.before.key].append(way)
    left: dict[int, str] = {}
    for rivals in wanting.values():
        # One of them may be there already; in any case there is room for one.
        rivals.sort(key=lambda way: way.before is None or way.before.slug != way.article.slug)
        left |= {way.id: f"another article goes back to {_address(way)}" for way in rivals[1:]}
    queue = deque(ways)
    while queue:
        way = queue.popleft()
        reason = left.get(way.id) or _in_the_way(way, going, there)
        if way.id not in going or reason is None:
            continue
        left[way.id] = reason
        del going[way.id]
        # It stays, and so it may be in the way of those that go where it is, or was.
        for slug in {way.article.slug, *(effect.previous_slug for effect in way.effects)}:
            queue.extend(wanting.get(slug, ()))
        if way.article.canonical_key:
            queue.extend(telling.get(way.article.canonical_key, ()))
    return left


def _address(way: UndoStep) -> str:
    assert way.before is not None  # noqa: S101 - it goes back to somewhere
    return f"/news/{way.before.slug}"


def _in_the_way(way: UndoStep, going: Mapping[int, UndoStep], there: CurrentState) -> str | None:
    """Say what keeps an article from going back to where it was."""
    if way.before is None:
        return None
    slug, key = way.before[:2]
    other = there.at.get(slug)
    if other and _is_other(other, way) and _stays(other, going):
        return f"another article is at /news/{slug} by now"
    owner = there.having_had.get(slug)
    if owner and _is_other(owner, way) and not _has_left(owner, slug, going):
        return f"/news/{slug} leads to another article by now"
    for other in there.telling.get(key, ()) if key else ():
        if _is_other(other, way) and _goes_on_telling(other, going):
            return f"its story is told at /news/{other.slug} by now"
    return None


def _is_other(article: ExistingArticle, way: UndoStep) -> bool:
    return article.id != way.article.id


def _going(article: ExistingArticle, going: Mapping[int, UndoStep]) -> UndoStep | None:
    return None if article.id is None else going.get(article.id)


def _stays(article: ExistingArticle, going: Mapping[int, UndoStep]) -> bool:
    way = _going(article, going)
    return way is None or (way.before is not None and way.before.slug == article.slug)


def _has_left(article: ExistingArticle, slug: str, going: Mapping[int, UndoStep]) -> bool:
    """Say whether it was in the load that the article left `slug`, to which it goes back."""
    way = _going(article, going)
    return way is not None and any(effect.previous_slug == slug for effect in way.effects)


def _goes_on_telling(article: ExistingArticle, going: Mapping[int, UndoStep]) -> bool:
    way = _going(article, going)
    return way is None or (way.before is not None and way.before.key == article.canonical_key)


def ordered(ways: Sequence[UndoStep]) -> Iterator[Sequence[UndoStep]]:
    """Yield ways in groups, each of which can be gone when those before it have been.

    A group of several is a ring: each of its articles goes to the slug of the one before it, and
    the first one to that of the last.
    """
    here = {way.article.slug: way for way in ways}
    done: set[int] = set()
    for way in ways:
        chain: dict[int, UndoStep] = {}
        following: UndoStep | None = way
        while following and following.id not in done and following.id not in chain:
            chain[following.id] = following
            following = _waiting_for(following, here)
        done.update(chain)
        if following is not None and following.id in chain:
            first, *others = chain.values()
            yield [first, *reversed(others)]
        else:
            yield from ([each] for each in reversed(chain.values()))


def _waiting_for(way: UndoStep, here: Mapping[str, UndoStep]) -> UndoStep | None:
    """Return the way that must be gone first, for it begins where this one ends."""
    if way.before is None or way.before.slug == way.article.slug:
        return None
    return here.get(way.before.slug)


def steps(group: Sequence[UndoStep], drafts: Mapping[int, ArticleWrite]) -> Iterator[ChangeEvent]:
    """Yield the changes by which the articles of a group go back.

    Who follows the change feed by slugs must find no two articles at one, so in a ring the first
    article is gone until the others have moved.
    """
    first = group[0]
    if len(group) == 1:
        yield _step(first, drafts, first.article.slug, withdrawn=first.article.withdrawn)
        return
    yield ChangeEvent("deleted", drafts.get(first.id), first.article.slug)
    for way in group[1:]:
        yield _step(way, drafts, way.article.slug, withdrawn=way.article.withdrawn)
    yield _step(first, drafts, None, withdrawn=True)


def _step(
    way: UndoStep, drafts: Mapping[int, ArticleWrite], here: str | None, *, withdrawn: bool
) -> ChangeEvent:
    """Return the change by which an article goes back from `here`, or from nowhere."""
    before, draft = way.before, drafts.get(way.id)
    if before is None:
        return ChangeEvent("deleted", None, way.article.slug, listed=way.article.listed)
    left = here if here != before.slug else None
    if before.withdrawn:
        return ChangeEvent("deleted", draft, before.slug, left)
    if withdrawn:
        return ChangeEvent("restored", draft, before.slug, left, visible_from=before.visible_from)
    kind = "moved" if left else "updated"
    return ChangeEvent(kind, draft, before.slug, left, visible_from=before.visible_from)


def slugs(ways: Sequence[UndoStep]) -> Collection[str]:
    """Return the slugs to which articles came in the load, or which they left."""
    return _events(ways).keys()


def aliases(
    ways: Sequence[UndoStep], owners: Mapping[str, int], taken: Collection[str]
) -> dict[str, int | None]:
    """Return whose aliases slugs are again that a load gave away or took, now that all are back.

    `owners` are those of the aliases by now, `taken` the slugs at which somebody stands. A slug
    that something later has given to another article stays as it is.
    """
    found: dict[str, int | None] = {}
    for slug, (first, last) in _events(ways).items():
        expected = last.article_id if last.previous_slug == slug else None
        if owners.get(slug, expected) == expected:
            found[slug] = first.alias_of if first.previous_slug != slug else None
    return {slug: None if slug in taken else owner for slug, owner in found.items()}


def _events(ways: Sequence[UndoStep]) -> dict[str, tuple[LoadEffect, LoadEffect]]:
    """Return the first and the last time that an article came to a slug, or left it."""
    found: dict[str, tuple[LoadEffect, LoadEffect]] = {}
    for effect in sorted((e for way in ways for e in way.effects), key=lambda effect: effect.seq):
        if effect.previous_slug is None and effect.kind != "created":
            continue
        for slug in (effect.previous_slug, effect.slug):
            if slug is not None:
                found[slug] = (found.get(slug, (effect, effect))[0], effect)
    return found
