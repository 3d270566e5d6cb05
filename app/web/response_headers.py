"""Response headers: each function builds one field or one group of fields."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from app.article.record import Record
from app.representations import listing as listings
from app.representations import templating
from app.representations.article import ArticleFormat, Links, article_path
from app.representations.links import to_uri
from app.representations.listing import Listing
from app.settings import Settings

Headers = dict[str, str]

TAGS_AT_MOST: Final = 50
_TAG_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long responses are fresh: Cache-Control directives by status.

    Responses of other statuses are `no-store`. `vary_is_honoured` says that the shared caches in
    front honour Vary, and may store negotiated responses.
    """

    by_status: Mapping[int, str]
    vary_is_honoured: bool


def freshness_of(settings: Settings) -> Freshness:
    """Return the freshness that the settings describe."""
    shared = settings.shared_max_age
    directives = (
        f"max-age={settings.max_age}",
        *((f"s-maxage={shared}",) if shared is not None else ()),
        f"stale-while-revalidate={settings.stale_while_revalidate}",
        f"stale-if-error={settings.stale_if_error}",
    )
    by_status = {
        200: ", ".join(directives),
        308: f"max-age={settings.redirect_max_age}",
        404: f"max-age={settings.not_found_max_age}",
        410: f"max-age={settings.gone_max_age}",
    }
    return Freshness(by_status, settings.negotiation_cache == "vary")


def article_headers(record: Record, links: Links, chosen: ArticleFormat) -> Headers:
    """Return the headers that describe an article's representation."""
    return {"Content-Language": record.lang, "Link": link_header(links, chosen)}


def listing_headers(listing: Listing, form: listings.ListingFormat) -> Headers:
    """Return the headers that describe one page of a listing in one format."""
    targets = [
        f'<{to_uri(listing.url(other.suffix))}>; rel="alternate"; type="{other.media_type}"'
        for other in listings.FORMATS
        if other is not form
    ]
    targets.append(f'<{to_uri(listing.url())}>; rel="canonical"')
    for relation, query in ("next", listing.next), ("prev", listing.prev):
        if query is not None:
            targets.append(f'<{to_uri(listing.url(form.suffix, query))}>; rel="{relation}"')
    return {"Link": ", ".join(targets)}


def tag_headers(*tags: str) -> Headers:
    """Return the tags by which CDNs can purge a response, in the two syntaxes that CDNs use."""
    return {"Surrogate-Key": " ".join(tags), "Cache-Tag": ",".join(tags)}


def negotiation_headers(slug: str, form: ArticleFormat) -> Headers:
    """Return what the response at a bare URL adds: the address of the representation itself."""
    return {"Content-Location": article_path(slug, form)}


def caching_headers(
    status: int, media_type: str, freshness: Freshness, *, negotiated: bool, is_authorized: bool
) -> Headers:
    """Return Vary, Cache-Control and CDN-Cache-Control.

    `negotiated` says that `Accept` selected the format, `is_authorized` that the request has
    `Authorization`.
    """
    vary = vary_header(negotiated=negotiated)
    fresh = freshness.by_status.get(status)
    if fresh is None:
        return vary | {"Cache-Control": "no-store"}
    # RFC 9111 section 3.5: a shared cache must not reuse the response to an authorized request.
    if is_authorized:
        return vary | {"Cache-Control": "private, no-store"}
    # Many shared caches ignore Vary, and would send these responses to browsers in place of the
    # page. Some of them only honour CDN-Cache-Control (RFC 9213).
    if negotiated and media_type != "text/html" and not freshness.vary_is_honoured:
        age = fresh.partition(",")[0]
        return vary | {"Cache-Control": f"private, {age}", "CDN-Cache-Control": "no-store"}
    return vary | {"Cache-Control": f"public, {fresh}"}


def vary_header(*, negotiated: bool) -> Headers:
    """Return the Vary header of a response whose format `Accept` selected, or an address did."""
    return {"Vary": "Accept, Accept-Encoding" if negotiated else "Accept-Encoding"}


def policy_headers(media_type: str) -> Headers:
    """Return the headers that restrict what browsers do with a response."""
    policy = {"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*"}
    if media_type == "text/html":
        policy["Content-Security-Policy"] = templating.content_security_policy()
        policy["Referrer-Policy"] = "strict-origin-when-cross-origin"
    return policy


def link_header(links: Links, form: ArticleFormat | None = None) -> str:
    """Return the Link field (RFC 8288): the other formats, the canonical URL, and the source."""
    others = links.alternates_except(form.name) if form else links.alternates
    targets = [f'<{to_uri(o.url)}>; rel="alternate"; type="{o.media_type}"' for o in others]
    targets.append(f'<{links.canonical}>; rel="canonical"')
    if links.source:
        targets.append(f'<{to_uri(links.source)}>; rel="via"')
    return ", ".join(targets)


def tags_of(record: Record) -> tuple[str, ...]:
    """Return the purge tags of an article: its own, those of its topics and of its entities.

    They are ASCII, without spaces and commas. An entity's name may be any text, so its tag is a
    digest of the name: the first twelve hexadecimal digits of its BLAKE2b.
    """
    topics = (f"topic-{topic}" for topic in record.topics)
    entities = (
        f"entity-{hashlib.blake2b(name.encode(), digest_size=6).hexdigest()}"
        for name in record.entities
    )
    return (tag_of(record.slug), *topics, *entities)[:TAGS_AT_MOST]


def tag_of(slug: str) -> str:
    """Return the purge tag of all responses about an article, its 404 included."""
    return f"article-{slug}"


def entity_tag(content_type: str, coding: str, body: bytes) -> str:
    """Return a strong validator: it changes exactly when the bytes of the representation do."""
    # Half the time of BLAKE2b, on processors with instructions for SHA-256.
    digest = hashlib.sha256(f"{content_type}\0{coding}\0".encode())
    digest.update(body)
    return f'"{digest.hexdigest()[:_TAG_DIGITS]}"'


def http_date(instant: datetime) -> str:
    """Return `instant` as an HTTP-date (RFC 9110 section 5.6.7), floored to the second."""
    return format_datetime(instant.astimezone(UTC).replace(microsecond=0), usegmt=True)
