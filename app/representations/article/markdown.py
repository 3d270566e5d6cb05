"""Markdown with YAML front matter, followed by the body as it is."""

import re
from typing import Final

import yaml

from app.article.record import Record
from app.article.timestamps import format_instant
from app.representations.links import Links

_NO_FOLDING: Final = 2**31 - 1


class _Dumper(yaml.CSafeDumper):
    """Writes YAML 1.1, and quotes strings that only YAML 1.2 reads as numbers."""


# YAML 1.2 section 10.3.2: 0o17 is an integer, and a float such as 1e3 needs neither dot nor sign.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"(?:0o[0-7]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)\Z"),
    list("-+.0123456789"),
)


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
    front = yaml.dump(facts, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=_NO_FOLDING)
    end = "" if record.body_md.endswith("\n") else "\n"
    return f"---\n{front}---\n\n{record.body_md}{end}".encode()
