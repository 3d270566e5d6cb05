"""A vocabulary, topics or entities, as an HTML page and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from app.article.hygiene import printable
from app.article.timestamps import format_instant
from app.representations import templating
from app.representations.article import Site
from app.store.listing.vocabulary_pages import VocabularyEntry


@dataclass(frozen=True, slots=True)
class VocabularyPage:
    """One page of a vocabulary at `path`. `next` is the query of the next page, if there is one."""

    site: Site
    path: str
    title: str
    entries: Sequence[VocabularyEntry]
    prefix: str
    sort: str
    limit: int
    next: str | None

    def url(self, suffix: str = "", query: str | None = None) -> str:
        """Return the absolute URL of a page of the vocabulary, in the format with `suffix`."""
        return f"{self.site.base_url}{self.path}{suffix}" + (f"?{query}" if query else "")


def render_json(vocabulary: VocabularyPage) -> bytes:
    """Return the page as a JSON object with its terms."""
    items = [
        {
            "slug": entry.slug,
            "name": entry.name,
            "articles": entry.articles,
            "latest": format_instant(entry.latest_at) if entry.latest_at else None,
            "url": f"{vocabulary.site.base_url}{vocabulary.path}/{entry.slug}",
        }
        for entry in vocabulary.entries
    ]
    following = None if vocabulary.next is None else vocabulary.url(".json", vocabulary.next)
    envelope = {
        "items": items,
        "next": following,
        "prefix": vocabulary.prefix,
        "sort": vocabulary.sort,
        "limit": vocabulary.limit,
    }
    return json.dumps(envelope, ensure_ascii=False).encode()


def render_html(vocabulary: VocabularyPage) -> bytes:
    """Return an HTML page with the terms and the number of articles of each."""
    return templating.render(
        "vocabulary.html",
        vocabulary=vocabulary,
        prefix=printable(vocabulary.prefix),
        names=[printable(entry.name) for entry in vocabulary.entries],
    )
