"""Oddities of a record: flagged when it is loaded, stripped when it is served.

The stored record is never repaired, so a better rule here improves old articles without a reload.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from app.article import markdown
from app.article.hidden_html import (
    EMPTY_ELEMENT,
    Edit,
    apply_edits,
    event_name,
    hidden_spans,
    strip_hidden,
)
from app.article.record import RESERVED_SUFFIXES, Record, json_pointer
from app.article.source_urls import is_tracking_parameter

# Zero-width space, word joiner and similar, byte order mark, Mongolian vowel separator; bidi
# embeddings, overrides and isolates; the TAG block.
_ZERO_WIDTH = "\u200b\u2060-\u2064\ufeff\u180e\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f"
# C0 and C1 controls except tab and newlines, and the noncharacters: none is allowed in XML 1.0 or
# HTML.
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF)
)
_UNPRINTABLE = re.compile(f"[{_CONTROLS}]")
# A joiner or non-joiner is kept between two characters beyond ASCII: Persian and Hindi words and
# emoji need it.
_JOINABLE = f"[^\x00-\x7f\u200c\u200d{_ZERO_WIDTH}{_CONTROLS}]"
_INVISIBLE = re.compile(
    f"[{_ZERO_WIDTH}]|[\u200c\u200d](?:(?<!{_JOINABLE}.)|(?!{_JOINABLE}))", re.DOTALL
)
_SUSPECT = re.compile(f"[{_ZERO_WIDTH}{_CONTROLS}\u200c\u200d]")
_HARMLESS = bytes(code for code in range(128) if not _SUSPECT.match(chr(code)))
_SITE_URL = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]+)?")
MAX_FLAGS: Final = 50


@dataclass(frozen=True, slots=True)
class HygieneFlag:
    """An oddity of a record that was accepted. `pointer` is the JSON Pointer of the field."""

    code: str
    pointer: str
    detail: str


def flags(record: Record) -> tuple[HygieneFlag, ...]:
    """Return the oddities of `record`, one flag for each code and field.

    Beyond MAX_FLAGS, one more flag counts those that are not listed.
    """
    found = [
        flag
        for check in (_dates, _addresses, _body, _characters, _unknown)
        for flag in check(record)
    ]
    if omitted := len(found[MAX_FLAGS:]):
        found[MAX_FLAGS:] = [HygieneFlag("more-flags", "", f"{omitted} more flags are not listed")]
    return tuple(found)


def clean(record: Record) -> Record:
    """Return `record` without invisible, unprintable and hidden content, as it may be served."""
    body, entities = record.body_md, record.entities
    shown: dict[str, object] = {}
    if _is_suspect(_all_text(record)):
        shown = {"title": printable(record.title), "summary": printable(record.summary)}
        entities = tuple(dict.fromkeys(map(printable, entities)))
        body = _printable_body(body)
    shown |= {"body_md": strip_hidden(body), "entities": entities}
    changed = {name: value for name, value in shown.items() if value != getattr(record, name)}
    return record.model_copy(update=changed) if changed else record


def printable(text: str) -> str:
    """Return `text` without invisible and unprintable characters."""
    if not _is_suspect(text):
        return text
    return _UNPRINTABLE.sub("", _INVISIBLE.sub("", text))


def _all_text(record: Record) -> str:
    """Return all text that readers see, to check it at once: most of it needs no cleaning."""
    return "\n".join((record.title, record.summary, record.body_md, *record.entities))


def printable_all(texts: Sequence[str]) -> Sequence[str]:
    """Return `texts` as `printable` does, checking them all at once."""
    return [printable(text) for text in texts] if _is_suspect("\n".join(texts)) else texts


def _is_suspect(text: str) -> bool:
    # Deleting the plain ASCII first is a hundred times faster than searching all of the text.
    rest = text.encode().translate(None, _HARMLESS).decode()
    return bool(rest) and _SUSPECT.search(rest) is not None


def _dates(record: Record) -> Iterator[HygieneFlag]:
    if record.updated_at < record.published_at:
        yield HygieneFlag("updated-before-published", "/updated_at", "is earlier than published_at")


def _addresses(record: Record) -> Iterator[HygieneFlag]:
    source = record.canonical_source or ""
    pairs = urlsplit(source).query.split("&") if "?" in source else []
    if tracking := sorted(
        {pair.partition("=")[0] for pair in pairs if is_tracking_parameter(pair)}
    ):
        yield HygieneFlag("tracking-parameters", "/canonical_source", ", ".join(tracking)[:200])
    if (url := record.claims.url) and not _points_to(url, record.slug):
        yield _mismatch(record, "url")
    for name, url in record.claims.alternates.items():
        if url and not _points_to(url, record.slug):
            yield _mismatch(record, "alternates", name)


def _mismatch(record: Record, *path: str) -> HygieneFlag:
    detail = f"does not point to /news/{record.slug}"
    return HygieneFlag("address-mismatch", json_pointer(*path), detail)


def _points_to(url: str, slug: str) -> bool:
    # Nearly all URLs have this form, which is faster to check than to parse.
    site, found, suffix = url.rpartition(f"/news/{slug}")
    if found and _SITE_URL.fullmatch(site) and (not suffix or suffix in RESERVED_SUFFIXES):
        return True
    try:
        path = urlsplit(url).path
    except ValueError:
        return False
    own, _, suffix = path.rpartition(f"/news/{slug}")
    return path.startswith(own + "/news/") and (not suffix or suffix in RESERVED_SUFFIXES)


def _body(record: Record) -> Iterator[HygieneFlag]:
    heading = markdown.opening_heading(record.body_md)
    if (
        heading is not None
        and heading.level == "H1"
        and not markdown.same_headline(heading.text, record.title)
    ):
        yield HygieneFlag(
            "title-mismatch", "/body_md", "the opening heading differs from the title"
        )
    if glued := _glued(record.body_md):
        noun = "link runs" if glued == 1 else "links run"
        yield HygieneFlag("glued-link", "/body_md", f"{glued} {noun} into the next word")
    if spans := hidden_spans(record.body_md):
        first = len(record.body_md.encode()[: spans[0].start].decode())
        detail = f"{len(spans)} comments or hidden elements, the first at character {first}"
        yield HygieneFlag("hidden-html", "/body_md", detail)


def _glued(body: str) -> int:
    """Count the links in `body` that run into the next word."""
    if not markdown.may_have_glued_link(body):
        return 0
    previous = None
    glued = 0
    for event in markdown.events(body):
        match event:
            case {"Text": str(text)} if previous == {"End": "Link"} and text[:1].isalnum():
                glued += 1
        previous = event
    return glued


def _characters(record: Record) -> Iterator[HygieneFlag]:
    if not _is_suspect(_all_text(record)):
        return
    texts = {"/title": record.title, "/summary": record.summary, "/body_md": record.body_md}
    texts |= {f"/entities/{position}": name for position, name in enumerate(record.entities)}
    for pointer, text in texts.items():
        if not _is_suspect(text):
            continue
        for code, pattern in (
            ("invisible-characters", _INVISIBLE),
            ("control-characters", _UNPRINTABLE),
        ):
            if found := [match.start() for match in pattern.finditer(text)]:
                first = f"U+{ord(text[found[0]]):04X} at character {found[0]}"
                yield HygieneFlag(code, pointer, f"{len(found)} occurrences, the first {first}")


def _unknown(record: Record) -> Iterator[HygieneFlag]:
    for name in record.extra:
        yield HygieneFlag(
            "unknown-field", json_pointer(name), "is unknown; it is kept and exported"
        )


def _printable_body(body: str) -> str:
    """Return the Markdown `body` without invisible characters, parsing to the same blocks."""
    plain = printable(body)
    if plain == body or _structure(plain) == _structure(body):
        return plain
    return printable(apply_edits(body, _invisible_text(body)))


def _structure(body: str) -> list[tuple[str, str]]:
    return [event_name(event) for event in markdown.events(body)]


def _invisible_text(body: str) -> Iterator[Edit]:
    """Yield edits that put a placeholder in the place of each invisible character of the text."""
    source = body.encode()
    verbatim = False
    for event, place in markdown.events_with_ranges(body):
        side, name = event_name(event)
        if name in {"CodeBlock", "HtmlBlock"}:
            verbatim = side == "Start"
        if name == "Text" and not verbatim:
            text = source[place["start"] : place["end"]].decode()
            for pattern in (_INVISIBLE, _UNPRINTABLE):
                for found in pattern.finditer(text):
                    start = place["start"] + len(text[: found.start()].encode())
                    yield Edit(start, start + len(found[0].encode()), EMPTY_ELEMENT)
