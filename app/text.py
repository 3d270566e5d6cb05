"""Text from outside: what of it can be kept at all, and how it is quoted in a message."""

import re
import unicodedata
from typing import Final

EXCERPT_LENGTH: Final = 60

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Controls, formats, noncharacters and spaces: a text of these alone shows nothing.
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Zl", "Zp", "Zs"})
_LINE_BREAKS = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def excerpt(text: str) -> str:
    """Return a short, printable piece of `text`, fit for an error message."""
    short = text[: EXCERPT_LENGTH + 1]
    if not short.isprintable():
        short = short.encode("unicode_escape").decode()
    return short if len(short) <= EXCERPT_LENGTH else short[:EXCERPT_LENGTH] + "…"


def check_storable(value: str) -> str:
    """Return `value`. Raises ValueError where it has what no database and no XML can hold."""
    # To look at each character of a text takes longer than all else about it.
    if "\0" not in value and _is_encodable(value):
        return value
    if match := _UNSTORABLE.search(value):
        kind = "NUL" if match[0] == "\0" else "a lone surrogate"
        raise ValueError(f"{kind} (U+{ord(match[0]):04X}) at character {match.start()}")
    return value


def _is_encodable(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:  # only for surrogates
        return False
    return True


def check_single_line(value: str) -> str:
    """Return `value`. Raises ValueError where it is blank or more than one line."""
    if not value[:1].isalnum() and all(
        unicodedata.category(character) in _UNSEEN for character in value
    ):
        raise ValueError("must not be blank")
    if match := _LINE_BREAKS.search(value):
        raise ValueError(f"a line break (U+{ord(match[0]):04X}) at character {match.start()}")
    return value


def strip_pydantic_prefix(message: str) -> str:
    """Return what pydantic says of a value without what it puts before a validator's own words."""
    return message.removeprefix("Value error, ")
