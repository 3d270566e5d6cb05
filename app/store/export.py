"""All articles as an export has them: as they came, and with what was done to them since."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.article.record import ExportMetadata, Record
from app.database.dialects import json_array, parse_json_arrays
from app.database.tables import Article, SlugAlias
from app.store.articles import SELECT_RECORD, to_record

_HELD: Final = 20
"""How many articles are held at a time: one may measure some megabytes."""

_ALIASES: Final = json_array(
    select(SlugAlias.slug).where(SlugAlias.article_id == Article.id).correlate(Article)
)
_EVERY: Final = SELECT_RECORD.add_columns(
    Article.withdrawn_at, Article.withdrawn_reason, _ALIASES.label("aliases")
).order_by(Article.id)


def count(session: Session) -> int:
    """Return how many articles there are: withdrawn ones, and those to come, are among them."""
    return session.scalars(select(func.count()).select_from(Article)).one()


def iter_records(session: Session) -> Iterator[Record]:
    """Yield all articles with their upkeep, in the order in which they came in.

    It is one statement, of which the database hands out a piece at a time.
    """
    for row in session.execute(_EVERY, execution_options={"yield_per": _HELD}):
        (aliases,) = parse_json_arrays([row.aliases])
        upkeep = ExportMetadata.model_construct(
            aliases=tuple(sorted(aliases)),  # not by the database, whose order is its locale's
            withdrawn_at=row.withdrawn_at,
            withdrawn_reason=row.withdrawn_reason if row.withdrawn_at else None,
        )
        yield to_record(row).model_copy(update={"upkeep": upkeep})
