"""`python -m benchmarks.contenders.by_hand_sqlite FILE FEED`: a feed into SQLite by executemany."""

import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from app.search.analyzer import fold
from benchmarks.contenders.by_hand import INDEXED, Row, batches, facet_counts, report, slug_of

# A record replaces the article that has its slug.
ARTICLES = """
INSERT INTO articles (id, slug, title, summary, body_md, canonical_source, canonical_key,
  published_at, updated_at, lang, claims, extra, digest, listed_at, source_host)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{}', ?, ?, ?)
ON CONFLICT (slug) DO UPDATE SET title = excluded.title, summary = excluded.summary,
  body_md = excluded.body_md, canonical_source = excluded.canonical_source,
  canonical_key = excluded.canonical_key, published_at = excluded.published_at,
  updated_at = excluded.updated_at, lang = excluded.lang, claims = excluded.claims,
  digest = excluded.digest, listed_at = excluded.listed_at, source_host = excluded.source_host"""
TOPICS = "INSERT INTO topics (slug, id) VALUES (:name, :id)"
ENTITIES = "INSERT INTO entities (name, slug, id) VALUES (:name, :slug, :id)"
CHANGES = """
INSERT INTO changes (seq, kind, public, slug, article_id, load_id, at)
VALUES (?, ?, ?, ?, ?, ?, ?)"""
TERMS = """
INSERT INTO terms (facet, value, label, folded, articles) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (facet, value) DO UPDATE SET articles = terms.articles + excluded.articles"""
WORDS = "INSERT INTO article_words (rowid, title, summary, body) VALUES (?, ?, ?, ?)"
RESULTS = """
INSERT INTO load_results (load_id, position, line, slug, outcome, faults, flags)
VALUES (?, ?, ?, ?, ?, '[]', '[]')"""
NEW_LOAD = """
INSERT INTO loads (kind, sha256, size, loaded_by, started_at, leased_until, summary)
VALUES ('ndjson', '', ?, 'by hand', ?, ?, '{}') RETURNING id"""
FINISHED = "UPDATE loads SET summary = ?, leased_until = ?, finished_at = ? WHERE id = ?"


class Loader:
    """Loads batches through one connection, which is the only writer."""

    def __init__(self, connection: sqlite3.Connection, size: int) -> None:
        self.connection = connection
        self.topics: dict[str, int] = dict(connection.execute("SELECT slug, id FROM topics"))
        self.entities: dict[str, int] = dict(connection.execute("SELECT name, id FROM entities"))
        self.position = 0
        now = _timestamp(datetime.now(UTC))
        self.load: int = connection.execute(NEW_LOAD, (size, now, now)).fetchone()[0]

    def load_batch(self, rows: list[Row]) -> None:
        """Load some records in one transaction."""
        write = self.connection.executemany
        self.connection.execute("BEGIN IMMEDIATE")
        now = _timestamp(datetime.now(UTC))
        existing, first = self._existing(rows), self._next("articles", "id")
        for number, row in enumerate(rows):
            row["id"] = existing.get(row["slug"], first + number)
            row["outcome"] = "updated" if row["slug"] in existing else "created"
            row["listed_at"] = _timestamp(datetime.fromisoformat(row["published_at"]))
        write(ARTICLES, map(_article, rows))
        self._store("topics", rows, self.topics, TOPICS)
        self._store("entities", rows, self.entities, ENTITIES)
        self._link("topics", "topic_id", rows, self.topics, list(existing.values()))
        self._link("entities", "entity_id", rows, self.entities, list(existing.values()))
        write(CHANGES, (
            (seq, row["outcome"], row["outcome"], row["slug"], row["id"], self.load, now)
            for seq, row in enumerate(rows, self._next("changes", "seq"))
        ))  # fmt: skip
        write(RESULTS, (
            (self.load, position, position, row["slug"], row["outcome"])
            for position, row in enumerate(rows, self.position + 1)
        ))  # fmt: skip
        if not existing:
            counts = facet_counts(rows).items()
            write(TERMS, ((*term, fold(term[2]), count) for term, count in counts))
            write(WORDS, ((_key(row), *(row[name] for name in INDEXED)) for row in rows))
        self.position += len(rows)
        summary = json.dumps({"created": self.position})
        self.connection.execute(FINISHED, (summary, now, now, self.load))
        self.connection.execute("COMMIT")

    def _existing(self, rows: list[Row]) -> dict[str, int]:
        slugs = [row["slug"] for row in rows]
        found = f"SELECT slug, id FROM articles WHERE slug IN ({', '.join('?' * len(slugs))})"  # noqa: S608 - parameters
        return dict(self.connection.execute(found, slugs))

    def _store(self, table: str, rows: list[Row], known: dict[str, int], statement: str) -> None:
        """Insert the topics or entities that are not known yet."""
        names = dict.fromkeys(name for row in rows for name in row[table])
        new = [name for name in names if name not in known]
        known.update((name, number) for number, name in enumerate(new, self._next(table, "id")))
        self.connection.executemany(
            statement, ({"name": name, "slug": slug_of(name), "id": known[name]} for name in new)
        )

    def _link(
        self, table: str, column: str, rows: list[Row], known: dict[str, int], replaced: list[int]
    ) -> None:
        """Write the topics or entities of each article, in order."""
        write = self.connection.executemany
        if replaced:
            delete = f"DELETE FROM article_{table} WHERE article_id = ?"  # noqa: S608 - a constant
            write(delete, ((number,) for number in replaced))
        insert = f"""
            INSERT INTO article_{table} (article_id, position, {column}, listed_at)
            VALUES (?, ?, ?, ?)"""  # noqa: S608 - constants
        write(insert, (
            (row["id"], position, known[name], row["listed_at"])
            for row in rows
            for position, name in enumerate(dict.fromkeys(row[table]))
        ))  # fmt: skip

    def _next(self, table: str, column: str) -> int:
        newest = f"SELECT max({column}) FROM {table}"  # noqa: S608 - constants
        last: int | None = self.connection.execute(newest).fetchone()[0]
        return (last or 0) + 1


def _article(row: Row) -> tuple[object, ...]:
    published, updated = (
        datetime.fromisoformat(row[f"{name}_at"]) for name in ("published", "updated")
    )
    return (
        row["id"], row["slug"], row["title"], row["summary"], row["body_md"],
        row["canonical_source"], row["canonical_key"], _timestamp(published), _timestamp(updated),
        row["lang"], row["claims"], row["digest"], row["listed_at"], row["source_host"],
    )  # fmt: skip


def _key(row: Row) -> int:
    number: int = row["id"]
    return (int(datetime.fromisoformat(row["published_at"]).timestamp()) << 30) | number


def _timestamp(instant: datetime) -> str:
    """Return an instant as the schema has it on SQLite: in UTC, with microseconds."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def main() -> None:
    """Load the feed, and print how long it took."""
    file, feed = map(Path, sys.argv[1:])

    def load() -> int:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            for pragma in "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON":
                connection.execute(f"PRAGMA {pragma}")
            loader = Loader(connection, feed.stat().st_size)
            for rows in batches(feed):
                loader.load_batch(rows)
            return loader.position

    report(load)


if __name__ == "__main__":
    main()
