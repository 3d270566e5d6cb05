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
  ON COMMIT DELETE ROWS
