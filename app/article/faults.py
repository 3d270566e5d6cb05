"""Faults: what is wrong with a record, and where."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.text import check_storable, excerpt, strip_pydantic_prefix

FAULTS_REPORTED: Final = 20
EXTRA_DEPTH: Final = 32
"""How many levels deep the value of an unknown field may be nested."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a record: its place, as a JSON Pointer (RFC 6901), and the reason."""

    pointer: str
    reason: str


class InvalidRecordError(ValueError):
    """The value is not a valid article record.

    `faults` has at most FAULTS_REPORTED faults; `left_out` counts the others.
    """

    def __init__(self, faults: tuple[Fault, ...], left_out: int = 0) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.reason}" for fault in faults))
        self.faults = faults
        self.left_out = left_out


def json_pointer(*path: object) -> str:
    """Return the JSON Pointer to `path`. Long steps are cut short."""
    # RFC 6901 section 3: '~' is written '~0' and '/' is written '~1'.
    steps = (excerpt(str(step)).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in steps)


def from_pydantic(error: Mapping[str, object]) -> Fault:
    """Return the fault that an entry of pydantic's `ValidationError.errors()` describes."""
    path = error["loc"] if isinstance(error["loc"], tuple) else ()
    if path[:1] == ("claims",):
        # The names in `claims` are the record's own. A third step only says that a key is at fault.
        path = path[1:3]
    reason = strip_pydantic_prefix(str(error["msg"]))
    return Fault(json_pointer(*path), "is missing" if error["type"] == "missing" else reason)


def find_unstorable(name: str, value: object, depth: int = 1) -> Iterator[Fault]:
    """Yield what in the unknown field `name` cannot be stored as JSON in either database."""
    if reason := _why_unstorable(name, value, depth):
        yield Fault(json_pointer(name), reason)
        return
    if isinstance(value, Mapping):
        children = iter(value.items())
    else:
        children = enumerate(value) if isinstance(value, list) else iter(())
    for step, child in children:
        for fault in find_unstorable(str(step), child, depth + 1):
            yield Fault(json_pointer(name) + fault.pointer, fault.reason)


def _why_unstorable(name: str, value: object, depth: int) -> str | None:
    if depth > EXTRA_DEPTH:
        return f"is nested deeper than {EXTRA_DEPTH} levels"
    if isinstance(value, float) and not math.isfinite(value):
        return "is a number too large for JSON"
    try:
        check_storable(name)
        check_storable(value if isinstance(value, str) else "")
    except ValueError as error:
        return str(error)
    return None
