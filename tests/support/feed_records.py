"""Small feeds for tests: records as a feed brings them, and what a load reports of them."""

import json
from datetime import timedelta
from typing import Any

from app.article.timestamps import format_instant
from tests.support.site import NOW


def record(slug: str = "a", **fields: object) -> dict[str, Any]:
    """Return a small record, as a feed would bring it."""
    return {
        "slug": slug,
        "title": "A headline",
        "body_md": "# A headline\n\nText.",
        "published_at": format_instant(NOW - timedelta(days=2)),
        "updated_at": format_instant(NOW - timedelta(days=1)),
        "lang": "en",
        **fields,
    }


def ndjson(*records: object) -> str:
    return "\n".join(item if isinstance(item, str) else json.dumps(item) for item in records)


def outcomes(report: dict[str, Any]) -> list[str]:
    return [result["outcome"] for result in report["results"]]


def later(**by: float) -> str:
    return format_instant(NOW - timedelta(days=1) + timedelta(**by))


SOON = NOW + timedelta(hours=1)


def scheduled_record(slug: str = "a") -> dict[str, object]:
    return record(slug, published_at=format_instant(SOON), topics=["x"], entities=["Ä"])


TOPICS = ["tech", "china", "health"]


def numbered_record(number: int, **fields: Any) -> dict[str, Any]:
    """Return the record of one of many articles: the higher the number, the older."""
    return record(
        f"a{number:03}",
        **{
            "title": f"Headline {number}",
            "published_at": format_instant(NOW - timedelta(days=2, minutes=number // 2)),
            "topics": [TOPICS[number % 3]] + (["all"] if number % 2 else []),
            "entities": ["AT&T", "Ärzte ohne Grenzen"] if number % 5 == 0 else [],
            "lang": "de" if number % 4 == 0 else "en",
            "canonical_source": f"https://{'x' if number % 2 else 'y'}.example/{number}",
            **fields,
        },
    )
