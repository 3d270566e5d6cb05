"""Lookup of the articles that a new record may meet: by slug, alias, canonical key or id."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.dialects import is_any_of
from app.database.tables import Article, SlugAlias


@dataclass(frozen=True, slots=True)
class ExistingArticle:
    """What decisions about a new record depend on.

    `id` is None until the article is written. `listed` says whether readers see it.
    """

    id: int | None
    slug: str
    canonical_key: str | None
    updated_at: datetime
    digest: str
    withdrawn: bool = False
    listed: bool = False


_COLUMNS: Final = (
    Article.id,
    Article.slug,
    Article.canonical_key,
    Article.updated_at,
    Article.digest,
    Article.withdrawn_at.is_not(None),
    Article.listed_at.is_not(None),
)


def by_slug(session: Session, slugs: Collection[str]) -> list[ExistingArticle]:
    """Return the articles at `slugs`, public or not."""
    if not slugs:
        return []
    found = select(*_COLUMNS).where(is_any_of(session, Article.slug, slugs))
    return [ExistingArticle(*row) for row in session.execute(found)]


def by_canonical_key(session: Session, keys: Collection[str]) -> list[ExistingArticle]:
    """Return the articles with those canonical keys, the last created first."""
    if not keys:
        return []
    found = select(*_COLUMNS).where(is_any_of(session, Article.canonical_key, keys))
    found = found.order_by(Article.id.desc())
    return [ExistingArticle(*row) for row in session.execute(found)]


def by_alias(session: Session, slugs: Collection[str]) -> dict[str, ExistingArticle]:
    """Return articles by their aliases, for those of `slugs` that are aliases."""
    if not slugs:
        return {}
    found = (
        select(SlugAlias.slug, *_COLUMNS)
        .join(Article, Article.id == SlugAlias.article_id)
        .where(is_any_of(session, SlugAlias.slug, slugs))
    )
    return {row[0]: ExistingArticle(*row[1:]) for row in session.execute(found)}


def by_id(session: Session, ids: Collection[int]) -> list[ExistingArticle]:
    """Return the articles with those ids."""
    if not ids:
        return []
    found = select(*_COLUMNS).where(is_any_of(session, Article.id, ids))
    return [ExistingArticle(*row) for row in session.execute(found)]
