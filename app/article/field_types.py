"""The types of a record's fields: texts, slugs, instants, languages, and lists of them.

Each is a pydantic annotation whose error messages are written for load reports.
"""

import re
from collections.abc import Sized
from datetime import datetime
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from app.article.source_urls import check_source_url
from app.article.timestamps import format_instant, parse_instant
from app.text import check_single_line, check_storable, excerpt

# Suffixes that select a representation. `/news/a.md` always means "a, as Markdown", so no slug may
# end in one. A test compares this list with the table of representations.
RESERVED_SUFFIXES: Final = (
    ".html", ".md", ".txt", ".jsonld", ".json", ".ndjson", ".rss", ".atom", ".xml",
)  # fmt: skip

SLUG_LENGTH: Final = 80
LANGUAGE_LENGTH: Final = 35  # RFC 5646 section 4.4.1 recommends room for 35 characters
ENTITY_LENGTH: Final = 255
LIST_LENGTH: Final = 1_000

Members = TypeVar("Members")

_SLUG = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
# RFC 5646 section 2.1: langtag = language ["-" script] ["-" region] *("-" variant)
# *("-" extension) ["-" privateuse]; or privateuse alone; or an irregular grandfathered tag.
_LANGUAGE = re.compile(
    r"""(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})
        (?:-[a-z]{4})? (?:-(?:[a-z]{2}|[0-9]{3}))?
        (?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))* (?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*
        (?:-x(?:-[a-z0-9]{1,8})+)?
      | x(?:-[a-z0-9]{1,8})+
      | en-gb-oed | i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)
      | sgn-(?:be-fr|be-nl|ch-de)""",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)


def is_slug(value: str) -> bool:
    """Return whether `value` is a valid slug."""
    try:
        _slug(value)
    except ValueError:
        return False
    return True


def _slug(value: str) -> str:
    if len(value) > SLUG_LENGTH:
        raise ValueError(f"has {len(value)} characters; at most {SLUG_LENGTH} are allowed")
    if not _SLUG.fullmatch(value) or not any(map(str.isalnum, value)):
        raise ValueError(
            f"{excerpt(value)!r} is not a slug: use a-z, 0-9, '-' and single dots inside"
        )
    if value.endswith(RESERVED_SUFFIXES):
        suffix = next(suffix for suffix in RESERVED_SUFFIXES if value.endswith(suffix))
        raise ValueError(f"must not end in {suffix!r}, which selects a representation")
    return value


def is_language(value: str) -> bool:
    """Return whether `value` is a well-formed BCP 47 language tag."""
    return len(value) <= LANGUAGE_LENGTH and _LANGUAGE.fullmatch(value) is not None


def _language(value: str) -> str:
    if not is_language(value):
        raise ValueError(
            f"{excerpt(value)!r} is not a BCP 47 language tag such as en or zh-Hant-TW"
        )
    return value


def _tuple(value: object) -> object:
    """Accept a JSON array as a tuple, which pydantic in strict mode does not."""
    if not isinstance(value, list | tuple):
        raise ValueError("must be an array")  # noqa: TRY004 - pydantic reports ValueError
    return tuple(_limited(value))


def _limited(value: Members) -> Members:
    """Refuse too many members before each of them is validated and reported."""
    if isinstance(value, Sized) and len(value) > LIST_LENGTH:
        raise ValueError(f"has {len(value)} members; at most {LIST_LENGTH} are allowed")
    return value


def _short(value: str) -> str:
    # After a validator, pydantic's own max_length would report "items" instead of characters.
    if len(value) > ENTITY_LENGTH:
        raise ValueError(f"has {len(value)} characters; at most {ENTITY_LENGTH} are allowed")
    return value


def _unique(value: tuple[str, ...]) -> tuple[str, ...]:
    """Remove repeated members; the first of each is kept."""
    return tuple(dict.fromkeys(value))


LimitedLength = BeforeValidator(_limited)
StorableText = Annotated[str, AfterValidator(check_storable)]
SingleLine = Annotated[StorableText, AfterValidator(check_single_line)]
Slug = Annotated[str, AfterValidator(_slug)]
Slugs = Annotated[tuple[Slug, ...], BeforeValidator(_tuple), AfterValidator(_unique)]
Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
]
Language = Annotated[str, AfterValidator(_language)]
SourceUrl = Annotated[StorableText, AfterValidator(check_source_url)]
Entity = Annotated[SingleLine, AfterValidator(_short)]
Entities = Annotated[tuple[Entity, ...], BeforeValidator(_tuple), AfterValidator(_unique)]
