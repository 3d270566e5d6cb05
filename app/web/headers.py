"""The header fields of every answer, built in one place."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, Literal

from app.records import Record
from app.representations import Format, Links, path_of, templating
from app.representations.links import uri

Caching = Literal["safe", "vary"]
Headers = dict[str, str]

FRESH: Final = "max-age=60, stale-while-revalidate=600, stale-if-error=86400"
FRESHNESS: Final[Mapping[int, str]] = {200: FRESH, 308: "max-age=86400", 404: "max-age=30"}
"""How long an answer stays fresh, by its status. What is not in here is not stored."""


def article_headers(
    record: Record, links: Links, form: Format, body: bytes, now: datetime
) -> Headers:
    """Return what an article's answer says of itself, however it was asked for."""
    return {
        "Content-Type": form.content_type,
        "Content-Language": record.lang,
        "Link": link_header(links, form),
        "ETag": entity_tag(form.content_type, body),
        "Last-Modified": http_date(min(record.updated_at, now)),
        **policy_headers(form.media_type),
    }


def negotiation_headers(slug: str, form: Format) -> Headers:
    """Return what an answer at the bare URL adds: that it was chosen, and where it stands alone."""
    if not form.suffix:
        return {"Content-Location": path_of(slug)}
    return {"Content-Location": path_of(slug, form)}


def caching_headers(
    status: int, media_type: str, *, negotiated: bool, caching: Caching, personal: bool = False
) -> Headers:
    """Return who may keep an answer, for how long, and what it varies with.

    `negotiated` says that `Accept` chose its form, `personal` that the request was authorised.
    """
    vary = {"Vary": "Accept, Accept-Encoding" if negotiated else "Accept-Encoding"}
    fresh = FRESHNESS.get(status)
    if fresh is None:
        return vary | {"Cache-Control": "no-store"}
    # RFC 9111 section 3.5: a shared cache must not reuse the answer to an authorised request.
    if personal:
        return vary | {"Cache-Control": "private, no-store"}
    # Many shared caches ignore Vary. What they could hand to a browser in place of the page is
    # kept from them, by the field of RFC 9213 for those that heed no other.
    if negotiated and media_type != "text/html" and caching == "safe":
        age = fresh.partition(",")[0]
        return vary | {"Cache-Control": f"private, {age}", "CDN-Cache-Control": "no-store"}
    return vary | {"Cache-Control": f"public, {fresh}"}


def policy_headers(media_type: str) -> Headers:
    """Return what a browser may do with an answer."""
    policy = {"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*"}
    if media_type == "text/html":
        policy["Content-Security-Policy"] = templating.content_security_policy()
        policy["Referrer-Policy"] = "strict-origin-when-cross-origin"
    return policy


def link_header(links: Links, form: Format | None = None) -> str:
    """Return the Link field (RFC 8288): the alternates beside `form`, canonical, and the source."""
    others = links.others(form.name) if form else links.alternates
    targets = [f'<{uri(o.url)}>; rel="alternate"; type="{o.media_type}"' for o in others]
    targets.append(f'<{links.canonical}>; rel="canonical"')
    if links.source:
        targets.append(f'<{uri(links.source)}>; rel="via"')
    return ", ".join(targets)


def entity_tag(content_type: str, body: bytes) -> str:
    """Return a strong validator: it changes exactly when the bytes of the representation do."""
    digest = hashlib.blake2b(content_type.encode() + b"\0" + body, digest_size=16)
    return f'"{digest.hexdigest()}"'


def http_date(instant: datetime) -> str:
    """Return `instant` as an HTTP-date (RFC 9110 section 5.6.7), floored to the second."""
    return format_datetime(instant.astimezone(UTC).replace(microsecond=0), usegmt=True)
