"""Reading all articles for an export: as they were loaded, and with what happened to them since."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.article.record import ExportMetadata, Record
from app.database.dialects import json_array, parse_json_arrays
from app.database.tables import Article, SlugAlias
from app.store.articles import SELECT_RECORD, to_record

_FETCH_SIZE: Final = 20
"""How many articles are in memory at a time: one may have several megabytes."""

_ALIASES: Final = json_array(
    select(SlugAlias.slug).where(SlugAlias.article_id == Article.id).correlate(Article)
)
_EVERY: Final = SELECT_RECORD.add_columns(
    Article.withdrawn_at, Article.withdrawn_reason, _ALIASES.label("aliases")
).order_by(Article.id)


def count(session: Session) -> int:
    """Return the number of articles, including withdrawn and scheduled ones."""
    return session.scalars(select(func.count()).select_from(Article)).one()


def iter_records(session: Session) -> Iterator[Record]:
    """Yield all articles with their export metadata, in the order of their creation.

    Reads one snapshot with a server-side cursor, so memory does not grow with their number.
    """
    for row in session.execute(_EVERY, execution_options={"yield_per": _FETCH_SIZE}):
        (aliases,) = parse_json_arrays([row.aliases])
        upkeep = ExportMetadata.model_construct(
            aliases=tuple(sorted(aliases)),  # in Python, as a database sorts by its locale
            withdrawn_at=row.withdrawn_at,
            withdrawn_reason=row.withdrawn_reason if row.withdrawn_at else None,
        )
        yield to_record(row).model_copy(update={"upkeep": upkeep})
