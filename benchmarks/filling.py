"""`python -m benchmarks.filling URL FEED`: the afternoon version's database, filled at once.

Its own loader takes minutes for what the comparison of readers only needs to have.
"""

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine, insert

from benchmarks.afternoon_tables import (
    COLUMNS,
    Article,
    ArticleEntity,
    ArticleIn,
    ArticleTopic,
    Base,
    Entity,
    Topic,
)

BATCH: Final = 1_000


def fill(connection: Connection, records: Iterable[ArticleIn]) -> int:
    """Insert `records`, whose slugs are unique, into empty tables, and return their number."""
    topics: dict[str, int] = {}
    entities: dict[str, int] = {}
    number = 0
    for batch in _batches(records):
        articles, tagged, named = [], [], []
        for record in batch:
            number += 1
            articles.append({"id": number, **record.model_dump(include=COLUMNS)})
            tagged += [
                {"article_id": number, "position": n, "topic_id": _id(topics, slug)}
                for n, slug in enumerate(record.topics)
            ]
            named += [
                {"article_id": number, "position": n, "entity_id": _id(entities, name)}
                for n, name in enumerate(record.entities)
            ]
        for table, rows in (Article, articles), (ArticleTopic, tagged), (ArticleEntity, named):
            if rows:
                connection.execute(insert(table), rows)
    connection.execute(insert(Topic), [{"id": i, "slug": s} for s, i in topics.items()])
    connection.execute(insert(Entity), [{"id": i, "name": n} for n, i in entities.items()])
    return number


def _batches(records: Iterable[ArticleIn]) -> Iterator[list[ArticleIn]]:
    rest = iter(records)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _id(known: dict[str, int], name: str) -> int:
    return known.setdefault(name, len(known) + 1)


def main() -> None:
    """Make the tables, and fill them with the records of an NDJSON file."""
    url, feed = sys.argv[1:]
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    with Path(feed).open("rb") as lines, engine.begin() as connection:
        fill(connection, map(ArticleIn.model_validate_json, lines))


if __name__ == "__main__":
    main()
