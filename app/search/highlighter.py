"""What of an article is searched, field by field, and where in it a search was met."""

import html
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from app.article.markdown import events, without_title
from app.article.record import Record
from app.search.analyzer import SearchTerm, highlight

LOOKED_THROUGH: Final = 20_000
"""How many characters of a body are looked through for a passage to show."""

PASSAGE: Final = 240
"""How many characters of a body are shown around the first word that was found."""

_LEAD: Final = 60
_WITHIN_A_WORD: Final = frozenset({"Emphasis", "Strong", "Strikethrough", "Link"})


def searchable_fields(record: Record) -> Mapping[str, str]:
    """Return the texts in which a search is shown, as readers see them."""
    body = plain_text(without_title(record.body_md, record.title))
    return {"title": record.title, "summary": record.summary, "body": body[:LOOKED_THROUGH]}


def plain_text(body: str) -> str:
    """Return the text that readers of `body` see, without markup, its blocks apart by blanks."""
    seen: list[str] = []
    see = seen.append
    for event in events(body):
        if isinstance(event, str):  # a break or a rule
            see(" ")
        elif "Text" in event:
            see(event["Text"])
        elif "End" in event:
            value = event["End"]
            # One with more to say of itself is a dictionary, and that of a block.
            if not (isinstance(value, str) and value in _WITHIN_A_WORD):
                see(" ")
        elif "Code" in event:
            see(event["Code"])
        elif not ("Start" in event or "InlineHtml" in event or "Html" in event):
            see(" ")
    return "".join(seen)


def highlights(record: Record, terms: Sequence[SearchTerm]) -> dict[str, str]:
    """Return, as HTML, the fields of `record` in which `terms` are found, with `mark` around them.

    Of a body it is the passage around the first that is found.
    """
    asked = tuple(term for term in terms if not term.excluded)
    found = {}
    for name, text in searchable_fields(record).items():
        pieces = list(highlight(text, asked, record.lang))
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
