"""Markdown with YAML front matter: the facts above, the body below as it is."""

from typing import Final

import yaml

from app.instants import format_instant
from app.records import Record
from app.representations.links import Links

_NO_FOLDING: Final = 2**31 - 1


def render(record: Record, links: Links) -> bytes:
    """Return the front matter (YAML 1.1, values as strings), a blank line, and the body."""
    facts = {
        "title": record.title,
        "url": links.url,
        "canonical_source": record.canonical_source,
        "published_at": format_instant(record.published_at),
        "updated_at": format_instant(record.updated_at),
        "lang": record.lang,
        "topics": list(record.topics),
        "entities": list(record.entities),
        "summary": record.summary,
    }
    front = yaml.dump(
        facts, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=_NO_FOLDING
    )
    end = "" if record.body_md.endswith("\n") else "\n"
    return f"---\n{front}---\n\n{record.body_md}{end}".encode()
