"""Articles with their topics and entities: rows into records, and records into rows."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.dialects import json_array
from app.records import Claims, Record
from app.tables import (
    Article,
    ArticleEntity,
    ArticleTopic,
    Entity,
    Revision,
    SlugAlias,
    Topic,
)

_NAMES_ASKED: Final = 10_000  # parameters of one statement; both databases take some 32,000

# Statements of tables and not of classes: a row is a row, and nothing is tracked.
_TABLE: Final = Article.__table__
_ARTICLES: Final = _TABLE.c


def _names(vocabulary: FromClause, links: FromClause, name: str) -> ColumnElement[list[Any]]:
    """Return the names that an article has in a vocabulary, in its own order."""
    return json_array(
        select(vocabulary.c[name])
        .select_from(vocabulary.join(links))
        .where(links.c.article_id == _ARTICLES.id)
        .order_by(links.c.position)
        .correlate(_TABLE)
    )


_COLUMNS: Final = tuple(Record.model_fields.keys() - {"topics", "entities", "upkeep"})
_RECORD = select(
    _ARTICLES.id,
    *(_ARTICLES[name] for name in _COLUMNS),
    _names(Topic.__table__, ArticleTopic.__table__, "slug").label("topics"),
    _names(Entity.__table__, ArticleEntity.__table__, "name").label("entities"),
)
"""Articles with their lists: one row each, and one statement for all that is asked."""

_NO_CLAIMS: Final = Claims()

_READABLE = _RECORD.where(
    _ARTICLES.slug == bindparam("slug"),
    _ARTICLES.published_at <= bindparam("now"),
    _ARTICLES.withdrawn_at.is_(None),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What deciding about a new record needs to know of the article that has its slug.

    `id` is None as long as the article is not written.
    """

    id: int | None
    canonical_key: str | None
    updated_at: datetime
    digest: str
    withdrawn: bool = False


def find(connection: Connection, slug: str, now: datetime) -> Record | None:
    """Return the article at `slug`, or None where there is none that readers may see by `now`."""
    row = connection.execute(_READABLE, {"slug": slug, "now": now}).one_or_none()
    return None if row is None else _record(row)


@dataclass(frozen=True, slots=True)
class Trace:
    """What is left of an article at a slug: where it is now, or that it was withdrawn."""

    slug: str
    withdrawn: bool


def trace(connection: Connection, slug: str, now: datetime) -> Trace | None:
    """Return what is left at `slug` of an article that is not there, or not any more.

    An alias leads to where the article is now, in one step. What is not published yet leaves none.
    """
    moved = select(SlugAlias.article_id).where(SlugAlias.slug == slug).scalar_subquery()
    found = (
        select(Article.slug, Article.withdrawn_at)
        .where(or_(Article.slug == slug, Article.id == moved), Article.published_at <= now)
        .order_by(Article.slug != slug)  # a live slug beats an alias
        .limit(1)
    )
    row = connection.execute(found).one_or_none()
    return None if row is None else Trace(row.slug, row.withdrawn_at is not None)


def standings(session: Session, slugs: Collection[str]) -> dict[str, Standing]:
    """Return what stands at each of `slugs`, published or not. A free slug has no entry."""
    found = select(
        Article.slug,
        Article.id,
        Article.canonical_key,
        Article.updated_at,
        Article.digest,
        Article.withdrawn_at.is_not(None),
    ).where(Article.slug.in_(slugs))
    return {row.slug: Standing(*row[1:]) for row in session.execute(found)}


def write(
    session: Session,
    versions: Mapping[str, Sequence[Record]],
    found: Mapping[str, Standing],
    load_id: int | None,
    now: datetime,
) -> dict[str, int]:
    """Write the versions of each slug, the oldest first, over what was `found` there.

    The last version is the article from now on; what stood there, and the versions between, become
    its revisions. Return the ids of the articles by their slugs.
    """
    if not versions:
        return {}
    ids = {slug: there.id for slug, there in found.items() if there.id and slug in versions}
    replaced = {ids[slug]: versions[slug][-1] for slug in ids}
    past = _current(session, replaced.keys())
    if new := [each[-1] for slug, each in versions.items() if slug not in ids]:
        statement = insert(Article).returning(Article.id, sort_by_parameter_order=True)
        made = session.scalars(statement, [_row(record) for record in new])
        ids |= zip((record.slug for record in new), made, strict=True)
    for slug, each in versions.items():
        past[ids[slug]] = [*past.get(ids[slug], ()), *each[:-1]]
    _keep_revisions(session, past, load_id, now)
    if replaced:
        rows = [{"id": article_id, **_row(record)} for article_id, record in replaced.items()]
        session.execute(update(Article), rows)
        for link in ArticleTopic, ArticleEntity:
            session.execute(delete(link).where(link.article_id.in_(replaced)))
    _link(session, {ids[slug]: each[-1] for slug, each in versions.items()})
    return ids


def _current(session: Session, ids: Collection[int]) -> dict[int, Sequence[Record]]:
    found = session.execute(_RECORD.where(Article.id.in_(ids))) if ids else ()
    return {row.id: (_record(row),) for row in found}


def _keep_revisions(
    session: Session, past: Mapping[int, Sequence[Record]], load_id: int | None, now: datetime
) -> None:
    """Add to the revisions of each article, given by its id, the oldest first."""
    kept = select(Revision.article_id, func.max(Revision.number)).group_by(Revision.article_id)
    last = dict(session.execute(kept.where(Revision.article_id.in_(past))).all())
    rows = [
        {
            "article_id": article_id,
            "number": number,
            "record": record.model_dump(mode="json"),
            "replaced_at": now,
            "load_id": load_id,
        }
        for article_id, records in past.items()
        for number, record in enumerate(records, last.get(article_id, 0) + 1)
    ]
    if rows:
        session.execute(insert(Revision), rows)


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
    return {
        **{name: getattr(record, name) for name in _COLUMNS},
        "claims": record.claims.model_dump(exclude_defaults=True),
        "canonical_key": record.canonical_key,
        "digest": record.digest,
    }


def _record(row: "Row[*tuple[Any, ...]]") -> Record:
    """Return the record kept in a row of `_RECORD`. It was checked when it came in."""
    fields = row._asdict()
    del fields["id"]
    fields["topics"], fields["entities"] = tuple(row.topics), tuple(row.entities)
    fields["claims"] = Claims.model_validate(row.claims) if row.claims else _NO_CLAIMS
    return Record.model_construct(**fields)
