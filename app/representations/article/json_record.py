"""The record itself as JSON (RFC 8259), with URLs derived from its slug."""

import json

from app.article.record import Record
from app.article.timestamps import format_instant
from app.representations.links import Links


def render(record: Record, links: Links) -> bytes:
    """Return the twelve fields of the record, then its unknown fields, as UTF-8.

    `alternates` has the URLs of the other representations.
    """
    return json.dumps(fields(record, links), ensure_ascii=False).encode()


def fields(record: Record, links: Links) -> dict[str, object]:
    """Return the fields of the record in order, with instants as strings."""
    instants = {
        "published_at": format_instant(record.published_at),
        "updated_at": format_instant(record.updated_at),
    }
    return core_fields(record, links) | instants | record.extra


def core_fields(record: Record, links: Links) -> dict[str, object]:
    """Return the twelve fields, with instants that pydantic's `to_json` writes as we do."""
    return {
        "slug": record.slug,
        "title": record.title,
        "summary": record.summary,
        "body_md": record.body_md,
        "url": links.url,
        "canonical_source": record.canonical_source,
        "published_at": record.published_at,
        "updated_at": record.updated_at,
        "lang": record.lang,
        "topics": record.topics,
        "entities": record.entities,
        "alternates": links.urls_except("json"),
    }
