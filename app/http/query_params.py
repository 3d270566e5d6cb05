"""Queries of URLs: their parameters, read one by one, or refused with a reason for each."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from app.text import excerpt

FAULTS_AT_MOST: Final = 20
PARAMETERS_AT_MOST: Final = 100

# In one spelling: what may begin with zeros may be as long as it likes.
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)

Reader = Callable[[list[str]], object]
"""Reads all values that a parameter is given. Raises ValueError, whose message is the reason."""


class InvalidParameter(NamedTuple):
    """A parameter that cannot be, and why."""

    name: str
    reason: str


class InvalidQueryError(ValueError):
    """The query is none that is understood here. `faults` are FAULTS_AT_MOST at most."""

    def __init__(self, faults: Collection[InvalidParameter]) -> None:
        self.faults = tuple(faults)[:FAULTS_AT_MOST]
        super().__init__("; ".join(f"{fault.name}: {fault.reason}" for fault in self.faults))


def refused(name: str, reason: str) -> InvalidQueryError:
    """Return the error that one parameter is at fault."""
    return InvalidQueryError([InvalidParameter(name, reason)])


def pairs_of(query: str) -> list[tuple[str, str]]:
    """Return the parameters of `query` and their values, in order. Raises InvalidQueryError."""
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(pairs) > PARAMETERS_AT_MOST:
        raise refused("", f"{len(pairs)} parameters, and at most {PARAMETERS_AT_MOST} are allowed")
    return pairs


def read(
    pairs: Iterable[tuple[str, str]], readers: Mapping[str, Reader]
) -> tuple[dict[str, object], list[InvalidParameter]]:
    """Return what `readers` make of the parameters that are given, and what is wrong with others.

    A parameter that has no reader is unknown, and that is a fault, too.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    values: dict[str, object] = {}
    faults = []
    for name, found in given.items():
        reader = readers.get(name)
        if reader is None:
            reason = f"is unknown; there are {', '.join(readers)}"
            faults.append(InvalidParameter(excerpt(name), reason))
            continue
        try:
            values[name] = reader(found)
        except ValueError as error:
            faults.append(InvalidParameter(name, str(error)))
    return values, faults


def one(values: list[str]) -> str:
    """Return the only value. Raises ValueError where there are more."""
    if len(values) > 1:
        raise ValueError("is given more than once")
    return values[0]


def number_from(text: str) -> int | None:
    """Return the number that `text` is, or None: of digits alone, in its one spelling, 64 bits."""
    return int(text) if _NUMBER.fullmatch(text) else None


def number(low: int, high: int) -> Reader:
    """Return a reader of one whole number within these bounds."""

    def read_number(values: list[str]) -> int:
        found = number_from(one(values))
        if found is None or not low <= found <= high:
            raise ValueError(f"must be a number from {low} to {high}")
        return found

    return read_number


def one_of(known: Collection[str]) -> Reader:
    """Return a reader of one of these values."""

    def read_one(values: list[str]) -> str:
        if one(values) not in known:
            raise ValueError(f"is one of {', '.join(known)}")
        return values[0]

    return read_one


def several(
    check: Callable[[str], bool], what: str, at_most: int
) -> Callable[[list[str]], tuple[str, ...]]:
    """Return a reader of different values, each of which is `what` as `check` says."""

    def read_several(values: list[str]) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(values))
        if len(found) > at_most:
            raise ValueError(f"{len(found)} values, and at most {at_most} are allowed")
        for value in found:
            if not check(value):
                raise ValueError(f"{excerpt(value)!r} is no {what}")
        return found

    return read_several
