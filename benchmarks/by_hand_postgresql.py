"""`python -m benchmarks.by_hand_postgresql URL FEED`: a feed into PostgreSQL with COPY.

Each batch is copied into temporary tables, and from there, by one statement a table, to its place.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psycopg

from app.search.analyzer import fold
from benchmarks.by_hand import SEARCHED, Row, batches, slug_of, tell, terms

TEMPORARY: Final = """
CREATE TEMPORARY TABLE incoming (position bigint, slug text, title text, summary text,
  body_md text, canonical_source text, canonical_key text, published_at timestamptz,
  updated_at timestamptz, lang text, claims json, digest text, source_host text,
  words_title text, words_summary text, words_body text, new boolean DEFAULT true)
  ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE incoming_terms (facet text, value text, label text, folded text,
  articles bigint) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE incoming_topics (slug text, position bigint, name text)
  ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE incoming_entities (slug text, position bigint, name text, called text)
  ON COMMIT DELETE ROWS"""
COLUMNS: Final = (
    "slug", "title", "summary", "body_md", "canonical_source", "canonical_key", "published_at",
    "updated_at", "lang", "claims", "digest", "source_host", *SEARCHED,
)  # fmt: skip
COPY: Final = f"COPY incoming (position, {', '.join(COLUMNS)}) FROM STDIN".encode()
LOADS: Final = """
INSERT INTO loads (kind, sha256, size, loaded_by, started_at, leased_until, summary)
VALUES ('ndjson', '', %s, 'by hand', now(), now(), '{}') RETURNING id"""

# A batch takes the place of what has its slugs.
STEPS: Final = (
    "UPDATE incoming i SET new = false FROM articles a WHERE a.slug = i.slug",
    "INSERT INTO topics (slug) SELECT DISTINCT name FROM incoming_topics ON CONFLICT DO NOTHING",
    """
    INSERT INTO entities (name, slug) SELECT DISTINCT name, called FROM incoming_entities
    ON CONFLICT DO NOTHING""",
    """
    INSERT INTO articles (slug, title, summary, body_md, canonical_source, canonical_key,
      published_at, updated_at, lang, claims, extra, digest, listed_at, source_host)
    SELECT slug, title, summary, body_md, canonical_source, canonical_key, published_at,
      updated_at, lang, claims, '{}', digest, published_at, source_host
    FROM incoming ORDER BY position
    ON CONFLICT (slug) DO UPDATE SET title = excluded.title, summary = excluded.summary,
      body_md = excluded.body_md, canonical_source = excluded.canonical_source,
      canonical_key = excluded.canonical_key, published_at = excluded.published_at,
      updated_at = excluded.updated_at, lang = excluded.lang, claims = excluded.claims,
      digest = excluded.digest, listed_at = excluded.listed_at,
      source_host = excluded.source_host""",
    """
    DELETE FROM article_topics USING articles a JOIN incoming i USING (slug)
    WHERE article_id = a.id AND NOT i.new""",
    """
    DELETE FROM article_entities USING articles a JOIN incoming i USING (slug)
    WHERE article_id = a.id AND NOT i.new""",
    """
    INSERT INTO article_topics (article_id, position, topic_id, listed_at)
    SELECT a.id, i.position, t.id, a.listed_at FROM incoming_topics i
    JOIN articles a ON a.slug = i.slug JOIN topics t ON t.slug = i.name""",
    """
    INSERT INTO article_entities (article_id, position, entity_id, listed_at)
    SELECT a.id, i.position, e.id, a.listed_at FROM incoming_entities i
    JOIN articles a ON a.slug = i.slug JOIN entities e ON e.name = i.name""",
    """
    INSERT INTO changes (seq, kind, public, slug, article_id, load_id, at)
    SELECT (SELECT coalesce(max(seq), 0) FROM changes) + row_number() OVER (ORDER BY i.position),
      CASE WHEN i.new THEN 'created' ELSE 'updated' END,
      CASE WHEN i.new THEN 'created' ELSE 'updated' END, i.slug, a.id, %(load)s, now()
    FROM incoming i JOIN articles a USING (slug)""",
    """
    INSERT INTO load_results (load_id, position, line, slug, outcome, faults, flags)
    SELECT %(load)s, position, position, slug,
      CASE WHEN new THEN 'created' ELSE 'updated' END, '[]', '[]' FROM incoming""",
    """
    INSERT INTO terms (facet, value, label, folded, articles)
    SELECT facet, value, label, folded, articles FROM incoming_terms
    ON CONFLICT (facet, value) DO UPDATE SET articles = terms.articles + excluded.articles""",
    """
    INSERT INTO article_words (key, title, head, whole)
    SELECT (extract(epoch FROM i.published_at)::bigint << 30) | a.id,
      to_tsvector('simple', words_title),
      to_tsvector('simple', words_title) || to_tsvector('simple', words_summary),
      to_tsvector('simple', words_title) || to_tsvector('simple', words_summary)
      || to_tsvector('simple', words_body)
    FROM incoming i JOIN articles a USING (slug) WHERE i.new""",
    """
    UPDATE loads SET summary = %(summary)s, leased_until = now(), finished_at = now()
    WHERE id = %(load)s""",
)
THERE: Final = "SELECT 1 FROM articles WHERE slug = ANY (%s) LIMIT 1"
WRITERS_LOCK: Final = "SELECT pg_advisory_xact_lock(%s)"


def load_batch(
    connection: "psycopg.Connection[tuple[int]]", load: int, done: int, rows: list[Row]
) -> None:
    """Load some records in one transaction."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(WRITERS_LOCK, (1,))
        with cursor.copy(COPY) as copy:
            for position, row in enumerate(rows, done + 1):
                copy.write_row((position, *(row[name] for name in COLUMNS)))
        for name in "topics", "entities":
            with cursor.copy(f"COPY incoming_{name} FROM STDIN".encode()) as copy:
                for link in _links(rows, name):
                    copy.write_row((*link, slug_of(link[2])) if name == "entities" else link)
        there = cursor.execute(THERE, ([row["slug"] for row in rows],)).fetchone()
        if there is None:
            with cursor.copy(b"COPY incoming_terms FROM STDIN") as copy:
                for term, count in terms(rows).items():
                    copy.write_row((*term, fold(term[2]), count))
        given = {"load": load, "summary": json.dumps({"created": done + len(rows)})}
        for step in STEPS:
            cursor.execute(step, given)


def _links(rows: list[Row], name: str) -> Iterable[tuple[str, int, str]]:
    return (
        (row["slug"], position, member)
        for row in rows
        for position, member in enumerate(dict.fromkeys(row[name]))
    )


def main() -> None:
    """Load the feed, and say how long it took."""
    url, feed = sys.argv[1], Path(sys.argv[2])

    def load() -> int:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(TEMPORARY)
            size = feed.stat().st_size
            [number] = connection.execute(LOADS, (size,))
            done = 0
            for rows in batches(feed):
                load_batch(connection, number[0], done, rows)
                done += len(rows)
            return done

    tell(load)


if __name__ == "__main__":
    main()
