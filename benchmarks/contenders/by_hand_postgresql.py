"""`python -m benchmarks.contenders.by_hand_postgresql URL FEED`: a feed into PostgreSQL with COPY.

Each batch is copied into temporary tables, and by one statement a table from there to its place.
"""

import json
import sys
from pathlib import Path

import psycopg

from app.search.analyzer import fold
from benchmarks.contenders.by_hand import INDEXED, Row, batches, facet_counts, report, slug_of

HERE = Path(__file__).parent
TEMPORARY_TABLES = (HERE / "by_hand_postgresql_temporary.sql").read_bytes()
STATEMENTS = (HERE / "by_hand_postgresql.sql").read_bytes().split(b";\n")
COLUMNS = (
    "slug", "title", "summary", "body_md", "canonical_source", "canonical_key", "published_at",
    "updated_at", "lang", "claims", "digest", "source_host", *INDEXED,
)  # fmt: skip
COPY = f"COPY incoming (position, {', '.join(COLUMNS)}) FROM STDIN".encode()
NEW_LOAD = """
INSERT INTO loads (kind, sha256, size, loaded_by, started_at, leased_until, summary)
VALUES ('ndjson', '', %s, 'by hand', now(), now(), '{}') RETURNING id"""
EXISTING = "SELECT 1 FROM articles WHERE slug = ANY (%s) LIMIT 1"
WRITERS_LOCK = "SELECT pg_advisory_xact_lock(1)"


def load_batch(
    connection: "psycopg.Connection[tuple[int]]", load: int, done: int, rows: list[Row]
) -> None:
    """Load some records in one transaction."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(WRITERS_LOCK)
        with cursor.copy(COPY) as copy:
            for position, row in enumerate(rows, done + 1):
                copy.write_row((position, *(row[name] for name in COLUMNS)))
        for name in "topics", "entities":
            with cursor.copy(f"COPY incoming_{name} FROM STDIN".encode()) as copy:
                for row in rows:
                    for position, member in enumerate(dict.fromkeys(row[name])):
                        slug = [slug_of(member)] if name == "entities" else []
                        copy.write_row((row["slug"], position, member, *slug))
        if not cursor.execute(EXISTING, ([row["slug"] for row in rows],)).fetchone():
            with cursor.copy(b"COPY incoming_terms FROM STDIN") as copy:
                for term, count in facet_counts(rows).items():
                    copy.write_row((*term, fold(term[2]), count))
        summary = json.dumps({"created": done + len(rows)})
        for statement in STATEMENTS:
            cursor.execute(statement, {"load": load, "summary": summary})


def main() -> None:
    """Load the feed, and print how long it took."""
    url, feed = sys.argv[1], Path(sys.argv[2])

    def load() -> int:
        done = 0
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(TEMPORARY_TABLES)
            [[number]] = connection.execute(NEW_LOAD, (feed.stat().st_size,))
            for rows in batches(feed):
                load_batch(connection, number, done, rows)
                done += len(rows)
        return done

    report(load)


if __name__ == "__main__":
    main()
