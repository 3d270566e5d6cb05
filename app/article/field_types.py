"""What the fields of a record may hold: texts, slugs, instants, languages, and lists of them.

Each is a type that pydantic checks, and says what is wrong in words fit for a report.
"""

import re
from collections.abc import Sized
from datetime import datetime
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from app.article.source_urls import check_source_url
from app.article.timestamps import format_instant, parse_instant
from app.text import check_single_line, check_storable, excerpt

# Endings that name a representation of some resource. `/news/a.md` always means "a, as Markdown",
# so no slug may end in one. A test holds the table of representations against this list.
RESERVED_SUFFIXES: Final = (
    ".html", ".md", ".txt", ".jsonld", ".json", ".ndjson", ".rss", ".atom", ".xml",
)  # fmt: skip

SLUG_LENGTH: Final = 80
LANGUAGE_LENGTH: Final = 35  # what RFC 5646 section 4.4.1 asks room for
ENTITY_LENGTH: Final = 255
LIST_LENGTH: Final = 1_000

Members = TypeVar("Members")

_SLUG = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
# RFC 5646 section 2.1: langtag = language ["-" script] ["-" region] *("-" variant)
# *("-" extension) ["-" privateuse]; or privateuse alone; or one of the irregular old tags.
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
    """Say whether `value` could be the slug of a record."""
    try:
        _slug(value)
    except ValueError:
        return False
    return True


def _slug(value: str) -> str:
    if len(value) > SLUG_LENGTH:
        raise ValueError(f"{len(value)} characters, and at most {SLUG_LENGTH} are allowed")
    if not _SLUG.fullmatch(value) or not any(map(str.isalnum, value)):
        raise ValueError(
            f"{excerpt(value)!r} is no slug: a-z, 0-9 and '-', with single dots inside"
        )
    if value.endswith(RESERVED_SUFFIXES):
        suffix = next(suffix for suffix in RESERVED_SUFFIXES if value.endswith(suffix))
        raise ValueError(f"a slug must not end in {suffix!r}, which names a representation")
    return value


def is_language(value: str) -> bool:
    """Say whether `value` could be the language of a record: a BCP 47 tag."""
    return len(value) <= LANGUAGE_LENGTH and _LANGUAGE.fullmatch(value) is not None


def _language(value: str) -> str:
    if not is_language(value):
        raise ValueError(f"{excerpt(value)!r} is no BCP 47 language tag, such as en or zh-Hant-TW")
    return value


def _tuple(value: object) -> object:
    """Let a JSON array stand for a tuple."""
    if not isinstance(value, list | tuple):
        raise ValueError("must be an array")  # noqa: TRY004 - pydantic reports ValueError
    return tuple(_few(value))


def _few(value: Members) -> Members:
    """Refuse what is too long before it is looked through, and each member found at fault."""
    if isinstance(value, Sized) and len(value) > LIST_LENGTH:
        raise ValueError(f"{len(value)} members, and at most {LIST_LENGTH} are allowed")
    return value


def _short(value: str) -> str:
    # pydantic's own max_length, behind a validator, would speak of "items".
    if len(value) > ENTITY_LENGTH:
        raise ValueError(f"{len(value)} characters, and at most {ENTITY_LENGTH} are allowed")
    return value


def _unique(value: tuple[str, ...]) -> tuple[str, ...]:
    """Drop what is repeated: the first one counts."""
    return tuple(dict.fromkeys(value))


LimitedLength = BeforeValidator(_few)
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
