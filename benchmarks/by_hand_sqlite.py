"""`python -m benchmarks.by_hand_sqlite FILE FEED`: a feed into SQLite with `executemany`."""

import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.search.analyzer import fold
from benchmarks.by_hand import SEARCHED, Row, batches, slug_of, tell, terms

# A batch takes the place of what has its slugs.
ARTICLES: Final = """
INSERT INTO articles (id, slug, title, summary, body_md, canonical_source, canonical_key,
  published_at, updated_at, lang, claims, extra, digest, listed_at, source_host)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{}', ?, ?, ?)
ON CONFLICT (slug) DO UPDATE SET title = excluded.title, summary = excluded.summary,
  body_md = excluded.body_md, canonical_source = excluded.canonical_source,
  canonical_key = excluded.canonical_key, published_at = excluded.published_at,
  updated_at = excluded.updated_at, lang = excluded.lang, claims = excluded.claims,
  digest = excluded.digest, listed_at = excluded.listed_at, source_host = excluded.source_host"""
CHANGES: Final = """
INSERT INTO changes (seq, kind, public, slug, article_id, load_id, at)
VALUES (?, ?, ?, ?, ?, ?, ?)"""
TERMS: Final = """
INSERT INTO terms (facet, value, label, folded, articles) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (facet, value) DO UPDATE SET articles = terms.articles + excluded.articles"""
WORDS: Final = "INSERT INTO article_words (rowid, title, summary, body) VALUES (?, ?, ?, ?)"
RESULTS: Final = """
INSERT INTO load_results (load_id, position, line, slug, outcome, faults, flags)
VALUES (?, ?, ?, ?, ?, '[]', '[]')"""
LOADS: Final = """
INSERT INTO loads (kind, sha256, size, loaded_by, started_at, leased_until, summary)
VALUES ('ndjson', '', ?, 'by hand', ?, ?, '{}') RETURNING id"""
VOCABULARIES: Final = (("topics", "slug", "topic_id"), ("entities", "name", "entity_id"))


class Loader:
    """Loads batches through one connection, which nobody else writes through meanwhile."""

    def __init__(self, connection: sqlite3.Connection, size: int) -> None:
        self.connection = connection
        self.known: dict[str, dict[str, int]] = {
            table: dict(connection.execute(f"SELECT {name}, id FROM {table}"))  # noqa: S608 - constants
            for table, name, _ in VOCABULARIES
        }
        self.position = 0
        now = _now()
        self.load: int = connection.execute(LOADS, (size, now, now)).fetchone()[0]

    def load_batch(self, records: list[Row]) -> None:
        """Load some records in one transaction."""
        self.connection.execute("BEGIN IMMEDIATE")
        now = _now()
        there = self._there(records)
        first = self._next("articles", "id")
        ids = [there.get(record["slug"], first + number) for number, record in enumerate(records)]
        self.connection.executemany(ARTICLES, map(_article, ids, records))
        for table, _, column in VOCABULARIES:
            self._learn(table, records)
            if there:
                self.connection.executemany(
                    f"DELETE FROM article_{table} WHERE article_id = ?",  # noqa: S608 - constants
                    ((article,) for article in there.values()),
                )
            self.connection.executemany(
                f"INSERT INTO article_{table} (article_id, position, {column}, listed_at)"  # noqa: S608
                " VALUES (?, ?, ?, ?)",
                (
                    (article, position, self.known[table][member], record["listed_at"])
                    for article, record in zip(ids, records, strict=True)
                    for position, member in enumerate(dict.fromkeys(record[table]))
                ),
            )
        seq = self._next("changes", "seq")
        kinds = ["updated" if record["slug"] in there else "created" for record in records]
        self.connection.executemany(
            CHANGES,
            (
                (seq + number, kind, kind, record["slug"], article, self.load, now)
                for number, (kind, article, record) in enumerate(
                    zip(kinds, ids, records, strict=True)
                )
            ),
        )
        self.connection.executemany(
            RESULTS,
            (
                (self.load, position, position, record["slug"], kind)
                for position, (kind, record) in enumerate(
                    zip(kinds, records, strict=True), self.position + 1
                )
            ),
        )
        if not there:
            self._catalogue(ids, records)
        self.position += len(records)
        self._advance(now)
        self.connection.execute("COMMIT")

    def _catalogue(self, ids: list[int], records: list[Row]) -> None:
        """Count and index articles that are new."""
        counted = terms(records).items()
        self.connection.executemany(
            TERMS, ((*term, fold(term[2]), count) for term, count in counted)
        )
        self.connection.executemany(
            WORDS,
            (
                (_key(record, article), *(record[name] for name in SEARCHED))
                for article, record in zip(ids, records, strict=True)
            ),
        )

    def _there(self, records: list[Row]) -> dict[str, int]:
        slugs = [record["slug"] for record in records]
        marks = ", ".join("?" * len(slugs))
        found = f"SELECT slug, id FROM articles WHERE slug IN ({marks})"  # noqa: S608 - marks alone
        return dict(self.connection.execute(found, slugs))

    def _learn(self, table: str, records: list[Row]) -> None:
        """Insert the members of a vocabulary that are not known yet."""
        known = self.known[table]
        names = dict.fromkeys(member for record in records for member in record[table])
        new = {member: number for number, member in enumerate(
            (member for member in names if member not in known), self._next(table, "id")
        )}  # fmt: skip
        known.update(new)
        if table == "entities":
            rows = [(member, slug_of(member), number) for member, number in new.items()]
            statement = "INSERT INTO entities (name, slug, id) VALUES (?, ?, ?)"
            self.connection.executemany(statement, rows)
        else:
            statement = "INSERT INTO topics (slug, id) VALUES (?, ?)"
            self.connection.executemany(statement, new.items())

    def _next(self, table: str, column: str) -> int:
        last = self.connection.execute(f"SELECT max({column}) FROM {table}").fetchone()[0]  # noqa: S608
        return (last or 0) + 1

    def _advance(self, now: str) -> None:
        self.connection.execute(
            "UPDATE loads SET summary = ?, leased_until = ?, finished_at = ? WHERE id = ?",
            (json.dumps({"created": self.position}), now, now, self.load),
        )


def _key(record: Row, number: int) -> int:
    return (int(datetime.fromisoformat(record["published_at"]).timestamp()) << 30) | number


def _article(number: int, record: Row) -> tuple[object, ...]:
    record["listed_at"] = _instant(record["published_at"])
    return (
        number, record["slug"], record["title"], record["summary"], record["body_md"],
        record["canonical_source"], record["canonical_key"], _instant(record["published_at"]),
        _instant(record["updated_at"]), record["lang"], record["claims"], record["digest"],
        record["listed_at"], record["source_host"],
    )  # fmt: skip


def _instant(text: str) -> str:
    """Return an instant as the schema's SQLite keeps it: in UTC, with microseconds."""
    instant = datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    return instant.isoformat(" ", "microseconds")


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def main() -> None:
    """Load the feed, and say how long it took."""
    file, feed = map(Path, sys.argv[1:])

    def load() -> int:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            loader = Loader(connection, feed.stat().st_size)
            for batch in batches(feed):
                loader.load_batch(batch)
            return loader.position

    tell(load)


if __name__ == "__main__":
    main()
