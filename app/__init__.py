"""Slugline: a news-article server. One address per article, in the form the client asked for."""

import gc

# What is imported stays. To look through it for garbage again and again, as Python would by itself,
# takes a seventh of the time to start.
gc.set_threshold(50_000, 20, 100)
