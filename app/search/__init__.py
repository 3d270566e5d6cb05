"""Full-text search: analysis of text, parsing of queries, highlighting, listing queries."""
