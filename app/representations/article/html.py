"""The page for people: semantic HTML that needs no script."""

import html
import re
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import nh3
from markupsafe import Markup

from app.article import markdown
from app.article.hidden_html import HIDDEN_ELEMENTS
from app.article.html_tokens import is_too_complex
from app.article.record import Record
from app.article.timestamps import format_instant
from app.representations import templating
from app.representations.article import json_ld, text_renderer
from app.representations.links import Links

_HEADING = re.compile(r"<(?P<close>/?)h(?P<level>[1-6])(?=[ >])")
_BOXED = re.compile(r"</(?P<closed>table|pre)>|<(?P<opened>table|pre)(?=[ >])")
_BOXES: Final = {"table": "Table", "pre": "Code"}
# The policy forbids style attributes, and this is the only one the Markdown renderer writes.
_ALIGNMENT = re.compile(r' style="text-align: (left|center|right)"')

_TAGS: Final = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "blockquote", "br", "caption", "cite", "code", "col",
    "colgroup", "dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "input", "ins", "kbd", "li", "mark", "ol",
    "p", "pre", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strong", "sub",
    "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "u", "ul",
    "var", "wbr"
})  # fmt: skip

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip

_sanitiser = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(HIDDEN_ELEMENTS),
    attributes={
        "*": {"dir", "lang"},
        "a": {"href", "title"},
        "abbr": {"title"},
        "div": {"aria-label", "id", "role", "tabindex"},
        "img": {"alt", "height", "src", "title", "width"},
        "input": {"checked"},
        "ol": {"start"},
        "td": {"align", "colspan", "rowspan"},
        "th": {"align", "colspan", "rowspan", "scope"},
        "time": {"datetime"},
    },
    allowed_classes={"div": {"box"}},
    set_tag_attribute_values={
        "img": {"loading": "lazy", "referrerpolicy": "no-referrer"},
        "input": {"type": "checkbox", "disabled": ""},
    },
    link_rel="noopener nofollow ugc",
    url_schemes={"http", "https", "mailto"},
    # A relative reference was relative to the source; here it would lead to a page of ours.
    url_relative=lambda url: url if url.startswith("#") else None,
)


def render(record: Record, links: Links) -> bytes:
    """Return the page as UTF-8."""
    return templating.render(
        "article.html",
        record=record,
        links=links,
        others=links.alternates_except("html"),
        body=Markup(body_html(record)),  # noqa: S704 - it comes from the sanitiser
        linked_data=Markup(json_ld.to_script_json(record, links)),  # noqa: S704 - escaped for scripts
        published=format_instant(record.published_at),
        updated=format_instant(record.updated_at),
        published_words=format_for_people(record.published_at),
        updated_words=format_for_people(record.updated_at),
        source_host=urlsplit(links.source).hostname if links.source else None,
    )


def body_html(record: Record) -> str:
    """Return the body as HTML that is safe under the page's H1, which it does not repeat."""
    body = markdown.without_title(record.body_md, record.title)
    markup = markdown.to_html(body)
    if is_too_complex(markup):
        paragraphs = text_renderer.to_text(body).text.split("\n\n")
        return "".join(f"<p>{html.escape(paragraph)}</p>\n" for paragraph in paragraphs)
    # Every "<" in what the sanitiser writes begins a tag, so between the two passes patterns find
    # no headings and tables in attributes; and nothing they do can make the outcome unsafe.
    tidy = _sanitiser.clean(_ALIGNMENT.sub(r' align="\1"', markup))
    shaped = _relevelled(_boxed(tidy))
    # What is as it left the sanitiser need not go there again.
    return tidy if shaped == tidy else _sanitiser.clean(shaped)


def _relevelled(markup: str) -> str:
    """Put the headings under the page's H1, and close the gaps between their levels."""
    outline: list[int] = []

    def replace(match: re.Match[str]) -> str:
        level = int(match["level"])
        if not match["close"]:
            while outline and outline[-1] >= level:
                outline.pop()
            outline.append(level)
        return f"<{match['close']}h{min(1 + max(1, len(outline)), 6)}"

    return _HEADING.sub(replace, markup)


def _boxed(markup: str) -> str:
    """Put what may be wider than the page into boxes that scroll, with the keyboard too."""

    def replace(match: re.Match[str]) -> str:
        if match["closed"]:
            return f"{match[0]}</div>"
        label = _BOXES[match["opened"]]
        return f'<div class="box" role="region" tabindex="0" aria-label="{label}">{match[0]}'

    return _BOXED.sub(replace, markup)


def format_for_people(instant: datetime) -> str:
    """Return an instant as people read it."""
    month = _MONTHS[instant.month - 1]
    return f"{instant.day} {month} {instant.year}, {instant.hour:02}:{instant.minute:02} UTC"
