"""Untrusted text: which of it can be stored, and how messages quote it."""

import re
import unicodedata
from typing import Final

EXCERPT_LENGTH: Final = 60

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Controls, formats, noncharacters and spaces: a text of these alone is invisible.
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Zl", "Zp", "Zs"})
_LINE_BREAKS = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def excerpt(text: str) -> str:
    """Return the beginning of `text`, printable and at most EXCERPT_LENGTH characters long."""
    short = text[: EXCERPT_LENGTH + 1]
    if not short.isprintable():
        short = short.encode("unicode_escape").decode()
    return short if len(short) <= EXCERPT_LENGTH else short[:EXCERPT_LENGTH] + "…"


def check_storable(value: str) -> str:
    """Return `value`. Raises ValueError if it has characters that databases or XML cannot hold."""
    # The regular expression is the slow way: it looks at each character.
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
    """Return `value`. Raises ValueError if it is blank or has a line break."""
    if not value[:1].isalnum() and all(
        unicodedata.category(character) in _INVISIBLE for character in value
    ):
        raise ValueError("must not be blank")
    if match := _LINE_BREAKS.search(value):
        raise ValueError(f"a line break (U+{ord(match[0]):04X}) at character {match.start()}")
    return value


def strip_pydantic_prefix(message: str) -> str:
    """Return pydantic's `message` without the prefix it adds to a validator's own message."""
    return message.removeprefix("Value error, ")
