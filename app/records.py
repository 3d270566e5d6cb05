"""What an article record is, and the one door through which it comes in.

A record enters as decoded JSON, is checked once by `parse_record`, and frozen from then on.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    ValidationError,
)

from app.instants import format_instant, parse_instant
from app.sources import canonical_key, web_address
from app.texts import excerpt, one_line, storable

# Endings that name a representation of some resource. `/news/a.md` always means "a, as Markdown",
# so no slug may end in one. A test holds the table of representations against this list.
RESERVED_SUFFIXES: Final = (
    ".html", ".md", ".txt", ".jsonld", ".json", ".ndjson", ".rss", ".atom", ".xml",
)  # fmt: skip

SLUG_LENGTH: Final = 80
LANGUAGE_LENGTH: Final = 35  # what RFC 5646 section 4.4.1 asks room for
ENTITY_LENGTH: Final = 255
LIST_LENGTH: Final = 1_000
EXTRA_DEPTH: Final = 32
FAULTS_REPORTED: Final = 20

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


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a record: where (a JSON Pointer, RFC 6901) and why."""

    pointer: str
    reason: str


class InvalidRecordError(ValueError):
    """The value is no article record. `faults` says where and why, at most FAULTS_REPORTED."""

    def __init__(self, faults: tuple[Fault, ...], left_out: int = 0) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.reason}" for fault in faults))
        self.faults = faults
        self.left_out = left_out


def is_slug(value: str) -> bool:
    """Say whether `value` could be the slug of a record."""
    try:
        _slug(value)
    except ValueError:
        return False
    return True


def is_language(value: str) -> bool:
    """Say whether `value` could be the language of a record: a BCP 47 tag."""
    return len(value) <= LANGUAGE_LENGTH and _LANGUAGE.fullmatch(value) is not None


def _slug(value: str) -> str:
    if len(value) > SLUG_LENGTH:
        raise ValueError(f"{len(value)} characters, and at most {SLUG_LENGTH} are allowed")
    if not _SLUG.fullmatch(value) or not any(map(str.isalnum, value)):
        raise ValueError(f"{excerpt(value)!r} is no slug: a-z, 0-9, '-', and single dots inside")
    for suffix in RESERVED_SUFFIXES:
        if value.endswith(suffix):
            raise ValueError(f"a slug must not end in {suffix!r}, which names a representation")
    return value


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


def _unique(value: tuple[str, ...]) -> tuple[str, ...]:
    """Drop what is repeated: the first one counts."""
    return tuple(dict.fromkeys(value))


Text = Annotated[str, AfterValidator(storable)]
Line = Annotated[Text, AfterValidator(one_line)]
Slug = Annotated[str, AfterValidator(_slug)]
Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
]
Entity = Annotated[Line, Field(max_length=ENTITY_LENGTH)]
WebAddress = Annotated[Text, AfterValidator(web_address)]
Topics = Annotated[tuple[Slug, ...], BeforeValidator(_tuple), AfterValidator(_unique)]
Entities = Annotated[tuple[Entity, ...], BeforeValidator(_tuple), AfterValidator(_unique)]


class Claims(BaseModel):
    """The addresses a record came in with: kept as they are, compared with ours, never served."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    url: Text | None = None
    alternates: Annotated[dict[Text, Text], BeforeValidator(_few)] = {}


class Record(BaseModel):
    """One article, as the outside says it: twelve fields, of which two are derived.

    `url` and `alternates` follow from the slug and the site, so they are no fields here; what a
    feed said of them is in `claims`. Unknown fields are in `extra`, in the order they came.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    slug: Slug
    title: Line
    summary: Text = ""
    body_md: Text
    canonical_source: WebAddress | None = None
    published_at: Instant
    updated_at: Instant
    lang: Annotated[str, AfterValidator(_language)]
    topics: Topics = ()
    entities: Entities = ()
    claims: Claims = Claims()
    extra: dict[str, JsonValue] = {}

    @property
    def canonical_key(self) -> str | None:
        """The key of the story this record tells, or None where it names no source."""
        return canonical_key(self.canonical_source) if self.canonical_source else None

    @property
    def digest(self) -> str:
        """SHA-256 over all that is served: two records with one digest are the same content."""
        content = self.model_dump(mode="json", exclude={"claims"})
        packed = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return hashlib.sha256(packed.encode()).hexdigest()


_CLAIMED = frozenset(Claims.model_fields)
_FIELDS = frozenset(Record.model_fields) - {"claims", "extra"}


def parse_record(value: object) -> Record:
    """Check one decoded JSON value and return it as a Record.

    Raises InvalidRecordError, with a JSON Pointer into `value` for every fault.
    """
    if not isinstance(value, Mapping):
        raise InvalidRecordError((Fault("", "an article record is a JSON object"),))
    known = {name: value[name] for name in value.keys() & _FIELDS}
    claims = {name: value[name] for name in value.keys() & _CLAIMED}
    extra = {name: part for name, part in value.items() if name not in _FIELDS | _CLAIMED}
    faults = [fault for name, part in extra.items() for fault in _unstorable(name, part)]
    try:
        record = Record.model_validate({**known, "claims": claims, "extra": {}})
    except ValidationError as error:
        faults += map(_fault, error.errors(include_url=False, include_input=False))
    if faults:
        raise InvalidRecordError(tuple(faults[:FAULTS_REPORTED]), len(faults[FAULTS_REPORTED:]))
    return record.model_copy(update={"extra": extra}) if extra else record


def _fault(error: Mapping[str, object]) -> Fault:
    path = error["loc"] if isinstance(error["loc"], tuple) else ()
    if path[:1] == ("claims",):
        path = path[1:3]  # what follows says that the name is at fault: no pointer can
    reason = str(error["msg"]).removeprefix("Value error, ")
    return Fault(json_pointer(*path), "is missing" if error["type"] == "missing" else reason)


def json_pointer(*path: object) -> str:
    """Return the JSON Pointer to `path`, in which what is long is cut short."""
    # RFC 6901 section 3: '~' is written '~0' and '/' is written '~1'.
    steps = (excerpt(str(step)).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in steps)


def _unstorable(name: str, part: object, depth: int = 1) -> Iterator[Fault]:
    """Yield what keeps the unknown field `name` from being kept: it must be storable JSON."""
    if reason := _why_unstorable(name, part, depth):
        yield Fault(json_pointer(name), reason)
        return
    for step, child in _children(part):
        for fault in _unstorable(str(step), child, depth + 1):
            yield Fault(json_pointer(name) + fault.pointer, fault.reason)


def _why_unstorable(name: str, part: object, depth: int) -> str | None:
    if depth > EXTRA_DEPTH:
        return f"nested deeper than {EXTRA_DEPTH} levels"
    if isinstance(part, float) and not math.isfinite(part):
        return "a number too large"
    try:
        storable(name)
        storable(part if isinstance(part, str) else "")
    except ValueError as error:
        return str(error)
    return None


def _children(part: object) -> Iterable[tuple[object, object]]:
    if isinstance(part, Mapping):
        return part.items()
    return enumerate(part) if isinstance(part, list) else ()
