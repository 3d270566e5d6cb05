"""Slugline: a news-article server. One address per article, in the form the client asked for."""
