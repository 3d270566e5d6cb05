"""Many articles out of few, by the database itself: the same statements on either kind."""

from typing import Any, Final

# The n-th copy of articles numbered from 1 to `count`: the same titles, topics and entities, other
# slugs and sources, all over the indexes as those of other articles would be; shorter bodies.
MULTIPLIED: Final = (
    """
    INSERT INTO articles (id, slug, title, summary, body_md, canonical_source, canonical_key,
      published_at, updated_at, lang, claims, extra, digest, listed_at, source_host)
    WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < {copies} - 1)
    SELECT id + n * {count}, substr(slug, 1, length(slug) - 6) || (id + n * {count}), title,
      substr(summary, 1, 100), substr(body_md, 1, {body}), canonical_source || n,
      canonical_key || n, published_at, updated_at, lang, claims, extra, digest || n,
      listed_at, source_host
    FROM copies CROSS JOIN articles WHERE id <= {count}""",
    """
    INSERT INTO article_topics (article_id, position, topic_id, listed_at)
    WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < {copies} - 1)
    SELECT article_id + n * {count}, position, topic_id, listed_at
    FROM copies CROSS JOIN article_topics WHERE article_id <= {count}""",
    """
    INSERT INTO article_entities (article_id, position, entity_id, listed_at)
    WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < {copies} - 1)
    SELECT article_id + n * {count}, position, entity_id, listed_at
    FROM copies CROSS JOIN article_entities WHERE article_id <= {count}""",
    """
    INSERT INTO changes (seq, kind, public, slug, article_id, load_id, at)
    SELECT id, 'created', 'created', slug, id, 1, updated_at FROM articles WHERE id > {count}""",
    """
    INSERT INTO load_results (load_id, position, line, slug, outcome, faults, flags)
    SELECT 1, id, id, slug, 'created', '[]', '[]' FROM articles WHERE id > {count}""",
    "UPDATE terms SET articles = articles * {copies}",
)
# The index of words is each database's own. In the order of keys, as a load adds its batches: FTS5
# would begin a segment with each row that is out of it, and be merging them long after.
INDEXED: Final = {
    "sqlite": """
    INSERT INTO article_words (rowid, title, summary, body)
    SELECT (CAST(strftime('%s', published_at) AS INTEGER) << 30) | id, title, summary, body_md
    FROM articles WHERE id > {count} ORDER BY 1""",
    "postgresql": """
    INSERT INTO article_words (key, title, head, whole)
    SELECT (extract(epoch FROM published_at)::bigint << 30) | id,
      to_tsvector('simple', title),
      to_tsvector('simple', title) || to_tsvector('simple', summary),
      to_tsvector('simple', title) || to_tsvector('simple', summary)
      || to_tsvector('simple', body_md)
    FROM articles WHERE id > {count}""",
}
FILLER_BODY: Final = 400
"""Characters of a body that only fills the database: indexes grow with articles, not with these."""


def multiplying(kind: str, count: int, articles: int) -> list[str]:
    """Return the statements that make `articles` out of the first `count`, which are all."""
    copies = articles // count
    if copies < 2:
        return []
    given: dict[str, Any] = {"count": count, "copies": copies, "body": FILLER_BODY}
    return [statement.format(**given) for statement in (*MULTIPLIED, INDEXED[kind])]
