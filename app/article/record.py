"""What an article record is, and the one door through which it comes in.

A record enters as decoded JSON, is checked once by `parse_record`, and frozen from then on. All of
it is in one file, for there is one door.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import to_json

from app.article.field_types import (
    ENTITY_LENGTH,
    LANGUAGE_LENGTH,
    LIST_LENGTH,
    RESERVED_SUFFIXES,
    SLUG_LENGTH,
    Entities,
    Instant,
    Language,
    LimitedLength,
    SingleLine,
    Slug,
    Slugs,
    SourceUrl,
    StorableText,
    is_language,
    is_slug,
)
from app.article.source_urls import canonical_key
from app.article.timestamps import format_instant
from app.text import check_storable, excerpt, strip_pydantic_prefix

__all__ = [
    "ENTITY_LENGTH",
    "EXTRA_DEPTH",
    "FAULTS_REPORTED",
    "LANGUAGE_LENGTH",
    "LIST_LENGTH",
    "RESERVED_SUFFIXES",
    "SLUG_LENGTH",
    "Claims",
    "ExportMetadata",
    "Fault",
    "InvalidRecordError",
    "Record",
    "is_language",
    "is_slug",
    "json_pointer",
    "parse_record",
    "restore_record",
    "to_ndjson_line",
]  # fmt: skip

EXTRA_DEPTH: Final = 32
FAULTS_REPORTED: Final = 20


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


class Claims(BaseModel):
    """The addresses a record came in with: kept as they are, compared with ours, never served."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    url: StorableText | None = None
    alternates: Annotated[dict[StorableText, StorableText], LimitedLength] = {}


class ExportMetadata(BaseModel):
    """What was done to an article where it was kept before: which slugs it had, and if it is gone.

    It comes with what was exported, is done again by a load, and is no part of what is served.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    aliases: Slugs = ()
    withdrawn_at: Instant | None = None
    withdrawn_reason: StorableText | None = None

    @field_validator("withdrawn_reason")
    @classmethod
    def _is_of_a_withdrawal(cls, reason: str | None, info: ValidationInfo) -> str | None:
        if reason is not None and info.data.get("withdrawn_at", "at fault itself") is None:
            raise ValueError("a reason, and no withdrawn_at")
        return reason


class Record(BaseModel):
    """One article, as the outside says it: twelve fields, of which two are derived.

    `url` and `alternates` follow from the slug and the site, so they are no fields here; what a
    feed said of them is in `claims`. Unknown fields are in `extra`, in the order they came.
    `upkeep` is for the load alone: it is not kept with the record, nor dumped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    slug: Slug
    title: SingleLine
    summary: StorableText = ""
    body_md: StorableText
    canonical_source: SourceUrl | None = None
    published_at: Instant
    updated_at: Instant
    lang: Language
    topics: Slugs = ()
    entities: Entities = ()
    claims: Claims = Claims()
    upkeep: Annotated[ExportMetadata, LimitedLength, Field(exclude=True)] = ExportMetadata()
    extra: dict[str, JsonValue] = {}

    @property
    def canonical_key(self) -> str | None:
        """The key of the story this record tells, or None where it names no source."""
        return canonical_key(self.canonical_source) if self.canonical_source else None

    @property
    def digest(self) -> str:
        """SHA-256 over all that is served: two records with one digest are the same content."""
        # Canonical JSON: names in their order, as of old by `json.dumps(sort_keys=True)`, which is
        # ten times as slow. Only unknown fields may have names within.
        content: dict[str, object] = {
            "body_md": self.body_md,
            "canonical_source": self.canonical_source,
            "entities": self.entities,
            "extra": {},
            "lang": self.lang,
            "published_at": format_instant(self.published_at),
            "slug": self.slug,
            "summary": self.summary,
            "title": self.title,
            "topics": self.topics,
            "updated_at": format_instant(self.updated_at),
        }
        if self.extra:
            content["extra"] = self.extra
            packed = _CANONICAL.encode(content).encode()
        else:
            packed = to_json(content)
        return hashlib.sha256(packed).hexdigest()


def restore_record(dumped: Mapping[str, Any]) -> Record:
    """Return the record of which `dumped` is `model_dump(mode="json")`, as a revision stores it.

    Nothing is validated: the record was valid under the rules of the day it was stored, and rules
    may have become stricter since. Fields the dump lacks have their defaults.
    """
    fields = dict(dumped)
    for name in "published_at", "updated_at":
        fields[name] = datetime.fromisoformat(fields[name])
    for name in "topics", "entities":
        fields[name] = tuple(fields.get(name, ()))
    fields["claims"] = Claims.model_construct(**fields.get("claims", {}))
    return Record.model_construct(**fields)


_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
MAX_RECORD_BYTES: Final = (4 << 20) - (64 << 10)
"""How large a record may be as a line of NDJSON: what a feed's item may have, less its upkeep."""

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
    record = record.model_copy(update={"extra": extra}) if extra else record
    # At most six bytes a character. What else there is has come in within the same limit.
    if len(record.body_md) + len(record.summary) > MAX_RECORD_BYTES // 8:
        check_exportable(record)
    return record


def check_exportable(record: Record) -> None:
    """Raise InvalidRecordError where an export of `record` could not be loaded again."""
    size = len(to_ndjson_line(record))
    if size > MAX_RECORD_BYTES:
        raise InvalidRecordError(
            (Fault("", f"as a line it has {size} bytes, and may {MAX_RECORD_BYTES}"),)
        )


def to_ndjson_line(record: Record) -> bytes:
    """Return `record` as a line of NDJSON, with claims, unknown fields and upkeep as they came in.

    It is what `parse_record` reads back as the same record.
    """
    dumped = record.model_dump(mode="json", exclude={"claims", "extra"})
    claimed = record.claims.model_dump(exclude_defaults=True)
    upkeep = record.upkeep.model_dump(mode="json", exclude_defaults=True)
    value = {**dumped, **claimed, **record.extra, **({"upkeep": upkeep} if upkeep else {})}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _fault(error: Mapping[str, object]) -> Fault:
    path = error["loc"] if isinstance(error["loc"], tuple) else ()
    if path[:1] == ("claims",):
        path = path[1:3]  # what follows says that the name is at fault: no pointer can
    reason = strip_pydantic_prefix(str(error["msg"]))
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
        check_storable(name)
        check_storable(part if isinstance(part, str) else "")
    except ValueError as error:
        return str(error)
    return None


def _children(part: object) -> Iterable[tuple[object, object]]:
    if isinstance(part, Mapping):
        return part.items()
    return enumerate(part) if isinstance(part, list) else ()
