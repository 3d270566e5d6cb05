-- Moves a batch from the temporary tables to its place, one statement a table.
-- A record replaces the article that has its slug.

UPDATE incoming i SET new = false FROM articles a WHERE a.slug = i.slug;

INSERT INTO topics (slug) SELECT DISTINCT name FROM incoming_topics ON CONFLICT DO NOTHING;

INSERT INTO entities (name, slug) SELECT DISTINCT name, called FROM incoming_entities
ON CONFLICT DO NOTHING;

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
  source_host = excluded.source_host;

DELETE FROM article_topics USING articles a JOIN incoming i USING (slug)
WHERE article_id = a.id AND NOT i.new;

DELETE FROM article_entities USING articles a JOIN incoming i USING (slug)
WHERE article_id = a.id AND NOT i.new;

INSERT INTO article_topics (article_id, position, topic_id, listed_at)
SELECT a.id, i.position, t.id, a.listed_at FROM incoming_topics i
JOIN articles a ON a.slug = i.slug JOIN topics t ON t.slug = i.name;

INSERT INTO article_entities (article_id, position, entity_id, listed_at)
SELECT a.id, i.position, e.id, a.listed_at FROM incoming_entities i
JOIN articles a ON a.slug = i.slug JOIN entities e ON e.name = i.name;

INSERT INTO changes (seq, kind, public, slug, article_id, load_id, at)
SELECT (SELECT coalesce(max(seq), 0) FROM changes) + row_number() OVER (ORDER BY i.position),
  CASE WHEN i.new THEN 'created' ELSE 'updated' END,
  CASE WHEN i.new THEN 'created' ELSE 'updated' END, i.slug, a.id, %(load)s, now()
FROM incoming i JOIN articles a USING (slug);

INSERT INTO load_results (load_id, position, line, slug, outcome, faults, flags)
SELECT %(load)s, position, position, slug,
  CASE WHEN new THEN 'created' ELSE 'updated' END, '[]', '[]' FROM incoming;

INSERT INTO terms (facet, value, label, folded, articles)
SELECT facet, value, label, folded, articles FROM incoming_terms
ON CONFLICT (facet, value) DO UPDATE SET articles = terms.articles + excluded.articles;

INSERT INTO article_words (key, title, head, whole)
SELECT (extract(epoch FROM i.published_at)::bigint << 30) | a.id,
  to_tsvector('simple', words_title),
  to_tsvector('simple', words_title) || to_tsvector('simple', words_summary),
  to_tsvector('simple', words_title) || to_tsvector('simple', words_summary)
  || to_tsvector('simple', words_body)
FROM incoming i JOIN articles a USING (slug) WHERE i.new;

UPDATE loads SET summary = %(summary)s, leased_until = now(), finished_at = now()
WHERE id = %(load)s
