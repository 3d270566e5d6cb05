"""A scene: what stands where the records of a batch would go, and what that has come to by now.

It is read from the database once for each batch, and changed as records are decided about: the
second record of a slug meets the first one. In the end it is written, all at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.ingest.candidate import Candidate
from app.store.article_writes import ArticleWrite
from app.store.articles import ArticleState
from app.store.change_log import ChangeEvent
from app.store.existing_articles import ExistingArticle


@dataclass(slots=True)
class BatchState:
    """Who stands at a slug, who tells a story, and who had a slug before.

    `drafts` are the articles that have changed, `steps` the changes in their order, and `aliases`
    the slugs that have become somebody's alias, or nobody's any more.
    """

    drafts: list[ArticleWrite] = field(default_factory=list)
    steps: list[ChangeEvent] = field(default_factory=list)
    aliases: dict[str, ArticleWrite | None] = field(default_factory=dict)
    _known: dict[int, ArticleWrite] = field(default_factory=dict)
    _slugs: dict[str, ArticleWrite] = field(default_factory=dict)
    _stories: dict[str, ArticleWrite] = field(default_factory=dict)
    _former: dict[str, ArticleWrite] = field(default_factory=dict)
    _beaten: set[str] = field(default_factory=set)

    def at(self, slug: str) -> ArticleWrite | None:
        """Return the article at `slug`, published, withdrawn, or neither yet."""
        return self._slugs.get(slug)

    def telling(self, key: str) -> ArticleWrite | None:
        """Return the article that tells the story with that canonical key."""
        return self._stories.get(key)

    def having_had(self, slug: str) -> ArticleWrite | None:
        """Return the article of which `slug` is an alias."""
        return self._former.get(slug)

    def add(self, found: Iterable[ExistingArticle]) -> None:
        """Add articles that stand in the database."""
        for each in found:
            self._draft(each)

    def add_former(self, found: Mapping[str, ExistingArticle]) -> None:
        """Add slugs that articles had, with the articles.

        Those at which an article has come to stand since the scene began are aliases no more.
        """
        for slug, each in found.items():
            draft = self._draft(each)
            if slug not in self._beaten:
                self._former[slug] = draft

    def _draft(self, standing: ExistingArticle) -> ArticleWrite:
        assert standing.id is not None  # noqa: S101 - it stands in the database
        draft = self._known.get(standing.id)
        if draft is None:
            draft = self._known[standing.id] = ArticleWrite(standing)
            self._slugs[standing.slug] = draft
            if standing.canonical_key:
                self._stories[standing.canonical_key] = draft
        return draft

    def forget_states(self) -> None:
        """Forget what has changed, but not what has come of it: nothing of it will be written."""
        for draft in self.drafts:
            draft.states.clear()
        self.drafts.clear()
        self.steps.clear()
        self.aliases.clear()

    def create(self, new: Candidate) -> ArticleWrite:
        """Let a new article stand at the slug of `new`, with the aliases that are free."""
        record, upkeep = new.record, new.record.upkeep
        standing = ExistingArticle(
            id=None,
            slug=record.slug,
            canonical_key=new.key,
            updated_at=record.updated_at,
            digest=new.digest,
            withdrawn=upkeep.withdrawn_at is not None,
        )
        draft = ArticleWrite(standing)
        state = ArticleState(record, upkeep.withdrawn_at, upkeep.withdrawn_reason)
        self._step("created", draft, self._arrive(draft), visible_from=state.visible_from)
        self._become(draft, state, standing)
        for slug in upkeep.aliases:
            if slug not in self._slugs and slug not in self._former:
                self.aliases[slug] = self._former[slug] = draft
        if standing.withdrawn:
            self._step("deleted", draft, None)
        return draft

    def change(self, kind: str, draft: ArticleWrite, new: Candidate) -> None:
        """Let `new` be what `draft` is from now on, wherever its slug is."""
        before = draft.existing
        old_key = before.canonical_key or ""
        if old_key != new.key and self._stories.get(old_key) is draft:
            del self._stories[old_key]
        standing = ExistingArticle(
            id=before.id,
            slug=new.record.slug,
            canonical_key=new.key,
            updated_at=new.record.updated_at,
            digest=new.digest,
        )
        self._move(kind, draft, standing, new.record.published_at)
        self._become(draft, ArticleState(new.record), standing)

    def withdraw(self, draft: ArticleWrite, state: ArticleState) -> None:
        """Let `draft` be withdrawn: `state` is what it is with that."""
        before = draft.existing
        standing = ExistingArticle(
            id=before.id,
            slug=before.slug,
            canonical_key=before.canonical_key,
            updated_at=before.updated_at,
            digest=before.digest,
            withdrawn=True,
        )
        draft.existing = standing
        self._step("deleted", draft, None)
        self._become(draft, state, standing)

    def _move(
        self, kind: str, draft: ArticleWrite, standing: ExistingArticle, visible_from: datetime
    ) -> None:
        """Let `draft` be where `standing` says. A slug that it leaves becomes its alias."""
        previous = draft.existing.slug
        draft.existing = standing
        if standing.slug == previous:
            self._step(kind, draft, None, visible_from=visible_from)
            return
        del self._slugs[previous]
        former = self._arrive(draft)
        self.aliases[previous] = self._former[previous] = draft
        self._step(kind, draft, former, previous, visible_from)

    def _arrive(self, draft: ArticleWrite) -> ArticleWrite | None:
        """Let `draft` stand at its slug. Return whose alias it was: what is live beats that."""
        slug = draft.existing.slug
        self._slugs[slug] = draft
        former = self._former.pop(slug, None)
        if former is not None:
            self.aliases[slug] = None
            self._beaten.add(slug)
        return former

    def _become(self, draft: ArticleWrite, state: ArticleState, standing: ExistingArticle) -> None:
        draft.existing = standing
        if not draft.states:
            self.drafts.append(draft)
        draft.states.append(state)
        if standing.canonical_key:
            self._stories[standing.canonical_key] = draft

    def _step(
        self,
        kind: str,
        draft: ArticleWrite,
        former: ArticleWrite | None,
        previous: str | None = None,
        visible_from: datetime | None = None,
    ) -> None:
        slug = draft.existing.slug
        self.steps.append(ChangeEvent(kind, draft, slug, previous, former, visible_from))
