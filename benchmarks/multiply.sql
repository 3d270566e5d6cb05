-- Makes many articles out of the first {count}: {copies} - 1 copies of each, with the same titles,
-- topics and entities, with slugs and sources of their own, and with shorter bodies. The indexes
-- grow as with other articles.

INSERT INTO articles (id, slug, title, summary, body_md, canonical_source, canonical_key,
  published_at, updated_at, lang, claims, extra, digest, listed_at, source_host)
WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < {copies} - 1)
SELECT id + n * {count}, substr(slug, 1, length(slug) - 6) || (id + n * {count}), title,
  substr(summary, 1, 100), substr(body_md, 1, {body}), canonical_source || n,
  canonical_key || n, published_at, updated_at, lang, claims, extra, digest || n,
  listed_at, source_host
FROM copies CROSS JOIN articles WHERE id <= {count};

INSERT INTO article_topics (article_id, position, topic_id, listed_at)
WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < {copies} - 1)
SELECT article_id + n * {count}, position, topic_id, listed_at
FROM copies CROSS JOIN article_topics WHERE article_id <= {count};

INSERT INTO article_entities (article_id, position, entity_id, listed_at)
WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < {copies} - 1)
SELECT article_id + n * {count}, position, entity_id, listed_at
FROM copies CROSS JOIN article_entities WHERE article_id <= {count};

INSERT INTO changes (seq, kind, public, slug, article_id, load_id, at)
SELECT id, 'created', 'created', slug, id, 1, updated_at FROM articles WHERE id > {count};

INSERT INTO load_results (load_id, position, line, slug, outcome, faults, flags)
SELECT 1, id, id, slug, 'created', '[]', '[]' FROM articles WHERE id > {count};

UPDATE terms SET articles = articles * {copies}
