"""The article as an HTML page that needs no script."""

import html
import re
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import nh3
from markupsafe import Markup

from app.article import markdown
from app.article.hidden_html import HIDDEN_ELEMENTS, strip_spans
from app.article.html_tokens import is_too_complex
from app.article.record import Record
from app.article.timestamps import format_instant
from app.representations import templating
from app.representations.article import json_ld, text_renderer
from app.representations.links import Links

_HEADING = re.compile(r"<(?P<slash>/?)h(?P<level>[1-6])(?=[ >])")
_TABLE_OR_CODE = re.compile(r"</(?P<end>table|pre)>|<(?P<start>table|pre)(?=[ >])")
_BOX_LABELS: Final = {"table": "Table", "pre": "Code"}
# The content security policy forbids style attributes. The Markdown renderer writes only this one.
_ALIGNMENT = re.compile(r' style="text-align: (left|center|right)"')
_LINK = re.compile(r"<(?P<slash>/?)a(?P<attributes>(?: [^>]*)?)>")
_IMAGE = re.compile("<img(?P<attributes>(?: [^>]*)?)>")
# WHATWG HTML section 2.3.5: the fraction of a second has one to three digits.
_LONG_FRACTION = re.compile(r'(?<= datetime=")(?P<valid>[^"]*\.[0-9]{3})[0-9]+(?=[^"0-9]*")')

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
    # A relative URL was relative to the source. Here it would lead to a page of this site.
    url_relative=lambda url: url if url.startswith("#") else None,
)


def render(record: Record, links: Links) -> bytes:
    """Return the page as UTF-8."""
    return templating.render(
        "article.html",
        record=record,
        links=links,
        others=links.alternates_except("html"),
        body=Markup(body_html(record)),  # noqa: S704 - sanitised
        linked_data=Markup(json_ld.to_script_json(record, links)),  # noqa: S704 - escaped for a script element
        published=format_instant(record.published_at),
        updated=format_instant(record.updated_at),
        published_attribute=datetime_attribute(record.published_at),
        updated_attribute=datetime_attribute(record.updated_at),
        published_words=format_for_people(record.published_at),
        updated_words=format_for_people(record.updated_at),
        source_host=urlsplit(links.source).hostname if links.source else None,
    )


def body_html(record: Record) -> str:
    """Return the body as sanitised HTML that fits under the page's H1 and does not repeat it."""
    body = _without_inputs(markdown.without_title(record.body_md, record.title))
    markup = markdown.to_html(body)
    if is_too_complex(markup):
        paragraphs = text_renderer.to_text(body).text.split("\n\n")
        return "".join(f"<p>{html.escape(paragraph)}</p>\n" for paragraph in paragraphs)
    # Each "<" in the sanitiser's output begins a tag and each ">" ends one, so these patterns match
    # no attribute values. The second pass makes sure that they cannot make the result unsafe.
    clean = _sanitiser.clean(_ALIGNMENT.sub(r' align="\1"', markup))
    shaped = _relevel_headings(_box_tables_and_code(_make_valid(clean)))
    return clean if shaped == clean else _sanitiser.clean(shaped)


def datetime_attribute(instant: datetime) -> str:
    """Return `instant` as a valid `datetime` attribute, which has milliseconds at most."""
    text = format_instant(instant)
    return f"{text[: len('2026-06-23T23:00:06.123')]}Z" if "." in text else text


def format_for_people(instant: datetime) -> str:
    """Return `instant` in words, such as "23 June 2026, 23:00 UTC"."""
    month = _MONTHS[instant.month - 1]
    return f"{instant.day} {month} {instant.year}, {instant.hour:02}:{instant.minute:02} UTC"


def _without_inputs(body: str) -> str:
    """Remove form controls. The checkboxes of task lists are not raw HTML, so they remain."""
    if "<input" not in body.lower():
        return body
    tokens = markdown.raw_html_tokens(body)
    return strip_spans(body, [token.span for token in tokens if token.name == "input"])


def _make_valid(markup: str) -> str:
    """Unwrap links without a target, and remove images without a source."""
    open_links: list[bool] = []

    def replace_link(match: re.Match[str]) -> str:
        if not match["slash"]:
            open_links.append(' href="' in match["attributes"])
            return match[0] if open_links[-1] else ""
        return match[0] if open_links.pop() else ""

    def replace_image(match: re.Match[str]) -> str:
        return match[0] if ' src="' in match["attributes"] else ""

    markup = _LINK.sub(replace_link, markup)
    return _LONG_FRACTION.sub(r"\g<valid>", _IMAGE.sub(replace_image, markup))


def _relevel_headings(markup: str) -> str:
    """Put the headings under the page's H1, and close the gaps between their levels."""
    outline: list[int] = []

    def replace(match: re.Match[str]) -> str:
        level = int(match["level"])
        if not match["slash"]:
            while outline and outline[-1] >= level:
                outline.pop()
            outline.append(level)
        return f"<{match['slash']}h{min(1 + max(1, len(outline)), 6)}"

    return _HEADING.sub(replace, markup)


def _box_tables_and_code(markup: str) -> str:
    """Put what may be wider than the page into boxes that scroll, also with the keyboard."""

    def replace(match: re.Match[str]) -> str:
        if match["end"]:
            return f"{match[0]}</div>"
        label = _BOX_LABELS[match["start"]]
        return f'<div class="box" role="region" tabindex="0" aria-label="{label}">{match[0]}'

    return _TABLE_OR_CODE.sub(replace, markup)
