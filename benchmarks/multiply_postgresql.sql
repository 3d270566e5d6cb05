INSERT INTO article_words (key, title, head, whole)
SELECT (extract(epoch FROM published_at)::bigint << 30) | id,
  to_tsvector('simple', title),
  to_tsvector('simple', title) || to_tsvector('simple', summary),
  to_tsvector('simple', title) || to_tsvector('simple', summary)
  || to_tsvector('simple', body_md)
FROM articles WHERE id > {count}
