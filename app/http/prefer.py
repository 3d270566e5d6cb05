"""The Prefer request header (RFC 7240). Pure."""

import re
from collections.abc import Iterable
from typing import Final

RESPOND_ASYNC: Final = "respond-async"

_TOKEN = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"  # noqa: S105 - a grammar's token, not a credential
_QUOTED_STRING = r'"(?:[^"\\]|\\.)*"'
# Nothing follows the repetition, so it never backtracks. An unclosed quotation runs to the end.
_MEMBER: Final = re.compile(r'(?:[^",]|"(?:\\.|[^"])*"?)+', re.DOTALL)
# RFC 7240 section 2: preference = token [ BWS "=" BWS word ] *( OWS ";" [ OWS parameter ] )
_PREFERENCE: Final = re.compile(
    rf"({_TOKEN})[ \t]*(?:=[ \t]*({_TOKEN}|{_QUOTED_STRING})[ \t]*)?(?:;.*)?", re.DOTALL
)
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)


def parse_prefer(lines: Iterable[str]) -> dict[str, str]:
    """Return the preferences in all `Prefer` lines of a request: lower-case names and values.

    A preference without a value has the value "". Parameters are dropped, and so are malformed
    members.
    """
    preferences: dict[str, str] = {}
    for member in _MEMBER.findall(",".join(lines)):
        if found := _PREFERENCE.fullmatch(member.strip(" \t")):
            # Section 2: "If any preference is specified more than once, only the first instance
            # is to be considered."
            preferences.setdefault(found[1].lower(), _unquote(found[2] or ""))
    return preferences


def _unquote(word: str) -> str:
    return _QUOTED_PAIR.sub(r"\1", word[1:-1]) if word.startswith('"') else word
