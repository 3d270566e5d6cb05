"""What kind of JSON a feed is, told from its first bytes, for clients that do not say."""

import codecs

from app.feeds.items import MalformedFeedError
from app.feeds.json_text import UnfitJsonError, decode

_BLANKS = b" \t\n\r"


def sniff(head: bytes) -> str:
    """Return the name of a kind for a feed that begins with `head`.

    `head` is the whole of a short feed, and of a long one enough to hold a record: some 64 KiB.
    Raises MalformedFeedError where it is empty or begins nothing that is taken.
    """
    text = head.removeprefix(codecs.BOM_UTF8)
    body = text.lstrip(_BLANKS)
    if not body:
        raise MalformedFeedError(1, 1, "the feed is empty")
    if body.startswith(b"["):
        return "json"
    if body.startswith(b"{"):
        return "ndjson" if _is_lines(body) else "json"
    skipped = text[: -len(body)]
    line, column = skipped.count(b"\n") + 1, len(skipped) - skipped.rfind(b"\n")
    first = body[:4].decode(errors="replace")[:1]
    raise MalformedFeedError(line, column, f"{first!r} is not JSON: '{{' or '[' expected")


def _is_lines(body: bytes) -> bool:
    """Say whether `body`, which begins with "{", has an object on each line.

    An object over several lines, and one line without an end in sight, are one document.
    """
    first, newline, rest = body.partition(b"\n")
    if not newline:
        return False
    return rest.lstrip(_BLANKS).startswith(b"{") or _is_complete(first)


def _is_complete(line: bytes) -> bool:
    try:
        decode(line)
    except UnfitJsonError:
        return True
    except MalformedFeedError:
        return False
    return True
