"""The article record: validated once, by `parse_record`, and immutable from then on."""

import hashlib
import json
from collections.abc import Mapping
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

from app.article.faults import (
    EXTRA_DEPTH,
    FAULTS_REPORTED,
    Fault,
    InvalidRecordError,
    find_unstorable,
    from_pydantic,
    json_pointer,
)
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

MAX_RECORD_BYTES: Final = (4 << 20) - (64 << 10)
"""The maximum size of a record as a line of NDJSON: that of a feed's item, less its upkeep."""

_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


class Claims(BaseModel):
    """The URLs a record arrived with: stored unchanged, compared with ours, never served."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    url: StorableText | None = None
    alternates: Annotated[dict[StorableText, StorableText], LimitedLength] = {}


class ExportMetadata(BaseModel):
    """What an export says about an article besides its content: aliases and withdrawal.

    A load of the export applies it again. It is not stored with the record and never served.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    aliases: Slugs = ()
    withdrawn_at: Instant | None = None
    withdrawn_reason: StorableText | None = None

    @field_validator("withdrawn_reason")
    @classmethod
    def _requires_withdrawn_at(cls, reason: str | None, info: ValidationInfo) -> str | None:
        # An invalid withdrawn_at is not in `data`, and is a fault of its own.
        if reason is not None and info.data.get("withdrawn_at", "invalid") is None:
            raise ValueError("given without withdrawn_at")
        return reason


class Record(BaseModel):
    """One article, as feeds and clients see it.

    The fields `url` and `alternates` of the JSON form are derived from the slug and the site's URL;
    their incoming values are in `claims`. Unknown fields are in `extra`, in their original order.
    `upkeep` is used by the load only: it is neither stored with the record nor dumped.
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
        """The canonical key of the record's source, or None if it names no source."""
        return canonical_key(self.canonical_source) if self.canonical_source else None

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the served content: equal digests mean equal content."""
        # Canonical JSON with sorted keys. Digests in the database were made by
        # `json.dumps(sort_keys=True)`, which is ten times as slow as `to_json` and needed only
        # for unknown fields, as those may contain objects.
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
    """Return the record whose `model_dump(mode="json")` is `dumped`, as revisions store it.

    Nothing is validated: the record was valid when it was stored, and the rules may have become
    stricter since. Fields missing in `dumped` get their defaults.
    """
    fields = dict(dumped)
    for name in "published_at", "updated_at":
        fields[name] = datetime.fromisoformat(fields[name])
    for name in "topics", "entities":
        fields[name] = tuple(fields.get(name, ()))
    fields["claims"] = Claims.model_construct(**fields.get("claims", {}))
    return Record.model_construct(**fields)


_CLAIMED: Final = frozenset(Claims.model_fields)
_FIELDS: Final = frozenset(Record.model_fields) - {"claims", "extra"}


def parse_record(value: object) -> Record:
    """Validate one decoded JSON value and return it as a Record.

    Raises InvalidRecordError with a JSON Pointer into `value` for each fault.
    """
    if not isinstance(value, Mapping):
        raise InvalidRecordError((Fault("", "an article record must be a JSON object"),))
    known = {name: value[name] for name in value.keys() & _FIELDS}
    claims = {name: value[name] for name in value.keys() & _CLAIMED}
    extra = {name: part for name, part in value.items() if name not in _FIELDS | _CLAIMED}
    faults = [fault for name, part in extra.items() for fault in find_unstorable(name, part)]
    try:
        record = Record.model_validate({**known, "claims": claims, "extra": {}})
    except ValidationError as error:
        faults += map(from_pydantic, error.errors(include_url=False, include_input=False))
    if faults:
        raise InvalidRecordError(tuple(faults[:FAULTS_REPORTED]), len(faults[FAULTS_REPORTED:]))
    record = record.model_copy(update={"extra": extra}) if extra else record
    # A character takes at most six bytes. The other fields arrived within the limit of an item.
    if len(record.body_md) + len(record.summary) > MAX_RECORD_BYTES // 8:
        check_exportable(record)
    return record


def check_exportable(record: Record) -> None:
    """Raise InvalidRecordError if `record` is too large for its export to be loaded again."""
    size = len(to_ndjson_line(record))
    if size > MAX_RECORD_BYTES:
        reason = f"has {size} bytes as a line of NDJSON; at most {MAX_RECORD_BYTES} are allowed"
        raise InvalidRecordError((Fault("", reason),))


def to_ndjson_line(record: Record) -> bytes:
    """Return `record` as a line of NDJSON with its claims, unknown fields and upkeep.

    `parse_record` reads it back as an equal record.
    """
    dumped = record.model_dump(mode="json", exclude={"claims", "extra"})
    claimed = record.claims.model_dump(exclude_defaults=True)
    upkeep = record.upkeep.model_dump(mode="json", exclude_defaults=True)
    value = {**dumped, **claimed, **record.extra, **({"upkeep": upkeep} if upkeep else {})}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
