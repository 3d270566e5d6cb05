"""A page of a listing as HTML that needs no script."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final, Protocol

import nh3
from markupsafe import Markup, escape

from app.article.hygiene import printable, printable_all
from app.representations import links, templating
from app.representations.article.html import datetime_attribute, format_for_people
from app.representations.listing.model import Listing, ListingItem

# Parameters that do not filter, but select what is shown and in which order.
_NO_FILTERS: Final = frozenset({"q", "sort", "limit", "fields", "include", "slug"})
# Parameters that a new search replaces.
_OF_SEARCHES: Final = frozenset({"q", "sort"})
_TOPICS: Final = 1_024
"""How many topics are cached as HTML."""


class LinkedListingFormat(links.LinkedFormat, Protocol):
    """What is needed of a listing format to link to it."""

    @property
    def is_feed(self) -> bool:
        """Whether clients poll its first page."""


def with_links_to(others: Iterable[LinkedListingFormat]) -> Callable[[Listing], bytes]:
    """Return a function that renders a page with links to the `others`, its other formats."""
    forms = tuple(others)

    def render(listing: Listing) -> bytes:
        """Return the page as UTF-8."""
        title = printable(listing.title)
        alternates, others = _links(listing, title, forms)
        return templating.render(
            "listing.html",
            listing=listing,
            title=title,
            articles=_articles(listing.items),
            alternates=alternates,
            others=others,
            q=printable(" ".join(listing.filters.get("q", ()))),
            filters=list(_filters(listing)),
            kept=[pair for pair in listing.filter_params if pair[0] not in _OF_SEARCHES],
        )

    return render


def _links(
    listing: Listing, title: str, forms: Sequence[LinkedListingFormat]
) -> tuple[Markup, Markup]:
    """Return the links to the page's other formats as HTML: for its head, and for its footer."""
    addresses = [
        listing.url(form.suffix, listing.first_page_query if form.is_feed else None)
        for form in forms
    ]
    (name, *urls) = _escaped([title, *addresses])
    led = list(zip(forms, urls, strict=True))
    alternates = (
        f'<link rel="alternate" type="{form.media_type}" href="{url}"'
        f' title="{name} ({form.name})">\n'
        for form, url in led
    )
    others = (f'<a href="{url}" type="{form.media_type}">{form.name}</a>' for form, url in led)
    return Markup("".join(alternates)), Markup(", ".join(others))  # noqa: S704 - escaped


def _filters(listing: Listing) -> Iterator[str]:
    """Yield a description of each filter of the query."""
    applied = [pair for pair in listing.filter_params if pair[0] not in _NO_FILTERS]
    for name, pairs in groupby(applied, key=itemgetter(0)):
        field, _, way = name.partition(".")
        values = (" and " if way == "all" else " or ").join(value for _, value in pairs)
        yield printable(f"{field.replace('_', ' ')}: {'not ' if way == 'not' else ''}{values}")


def _articles(items: Sequence[ListingItem]) -> Markup:
    """Return the articles as HTML. A template takes three times as long."""
    count, records = len(items), [item.record for item in items]
    texts = printable_all([r.title for r in records] + [r.summary for r in records])
    codes = [item.links.url for item in items] + [record.lang for record in records]
    escaped = _escaped([*texts, *codes])
    columns = [escaped[place * count :][:count] for place in range(4)]
    shown = map(_article, items, *columns)
    return Markup("".join(shown))  # noqa: S704 - all input is escaped


def _escaped(texts: Sequence[str]) -> list[str]:
    """Return `texts`, which must contain no NUL, escaped for HTML."""
    # Escaping them all at once halves the time for a page of twenty articles.
    return str(escape("\0".join(texts))).split("\0")


def _article(item: ListingItem, title: str, summary: str, url: str, lang: str) -> str:
    """Return an article as HTML. The texts are escaped already; search matches are marked."""
    passage, summary = "", summary.strip()
    if item.highlights:
        found = {name: _marked(text) for name, text in item.highlights.items()}
        title, summary = found.get("title", title), found.get("summary", summary)
        passage = found.get("body", "")
    at = item.record.published_at
    return (
        f'<article class="item" dir="auto" lang="{lang}">\n'
        f'<h2><a href="{url}">{title}</a></h2>\n'
        f'<p class="when"><time lang="en" dir="ltr" datetime="{datetime_attribute(at)}">'
        f"{format_for_people(at)}</time></p>\n"
        + (f'<p class="brief">{summary}</p>\n' if summary else "")
        + (f'<p class="brief passage">{passage}</p>\n' if passage else "")
        + _topics(item.record.topics)
        + "</article>\n"
    )


def _topics(topics: Sequence[str]) -> str:
    if not topics:
        return ""
    return f'<ul class="names topics">\n{"".join(map(_topic, topics))}</ul>\n'


@lru_cache(_TOPICS)
def _topic(topic: str) -> str:
    name = escape(topic)
    return f'<li><a href="/topics/{name}" rel="tag">{name}</a></li>\n'


def _marked(text: str) -> Markup:
    """Return the HTML `text` without any element except `mark`."""
    return Markup(nh3.clean(printable(text), tags={"mark"}, attributes={}))  # noqa: S704
