"""Examples of answers for the OpenAPI document: what a site of two articles says.

What an article or a listing looks like is rendered here as for readers, so that it is true.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from app.article.record import Record, parse_record
from app.article.timestamps import format_instant
from app.http.accept_explained import explain
from app.http.query_params import parse_pairs
from app.representations import article
from app.representations import listing as listings
from app.representations.article import Site, article_links
from app.representations.listing import Listing, ListingItem, Total, vocabulary
from app.representations.listing.vocabulary import VocabularyPage
from app.search.listing_params import parse
from app.store.listing.facets import FacetCount, Facets
from app.store.listing.vocabulary_pages import SORTS, VocabularyEntry

SITE: Final = Site("https://news.example", "River City News")
LOADED_AT: Final = datetime(2026, 7, 1, 12, tzinfo=UTC)
RECORDS: Final[tuple[dict[str, Any], ...]] = (
    {
        "slug": "river-city-opens-its-new-bridge",
        "title": "River City opens its new bridge",
        "summary": "After three years of work, the first trams cross the river.",
        "body_md": "# River City opens its new bridge\n\nThe first tram crossed at **six** today.",
        "canonical_source": "https://herald.example/2026/bridge",
        "published_at": "2026-06-30T06:30:00Z",
        "updated_at": "2026-06-30T09:00:00Z",
        "lang": "en",
        "topics": ["transport", "cities"],
        "entities": ["River City"],
    },
    {
        "slug": "trams-to-run-all-night",
        "title": "Trams to run all night",
        "summary": "From July on, there is a tram every half an hour.",
        "body_md": "# Trams to run all night\n\nEvery half an hour, **from July on**.",
        "canonical_source": "https://herald.example/2026/trams",
        "published_at": "2026-06-28T10:00:00Z",
        "updated_at": "2026-06-28T10:00:00Z",
        "lang": "en",
        "topics": ["transport"],
        "entities": ["River City"],
    },
)
ASKED: Final = "q=tram%2A&limit=1&include=total&include=facets"
"""The query of the listing that is shown."""

ACCEPT: Final = "text/markdown, text/html;q=0.9"
"""The negotiation that is explained."""

CURSOR: Final = "AAAAAAAAAAAAGpA8KAAAAAIY2g8jy5FvPJ8"


def answers() -> dict[str, Any]:
    """Return an example of each answer in JSON, by its name."""
    bridge, trams = map(parse_record, RECORDS)
    related = _represented(trams, "json")
    del related["body_md"]
    latest = bridge.published_at
    return {
        "Article": _represented(bridge, "json"),
        "Changes": _changes(bridge, trams),
        "Entities": _vocabulary("entities", VocabularyEntry("river-city", "River City", 2, latest)),
        "Feed": _listed("feed", "limit=1", _item(bridge)),
        "Listing": _listed(
            "json", ASKED, _item(trams, _HIGHLIGHTS), total=Total(2, exact=True), facets=_FACETS
        ),
        "NegotiationReport": _explained(),
        "NewsArticle": _represented(bridge, "jsonld"),
        "Related": {"items": [related]},
        "Topics": _vocabulary(
            "topics",
            VocabularyEntry("cities", "cities", 1, latest),
            VocabularyEntry("transport", "transport", 2, latest),
        ),
        "ProblemDetails": {
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": "limit: must be a number from 1 to 100",
            "errors": [{"parameter": "limit", "reason": "must be a number from 1 to 100"}],
        },
    }


_HIGHLIGHTS: Final = {
    "title": "<mark>Trams</mark> to run all night",
    "summary": "From July on, there is a <mark>tram</mark> every half an hour.",
}
_FACETS: Final = Facets(
    counted=2,
    exact=True,
    terms={
        "topic": [FacetCount("transport", "transport", 2), FacetCount("cities", "cities", 1)],
        "entity": [FacetCount("river-city", "River City", 2)],
        "lang": [FacetCount("en", "en", 2)],
        "source": [FacetCount("herald.example", "herald.example", 2)],
        "month": [FacetCount("2026-06", "2026-06", 2)],
    },
)


def _represented(record: Record, name: str) -> dict[str, Any]:
    form = article.BY_NAME[name]
    return _read(form.represent(record, article_links(record, SITE)))


def _item(record: Record, highlights: Mapping[str, str] | None = None) -> ListingItem:
    return ListingItem(record, article_links(record, SITE), highlights or {})


def _listed(name: str, query: str, *items: ListingItem, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as Listing has them
    selection = parse(parse_pairs(query))
    listing = Listing(
        site=SITE,
        path="/news",
        query=query,
        title="News",
        items=items,
        fields=selection.shown,
        filters=selection.filters,
        sort=selection.sort,
        limit=selection.limit,
        next=f"{query}&cursor={CURSOR}",
        **more,
    )
    return _read(listings.BY_NAME[name].render(listing))


def _vocabulary(name: str, *entries: VocabularyEntry) -> dict[str, Any]:
    page = VocabularyPage(
        site=SITE,
        path=f"/{name}",
        title=name.capitalize(),
        entries=entries,
        prefix="",
        sort=SORTS[0],
        limit=50,
        next=None,
    )
    return _read(vocabulary.render_json(page))


def _changes(*created: Record) -> dict[str, Any]:
    changes = [
        {
            "seq": number,
            "kind": "created",
            "slug": record.slug,
            "url": article_links(record, SITE).url,
            "at": format_instant(LOADED_AT),
        }
        for number, record in enumerate(created, 1)
    ]
    return {"changes": changes, "last": len(changes), "more": False}


def _explained() -> dict[str, Any]:
    explanation = explain(ACCEPT, tuple(article.BY_MEDIA_TYPE))
    fields = {
        "Content-Type": "text/markdown; charset=utf-8",
        "Content-Location": "/news/{slug}.md",
        "Vary": "Accept, Accept-Encoding",
        "Cache-Control": "private, max-age=60",
        "CDN-Cache-Control": "no-store",
    }
    return {
        "source": "query",
        "accept": ACCEPT,
        "members": list(map(asdict, explanation.members)),
        "untold": explanation.untold,
        "representations": list(map(asdict, explanation.standings)),
        "answer": {
            "status": 200,
            "representation": "markdown",
            "rule": explanation.rule,
            "reason": explanation.reason,
            "headers": fields,
        },
    }


def _read(answer: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer)
    return found
