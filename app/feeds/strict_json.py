"""One JSON text, decoded strictly: RFC 8259, with the limits that its section 9 allows.

Lone surrogates that come as escapes pass: they are for the record to judge, which knows the field.
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

# Our own figure, far below the interpreter's, which differs from version to version, may be
# configured away, and counts the frames of whoever calls.
MAX_DEPTH: Final = 100

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = {byte: 1 if byte in b"[{" else -1 for byte in b"[]{}"}


class NotUtf8Error(MalformedFeedError):
    """A byte is not UTF-8, in what would be JSON otherwise: where it ends is beyond doubt."""


class UnsupportedJsonError(ValueError):
    """The text says something that JSON leaves open, or that does not survive being stored."""


def decode(raw: bytes, line: int = 1, column: int = 1) -> object:
    """Return the value that the JSON text `raw` stands for.

    Raises MalformedFeedError where it is no JSON, counting from the `line` and `column` at which
    it starts, and UnsupportedJsonError where it is JSON, or at least nested too deep to tell.
    """
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _nesting(raw) > MAX_DEPTH:
        raise UnsupportedJsonError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        place = _place(raw[: error.start].decode(), line, column)
        reason = f"not JSON: byte 0x{raw[error.start]:02x} is not UTF-8"
        only_that = _is_grammatical(raw.decode(errors="replace"))
        raise (NotUtf8Error if only_that else MalformedFeedError)(*place, reason) from None
    try:
        return _parse(_STRICT, text, line, column)
    except UnsupportedJsonError:
        _parse(_GRAMMAR, text, line, column)  # broken is worse than unfit
        raise


def decode_item(
    piece: RawValue, pointer: str, limit: int
) -> FeedItem | Rejected | MalformedFeedError:
    """Decode the one JSON text that `piece` holds, as the item at `pointer`.

    `limit` is the number of bytes that was allowed when the piece was taken.
    """
    if piece.raw is None:
        line, column = piece.until
        reason = f"larger than {limit} bytes; it reaches up to line {line}, column {column}"
        return Rejected(piece.line, None, (Fault(pointer, reason),))
    try:
        value = decode(piece.raw, piece.line, piece.column)
        return FeedItem(piece.line, pointer, value, len(piece.raw))
    except UnsupportedJsonError as error:
        return Rejected(piece.line, None, (Fault(pointer, str(error)),))
    except MalformedFeedError as error:
        return error


def _parse(decoder: json.JSONDecoder, text: str, line: int, column: int) -> object:
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        # Some messages end where a position is to follow: "Unterminated string starting at".
        reason = error.msg.rstrip(": ").removesuffix(" at").removesuffix(" starting")
        place = _place(text[: error.pos], line, column)
        raise MalformedFeedError(*place, f"not JSON: {reason}") from None


def _is_grammatical(text: str) -> bool:
    try:
        _GRAMMAR.decode(text)
    except json.JSONDecodeError:
        return False
    return True


def _place(before: str, line: int, column: int) -> tuple[int, int]:
    """Return line and column of what follows `before`, which itself starts at those given."""
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
    # Infinity and NaN) are not permitted." They are common all the same, and no reason to stop.
    raise UnsupportedJsonError(f"{name} is no JSON number")


_STRICT = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
)
# Takes whatever has the shape of JSON: it tells what is broken from what is only unfit.
_GRAMMAR = json.JSONDecoder(parse_int=str, parse_float=str)
