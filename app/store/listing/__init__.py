"""Listings: filters, index scans, pages, facets."""
