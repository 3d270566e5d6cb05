"""The SQL of listings: filters, index scans, pages, facets."""
