"""Articles with their topics and entities: rows into records, and records into rows."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from app.records import Claims, Record
from app.tables import Article, ArticleEntity, ArticleTopic, Entity, Revision, Topic

_NAMES_ASKED: Final = 10_000  # parameters of one statement; both databases take some 32,000

_WITH_LISTS = (
    selectinload(Article.topics).joinedload(ArticleTopic.topic),
    selectinload(Article.entities).joinedload(ArticleEntity.entity),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What deciding about a new record needs to know of the article that has its slug."""

    id: int
    canonical_key: str | None
    updated_at: datetime
    digest: str


def find(session: Session, slug: str, now: datetime) -> Record | None:
    """Return the article at `slug`, or None where there is none that is published by `now`."""
    found = select(Article).where(Article.slug == slug, Article.published_at <= now)
    article = session.scalar(found.options(*_WITH_LISTS))
    return None if article is None else _record(article)


def standings(session: Session, slugs: Collection[str]) -> dict[str, Standing]:
    """Return what stands at each of `slugs`, published or not. A free slug has no entry."""
    found = select(
        Article.slug, Article.id, Article.canonical_key, Article.updated_at, Article.digest
    ).where(Article.slug.in_(slugs))
    return {row.slug: Standing(*row[1:]) for row in session.execute(found)}


def create(session: Session, records: Sequence[Record]) -> list[int]:
    """Insert `records`, whose slugs are free. Return their ids, in the same order."""
    if not records:
        return []
    statement = insert(Article).returning(Article.id, sort_by_parameter_order=True)
    ids = list(session.scalars(statement, [_row(record) for record in records]))
    _link(session, dict(zip(ids, records, strict=True)))
    return ids


def replace(
    session: Session, records: Mapping[int, Record], now: datetime, load_id: int | None
) -> None:
    """Put each record in the place of the article with that id, which becomes a revision."""
    if not records:
        return
    _keep_revisions(session, records.keys(), now, load_id)
    session.execute(update(Article), [{"id": i, **_row(record)} for i, record in records.items()])
    for link in ArticleTopic, ArticleEntity:
        session.execute(delete(link).where(link.article_id.in_(records.keys())))
    _link(session, records)


def _keep_revisions(
    session: Session, ids: Collection[int], now: datetime, load_id: int | None
) -> None:
    kept = select(Revision.article_id, func.max(Revision.number)).group_by(Revision.article_id)
    last = dict(session.execute(kept.where(Revision.article_id.in_(ids))).all())
    old = session.scalars(
        select(Article).where(Article.id.in_(ids)).options(*_WITH_LISTS),
        execution_options={"populate_existing": True},
    ).all()
    revisions = [
        {
            "article_id": article.id,
            "number": last.get(article.id, 0) + 1,
            "record": _record(article).model_dump(mode="json"),
            "replaced_at": now,
            "load_id": load_id,
        }
        for article in old
    ]
    session.execute(insert(Revision), revisions)
    session.expunge_all()


def _link(session: Session, records: Mapping[int, Record]) -> None:
    """Insert the topics and entities of `records`, by the articles' ids, in their order."""
    topics = _ids(session, Topic, Topic.slug, {t for r in records.values() for t in r.topics})
    entities = _ids(session, Entity, Entity.name, {e for r in records.values() for e in r.entities})
    topic_rows = [
        {"article_id": i, "position": position, "topic_id": topics[slug]}
        for i, record in records.items()
        for position, slug in enumerate(record.topics)
    ]
    entity_rows = [
        {"article_id": i, "position": position, "entity_id": entities[name]}
        for i, record in records.items()
        for position, name in enumerate(record.entities)
    ]
    if topic_rows:
        session.execute(insert(ArticleTopic), topic_rows)
    if entity_rows:
        session.execute(insert(ArticleEntity), entity_rows)


def _ids(
    session: Session,
    table: type[Topic | Entity],
    column: InstrumentedAttribute[str],
    names: Iterable[str],
) -> dict[str, int]:
    """Return the ids of `names` in a vocabulary, which gains those that it lacks."""
    found: dict[str, int] = {}
    for some in _batched(sorted(names), _NAMES_ASKED):
        known = session.execute(select(column, table.id).where(column.in_(some)))
        found |= dict(known.all())
        if missing := [name for name in some if name not in found]:
            statement = insert(table).returning(table.id, sort_by_parameter_order=True)
            ids = session.scalars(statement, [{column.key: name} for name in missing])
            found |= zip(missing, ids, strict=True)
    return found


def _batched(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


def _row(record: Record) -> dict[str, Any]:
    names = Record.model_fields.keys() - {"topics", "entities", "claims"}
    return {
        **{name: getattr(record, name) for name in names},
        "claims": record.claims.model_dump(exclude_defaults=True),
        "canonical_key": record.canonical_key,
        "digest": record.digest,
    }


def _record(article: Article) -> Record:
    """Return the record kept in a row, whose lists are loaded. It was checked when it came in."""
    return Record.model_construct(
        slug=article.slug,
        title=article.title,
        summary=article.summary,
        body_md=article.body_md,
        canonical_source=article.canonical_source,
        published_at=article.published_at,
        updated_at=article.updated_at,
        lang=article.lang,
        topics=tuple(link.topic.slug for link in article.topics),
        entities=tuple(link.entity.name for link in article.entities),
        claims=Claims.model_validate(article.claims),
        extra=article.extra,
    )
