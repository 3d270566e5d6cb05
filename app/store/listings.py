"""Pages of articles that readers see: found, in order, and with what stands beside them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import JSON, ColumnElement, Text, and_, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from app import searches
from app.cursors import Cursor, Position
from app.dialects import among
from app.records import Record
from app.selections import Facet, Selection
from app.store.articles import RECORD, record_of, with_ids
from app.store.selecting import When, search, walk
from app.store.wanting import Reach, Value, Wanted, position_of
from app.tables import Article, Entity, Property, Term, Topic
from app.word_index import TIERS
from app.words import Term as Asked
from app.words import fold

COUNTED_AT_MOST: Final = 5_000
"""How far a total is counted where nobody has counted it before."""

_A: Final = Article.__table__.c
# Without bodies, which are most of what there is to read, and without claims, which nobody sees.
_LEFT_OUT: Final[dict[str, ColumnElement[Any]]] = {
    "body_md": literal("", Text()),
    "claims": literal({}, JSON()),
}
_BRIEF: Final = RECORD.with_only_columns(
    *(
        _LEFT_OUT[column.name].label(column.name) if column.name in _LEFT_OUT else column
        for column in RECORD.selected_columns
    )
)


class Found(NamedTuple):
    """An article and where it is in the order that was asked for."""

    id: int
    place: datetime | Position

    @property
    def position(self) -> Position:
        """Where a page may begin or end."""
        place = self.place
        return place if isinstance(place, Position) else position_of(place, self.id)


@dataclass(frozen=True, slots=True)
class Page:
    """Records in order, `terms` that were searched for, and the cursors of the pages beside it."""

    records: Sequence[Record]
    terms: Sequence[Asked] = ()
    next: Cursor | None = None
    prev: Cursor | None = None


def cursor_key(session: Session) -> bytes:
    """Return the key that cursors into this database are sealed with."""
    found = session.scalars(select(Property.value).where(Property.name == "cursor-key")).one()
    return bytes.fromhex(found)


def wanted(session: Session, selection: Selection) -> Wanted:
    """Look up what `selection` names: the ids of its topics and entities, and how many have them.

    What nobody knows is a group that no article is in.
    """
    named = {
        (facet, value)
        for lists in (selection.any_of, selection.all_of, selection.none_of)
        for facet, values in lists.items()
        for value in values
    }
    known = _values(session, named)
    groups = [
        [found for value in values for found in known[facet, value]]
        for facet, values in selection.any_of.items()
    ]
    groups += [
        known[facet, value] for facet, values in selection.all_of.items() for value in values
    ]
    unwanted = [
        found
        for facet, values in selection.none_of.items()
        for value in values
        for found in known[facet, value]
    ]
    terms = searches.parse(selection.q, _languages(session, selection)) if selection.q else ()
    return Wanted(groups, unwanted, selection.spans, terms)


def _values(
    session: Session, named: set[tuple[Facet, str]]
) -> dict[tuple[Facet, str], list[Value]]:
    """Return what articles have of what is named. A language is one in whatever case it is."""
    known: dict[tuple[Facet, str], list[Value]] = {name: [] for name in named}
    if not named:
        return known
    languages = {fold(value): value for facet, value in named if facet == "lang"}
    found = (
        select(Term.facet, Term.value, Term.articles, func.coalesce(Topic.id, Entity.id))
        .outerjoin(Topic, (Term.facet == "topic") & (Topic.slug == Term.value))
        .outerjoin(Entity, (Term.facet == "entity") & (Entity.slug == Term.value))
        .where(
            or_(
                tuple_(Term.facet, Term.value).in_(sorted(named)),
                and_(Term.facet == "lang", Term.folded.in_(sorted(languages))),
            )
        )
    )
    rows: Iterable[Any] = session.execute(found)
    for facet, value, articles, key in rows:
        asked = languages[fold(value)] if facet == "lang" else value
        known[facet, asked].append(Value(facet, value if key is None else key, articles))
    return known


def _languages(session: Session, selection: Selection) -> tuple[str, ...]:
    """Return the languages in which what is searched may be written."""
    if asked := selection.any_of.get("lang"):
        return asked
    return languages(session)


def languages(session: Session) -> tuple[str, ...]:
    """Return the languages of the articles that readers see."""
    found = select(Term.value).where(Term.facet == "lang", Term.articles > 0).order_by(Term.value)
    return tuple(session.scalars(found))


def page(
    session: Session, selection: Selection, cursor: Cursor | None, *, bodies: bool = False
) -> Page:
    """Return the page that begins, or ends, at `cursor`; the first one without.

    It takes one statement for what is named, one or a few for the ids, and one for the records.
    """
    asked = wanted(session, selection)
    if asked.is_empty or (selection.q and not asked.terms):
        return Page((), asked.terms)
    backwards = cursor is not None and cursor.backwards
    oldest_first = selection.sort in {"published_at", "updated_at"}
    position = cursor.position if cursor else None
    reach = Reach(selection.limit + 1, position, ascending=backwards != oldest_first)
    found = list(islice(_found(session, selection, asked, reach), selection.limit + 1))
    more = len(found) > selection.limit
    found = found[: selection.limit]
    if backwards:
        found.reverse()
    records = _records(session, [each.id for each in found], bodies=bodies or bool(asked.terms))
    has_next, has_prev = (True, more) if backwards else (more, cursor is not None)
    return Page(
        [records[each.id] for each in found if each.id in records],
        asked.terms,
        Cursor(found[-1].position) if found and has_next else None,
        Cursor(found[0].position, backwards=True) if found and has_prev else None,
    )


def _found(session: Session, selection: Selection, asked: Wanted, reach: Reach) -> Iterator[Found]:
    """Yield what is found, in order, as much of it as `reach` goes or a little more."""
    if asked.terms:
        yield from _searched(session, selection, asked, reach)
        return
    when: When = "updated_at" if selection.sort.endswith("updated_at") else "listed_at"
    for article_id, at in walk(session, asked, when, reach):
        yield Found(article_id, at)


def _searched(
    session: Session, selection: Selection, asked: Wanted, reach: Reach
) -> Iterator[Found]:
    """Yield what a search finds: by where it is found, or without regard to that."""
    ranked = selection.sort == "relevance"
    tiers = list(enumerate(TIERS)) if ranked else [(0, TIERS[-1])]
    if ranked and reach.ascending:
        tiers.reverse()
    left = reach.count
    for number, tier in tiers:
        after = reach.after
        if ranked and after is not None and number != after.first:
            if (number < after.first) != reach.ascending:
                continue
            after = None
        within = Reach(left, after, reach.ascending)
        for article_id, key in search(session, asked, tier, within, exactly=ranked):
            left -= 1
            yield Found(article_id, Position(number, key))
        if left <= 0:
            return


def _records(session: Session, ids: Sequence[int], *, bodies: bool) -> dict[int, Record]:
    if not ids:
        return {}
    rows = with_ids(session, RECORD if bodies else _BRIEF, ids)
    return {row.id: record_of(row) for row in rows}


def total(session: Session, selection: Selection) -> tuple[int, bool]:
    """Return how many articles `selection` has, and whether that is exact.

    Without a filter, or with one value, that is known. Else it is counted, up to COUNTED_AT_MOST.
    """
    asked = wanted(session, selection)
    if asked.is_empty or (selection.q and not asked.terms):
        return 0, True
    if not (asked.terms or asked.unwanted or asked.spans):
        if not asked.groups:
            everything = select(Term.articles).where(Term.facet == "all")
            return session.scalar(everything) or 0, True
        if len(asked.groups) == 1 and len(asked.groups[0]) == 1:
            return asked.groups[0][0].articles, True
    counted = len(matching(session, asked, COUNTED_AT_MOST + 1))
    return min(counted, COUNTED_AT_MOST), counted <= COUNTED_AT_MOST


def matching(session: Session, asked: Wanted, count: int) -> list[int]:
    """Return the ids of the newest articles that are wanted, `count` of them at most."""
    if asked.is_empty:
        return []
    reach = Reach(count)
    if asked.terms:
        return [row[0] for row in search(session, asked, TIERS[-1], reach, exactly=False)]
    return [row[0] for row in walk(session, asked, "listed_at", reach)]


def many(session: Session, slugs: Sequence[str]) -> dict[str, Record]:
    """Return the articles at `slugs` that readers see."""
    shown = RECORD.where(_A.listed_at.is_not(None), among(session, _A.slug, slugs))
    return {record.slug: record for record in map(record_of, session.execute(shown))}
