"""Strict decoding of one JSON text: RFC 8259, with the limits that its section 9 allows.

Escaped lone surrogates are accepted here: the record rejects them, and knows in which field.
"""

import json
import math
import re
from collections.abc import Iterable
from itertools import accumulate
from typing import Final, Never

from app.article.record import Fault
from app.feeds.byte_scanner import RawValue
from app.feeds.entries import FeedItem, MalformedFeedError, Rejected
from app.text import excerpt

# Far below the interpreter's recursion limit, which varies by version and configuration, and counts
# the caller's frames too.
MAX_DEPTH: Final = 100

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = {byte: 1 if byte in b"[{" else -1 for byte in b"[]{}"}


class NotUtf8Error(MalformedFeedError):
    """A byte is not UTF-8 in what is otherwise JSON, so it is certain where the text ends."""


class UnsupportedJsonError(ValueError):
    """The text is JSON, but has a value that JSON leaves undefined or that cannot be stored."""


def decode(raw: bytes, line: int = 1, column: int = 1) -> object:
    """Decode the JSON text `raw`, which starts at `line` and `column` of the feed.

    Raises MalformedFeedError if it is not JSON, and UnsupportedJsonError if it is JSON that is not
    supported, or is nested too deep to tell.
    """
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _nesting(raw) > MAX_DEPTH:
        raise UnsupportedJsonError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        position = _position(raw[: error.start].decode(), line, column)
        reason = f"not JSON: byte 0x{raw[error.start]:02x} is not UTF-8"
        only_that = _is_json(raw.decode(errors="replace"))
        raise (NotUtf8Error if only_that else MalformedFeedError)(*position, reason) from None
    try:
        return _parse(_STRICT, text, line, column)
    except UnsupportedJsonError:
        _parse(_GRAMMAR, text, line, column)  # a syntax error takes precedence
        raise


def decode_item(
    raw: RawValue, pointer: str, limit: int
) -> FeedItem | Rejected | MalformedFeedError:
    """Decode the JSON text `raw` as the item at `pointer`. `limit` is the size that was allowed."""
    if raw.content is None:
        line, column = raw.end
        reason = f"larger than {limit} bytes; it ends at line {line}, column {column}"
        return Rejected(raw.line, None, (Fault(pointer, reason),))
    try:
        value = decode(raw.content, raw.line, raw.column)
        return FeedItem(raw.line, pointer, value, len(raw.content))
    except UnsupportedJsonError as error:
        return Rejected(raw.line, None, (Fault(pointer, str(error)),))
    except MalformedFeedError as error:
        return error


def _parse(decoder: json.JSONDecoder, text: str, line: int, column: int) -> object:
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        # Some messages expect a position to follow, such as "Unterminated string starting at".
        reason = error.msg.rstrip(": ").removesuffix(" at").removesuffix(" starting")
        position = _position(text[: error.pos], line, column)
        raise MalformedFeedError(*position, f"not JSON: {reason}") from None


def _is_json(text: str) -> bool:
    try:
        _GRAMMAR.decode(text)
    except json.JSONDecodeError:
        return False
    return True


def _position(before: str, line: int, column: int) -> tuple[int, int]:
    """Return the line and column after `before`, which starts at the given ones."""
    if newlines := before.count("\n"):
        return line + newlines, len(before) - before.rfind("\n")
    return line, column + len(before)


def _nesting(raw: bytes) -> int:
    brackets = _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS)
    return max(accumulate(_STEPS[byte] for byte in brackets), default=0)


def _object(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    # RFC 8259, section 4: "When the names within an object are not unique, the behavior of
    # software that receives such an object is unpredictable."
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise UnsupportedJsonError(f"the name {excerpt(name)!r} occurs twice in one object")
        members[name] = value
    return members


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
        raise UnsupportedJsonError(f"a number of {len(digits)} digits is too long") from None


def _fraction(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise UnsupportedJsonError(f"the number {excerpt(digits)} is too large")
    return number


def _constant(name: str) -> Never:
    # RFC 8259, section 6: "Numeric values that cannot be represented in the grammar below (such as
    # Infinity and NaN) are not permitted." They are common, so they do not stop the feed.
    raise UnsupportedJsonError(f"{name} is not a JSON number")


_STRICT = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
)
# Accepts anything with JSON syntax, to distinguish malformed texts from unsupported values.
_GRAMMAR = json.JSONDecoder(parse_int=str, parse_float=str)
