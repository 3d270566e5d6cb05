-- In the order of keys, as a load adds them: FTS5 would begin a segment with each row out of order.
INSERT INTO article_words (rowid, title, summary, body)
SELECT (CAST(strftime('%s', published_at) AS INTEGER) << 30) | id, title, summary, body_md
FROM articles WHERE id > {count} ORDER BY 1
