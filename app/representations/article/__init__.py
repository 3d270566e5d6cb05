"""Record -> bytes, one sibling for each format, and FORMATS, the table all else is derived from.

A new representation is one module here and one row in the table: the offers of negotiation, the
suffixes, `alternates`, the `Link` header, the page's `<link>` tags, the OpenAPI document and the
README's table follow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.article.hygiene import clean
from app.article.record import Record
from app.representations.article import html, json_ld, json_record, markdown, plain_text
from app.representations.links import Alternate, Links, Site

__all__ = [
    "BY_MEDIA_TYPE",
    "BY_NAME",
    "BY_SUFFIX",
    "FORMATS",
    "Alternate",
    "ArticleFormat",
    "Links",
    "Site",
    "article_links",
    "article_path",
]


@dataclass(frozen=True, slots=True)
class ArticleFormat:
    """One representation. `suffix` is what its URL ends in beyond the article's own."""

    name: str
    suffix: str
    media_type: str
    content_type: str
    render: Callable[[Record, Links], bytes]
    verbatim: bool = False  # else without what readers must not meet

    def represent(self, record: Record, links: Links) -> bytes:
        """Return `record` in this format: a function of its arguments alone."""
        return self.render(record if self.verbatim else clean(record), links)


# In the order of the site's own preference.
FORMATS: Final = (
    ArticleFormat("html", "", "text/html", "text/html; charset=utf-8", html.render),
    ArticleFormat(
        "markdown", ".md", "text/markdown", "text/markdown; charset=utf-8", markdown.render
    ),
    ArticleFormat("text", ".txt", "text/plain", "text/plain; charset=utf-8", plain_text.render),
    ArticleFormat(
        "json", ".json", "application/json", "application/json", json_record.render, verbatim=True
    ),
    ArticleFormat(
        "jsonld", ".jsonld", "application/ld+json", "application/ld+json", json_ld.render
    ),
)
BY_NAME: Final = {form.name: form for form in FORMATS}
BY_MEDIA_TYPE: Final = {form.media_type: form for form in FORMATS}
BY_SUFFIX: Final = {form.suffix: form for form in FORMATS if form.suffix}


def article_path(slug: str, form: ArticleFormat = FORMATS[0]) -> str:
    """Return the path of an article, or of one of its twins."""
    return f"/news/{slug}{form.suffix}"


def article_links(record: Record, site: Site) -> Links:
    """Return the addresses of `record` on `site`."""
    return Links(site, site.base_url + article_path(record.slug), record.canonical_source, FORMATS)
