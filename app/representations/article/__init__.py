"""The representations of an article: one module for each format, and the table FORMATS.

A new representation is one module and one row. The negotiation offers, the suffixes, `alternates`,
the `Link` header, the page's `<link>` tags, the OpenAPI document and the README's table are derived
from the table.
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
    """One representation. `suffix` is the end of its URL, after the article's own.

    A `verbatim` representation has the record as it was loaded, others have it cleaned.
    """

    name: str
    suffix: str
    media_type: str
    content_type: str
    render: Callable[[Record, Links], bytes]
    verbatim: bool = False

    def represent(self, record: Record, links: Links) -> bytes:
        """Return `record` in this format. The result depends on the arguments alone."""
        return self.render(record if self.verbatim else clean(record), links)


# In the site's order of preference.
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
    """Return the path of an article in one of its formats."""
    return f"/news/{slug}{form.suffix}"


def article_links(record: Record, site: Site) -> Links:
    """Return the URLs of `record` on `site`."""
    return Links(site, site.base_url + article_path(record.slug), record.canonical_source, FORMATS)
