"""The searchable text of an article, and its highlighting where a search matches."""

import html
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from app.article.markdown import events, without_title
from app.article.record import Record
from app.search.analyzer import SearchTerm, highlight

SEARCHED_CHARACTERS: Final = 20_000
"""How many characters of a body are searched for a passage to show."""

PASSAGE: Final = 240
"""How many characters of a body are shown, from the first match on."""

_LEAD: Final = 60
_INLINE: Final = frozenset({"Emphasis", "Strong", "Strikethrough", "Link"})


def searchable_fields(record: Record) -> Mapping[str, str]:
    """Return the texts that are highlighted, as readers see them, by field."""
    body = plain_text(without_title(record.body_md, record.title))
    return {"title": record.title, "summary": record.summary, "body": body[:SEARCHED_CHARACTERS]}


def plain_text(body: str) -> str:
    """Return the visible text of a Markdown body, with spaces between its blocks."""
    parts: list[str] = []
    add = parts.append
    for event in events(body):
        if isinstance(event, str):  # a break or a rule
            add(" ")
        elif "Text" in event:
            add(event["Text"])
        elif "End" in event:
            value = event["End"]
            # A tag with attributes is a dictionary, and always a block.
            if not (isinstance(value, str) and value in _INLINE):
                add(" ")
        elif "Code" in event:
            add(event["Code"])
        elif not ("Start" in event or "InlineHtml" in event or "Html" in event):
            add(" ")
    return "".join(parts)


def highlights(record: Record, terms: Sequence[SearchTerm]) -> dict[str, str]:
    """Return, as HTML, the fields of `record` in which `terms` occur, with matches in `mark`.

    Of the body, only the passage around the first match is returned.
    """
    included = tuple(term for term in terms if not term.excluded)
    found = {}
    for name, text in searchable_fields(record).items():
        pieces = list(highlight(text, included, record.lang))
        if any(hit for _, hit in pieces):
            found[name] = _as_html(_passage(pieces) if name == "body" else pieces)
    return found


def _passage(pieces: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    first = next(place for place, (_, hit) in enumerate(pieces) if hit)
    lead = "".join(text for text, _ in pieces[:first])
    before = lead[-_LEAD:]
    if len(lead) > _LEAD:
        before = "…" + before.partition(" ")[2]
    passage, room = [(before, False)], PASSAGE
    for text, hit in pieces[first:]:
        if len(text) > room:
            passage.append((text[:room].rpartition(" ")[0] + "…", False))
            break
        passage.append((text, hit))
        room -= len(text)
    return passage


def _as_html(pieces: Sequence[tuple[str, bool]]) -> str:
    parts = []
    for hit, together in groupby(pieces, key=lambda piece: piece[1]):
        text = html.escape(" ".join("".join(text for text, _ in together).split("\n")), quote=False)
        parts.append(f"<mark>{text}</mark>" if hit else text)
    return "".join(parts)
