"""The state a batch is decided against: stored articles, and what earlier records made of them.

It is read from the database once per batch and changes with each decision, so the second record of
a slug is compared with the first. At the end everything that changed is written at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.ingest.candidate import Candidate
from app.store.article_writes import ArticleWrite
from app.store.articles import ArticleState
from app.store.change_log import ChangeEvent
from app.store.existing_articles import ExistingArticle


@dataclass(slots=True)
class BatchState:
    """Articles by slug, canonical key and alias, and the changes to be written.

    `writes` are the articles that have changed, `events` the entries for the change feed in order.
    `aliases` are slugs that became an alias of an article, or (None) stopped being one.
    """

    writes: list[ArticleWrite] = field(default_factory=list)
    events: list[ChangeEvent] = field(default_factory=list)
    aliases: dict[str, ArticleWrite | None] = field(default_factory=dict)
    _by_id: dict[int, ArticleWrite] = field(default_factory=dict)
    _by_slug: dict[str, ArticleWrite] = field(default_factory=dict)
    _by_key: dict[str, ArticleWrite] = field(default_factory=dict)
    _by_alias: dict[str, ArticleWrite] = field(default_factory=dict)
    _ended_aliases: set[str] = field(default_factory=set)

    def by_slug(self, slug: str) -> ArticleWrite | None:
        """Return the article at `slug`, whether published, withdrawn or scheduled."""
        return self._by_slug.get(slug)

    def by_canonical_key(self, key: str) -> ArticleWrite | None:
        """Return the article of the story with that canonical key."""
        return self._by_key.get(key)

    def by_alias(self, slug: str) -> ArticleWrite | None:
        """Return the article of which `slug` is an alias."""
        return self._by_alias.get(slug)

    def add_articles(self, found: Iterable[ExistingArticle]) -> None:
        """Add articles read from the database."""
        for existing in found:
            self._add(existing)

    def add_aliases(self, found: Mapping[str, ExistingArticle]) -> None:
        """Add aliases read from the database, with their articles.

        An alias at which this state has since placed an article has ended.
        """
        for slug, existing in found.items():
            article = self._add(existing)
            if slug not in self._ended_aliases:
                self._by_alias[slug] = article

    def _add(self, existing: ExistingArticle) -> ArticleWrite:
        assert existing.id is not None  # noqa: S101 - it was read from the database
        article = self._by_id.get(existing.id)
        if article is None:
            article = self._by_id[existing.id] = ArticleWrite(existing)
            self._by_slug[existing.slug] = article
            if existing.canonical_key:
                self._by_key[existing.canonical_key] = article
        return article

    def discard_writes(self) -> None:
        """Forget what was to be written but keep its effect on later records: a dry run."""
        for article in self.writes:
            article.states.clear()
        self.writes.clear()
        self.events.clear()
        self.aliases.clear()

    def create(self, new: Candidate) -> ArticleWrite:
        """Place a new article at the slug of `new`, with those of its aliases that are free."""
        upkeep = new.record.upkeep
        article = ArticleWrite(new.as_existing(None, withdrawn=upkeep.withdrawn_at is not None))
        state = ArticleState(new.record, upkeep.withdrawn_at, upkeep.withdrawn_reason)
        ended = self._place(article)
        self._add_event("created", article, ended, visible_from=state.visible_from)
        self._add_state(article, state)
        for slug in upkeep.aliases:
            if slug not in self._by_slug and slug not in self._by_alias:
                self.aliases[slug] = self._by_alias[slug] = article
        if article.existing.withdrawn:
            self._add_event("deleted", article, None)
        return article

    def change(self, kind: str, article: ArticleWrite, new: Candidate) -> None:
        """Replace the record of `article` by `new`. A slug it leaves becomes an alias."""
        before = article.existing
        old_key = before.canonical_key or ""
        if old_key != new.key and self._by_key.get(old_key) is article:
            del self._by_key[old_key]
        article.existing = new.as_existing(before.id)
        visible_from = new.record.published_at
        if new.record.slug == before.slug:
            self._add_event(kind, article, None, visible_from=visible_from)
        else:
            del self._by_slug[before.slug]
            ended = self._place(article)
            self.aliases[before.slug] = self._by_alias[before.slug] = article
            self._add_event(kind, article, ended, before.slug, visible_from)
        self._add_state(article, ArticleState(new.record))

    def withdraw(self, article: ArticleWrite, state: ArticleState) -> None:
        """Withdraw `article`, whose state with the withdrawal is `state`."""
        article.existing = replace(article.existing, withdrawn=True, listed=False)
        self._add_event("deleted", article, None)
        self._add_state(article, state)

    def _place(self, article: ArticleWrite) -> ArticleWrite | None:
        """Register `article` at its slug. Return the article whose alias ends by that, if any."""
        slug = article.existing.slug
        self._by_slug[slug] = article
        former = self._by_alias.pop(slug, None)
        if former is not None:
            self.aliases[slug] = None
            self._ended_aliases.add(slug)
        return former

    def _add_state(self, article: ArticleWrite, state: ArticleState) -> None:
        if not article.states:
            self.writes.append(article)
        article.states.append(state)
        if article.existing.canonical_key:
            self._by_key[article.existing.canonical_key] = article

    def _add_event(
        self,
        kind: str,
        article: ArticleWrite,
        ended_alias_of: ArticleWrite | None,
        previous: str | None = None,
        visible_from: datetime | None = None,
    ) -> None:
        slug = article.existing.slug
        event = ChangeEvent(kind, article, slug, previous, ended_alias_of, visible_from)
        self.events.append(event)
