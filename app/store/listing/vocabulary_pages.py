"""Pages of topics and of entities, with the number of public articles of each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, and_, func, or_, select
from sqlalchemy.orm import Session

from app.database.tables import ArticleEntity, ArticleTopic, Entity, Topic
from app.database.tables import FacetTerm as TermRow
from app.search import analyzer

VocabularyKind = Literal["topic", "entity"]
SORTS: Final = ("name", "-articles")


class UnknownTermError(ValueError):
    """No article ever had a term with that slug."""


class VocabularyEntry(NamedTuple):
    """A term, its number of public articles, and when the latest was published."""

    slug: str
    name: str
    articles: int
    latest_at: datetime | None


def label(connection: Connection, facet: VocabularyKind, slug: str) -> str | None:
    """Return the label of a term, or None if no public article ever had it."""
    found = select(TermRow.label).where(TermRow.facet == facet, TermRow.value == slug)
    return connection.scalar(found)


def page(  # noqa: PLR0913 - one for each parameter of the request
    session: Session,
    facet: VocabularyKind,
    *,
    prefix: str,
    sort: str,
    after: str | None,
    count: int,
) -> Sequence[VocabularyEntry]:
    """Return `count` terms after the slug `after`, in order, whose names start with `prefix`.

    Leaves out terms without public articles. Raises UnknownTermError for an unknown `after`, at
    which a client would otherwise start again without noticing.
    """
    row = TermRow.__table__.c
    found: Any = select(row.value, row.label, row.articles, _latest(facet)).where(
        row.facet == facet, row.articles > 0
    )
    begin = analyzer.fold(prefix)
    if begin:
        found = found.where(row.folded >= begin, row.folded < begin + chr(0x10FFFF))
    if after is not None:
        edge = select(row.folded, row.articles).where(row.facet == facet, row.value == after)
        at = session.execute(edge).one_or_none()
        if at is None:
            raise UnknownTermError(after)
        folded, articles = at
        if sort == "name":
            found = found.where(
                or_(row.folded > folded, and_(row.folded == folded, row.value > after))
            )
        else:
            found = found.where(
                or_(row.articles < articles, and_(row.articles == articles, row.value < after))
            )
    order = (row.folded, row.value) if sort == "name" else (row.articles.desc(), row.value.desc())
    return [VocabularyEntry(*each) for each in session.execute(found.order_by(*order).limit(count))]


def _latest(facet: VocabularyKind) -> Any:  # noqa: ANN401 - a column of either table
    row = TermRow.__table__.c
    if facet == "topic":
        latest = select(func.max(ArticleTopic.listed_at)).join(Topic)
        return latest.where(Topic.slug == row.value).correlate(TermRow.__table__).scalar_subquery()
    latest = select(func.max(ArticleEntity.listed_at)).join(Entity)
    return latest.where(Entity.slug == row.value).correlate(TermRow.__table__).scalar_subquery()
