"""What a feed has to say, as HTML or as text, turned into Markdown or into plain text.

Text that only looks like markup stays text: in Markdown it is escaped.
"""

import html
import re
from typing import Final, NamedTuple

from html_to_markdown import ConversionOptions, convert

from app.article.html_tokens import is_too_complex
from app.text import check_storable

# Frames, drawings and controls are no prose. Scripts, styles and what is hidden are left out as it
# is.
_LEFT_OUT: Final = [
    "iframe", "object", "embed", "svg", "math", "form", "input", "button", "select", "textarea",
    "title", "canvas",
]  # fmt: skip
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")


class TextConstruct(NamedTuple):
    """A piece of a feed: HTML where `markup` says so, with the URL its links are relative to."""

    text: str
    markup: bool
    base: str = ""


class HtmlConversionError(ValueError):
    """The piece cannot be converted, or not without a loss."""


def to_markdown(prose: TextConstruct) -> str:
    """Return `prose` in Markdown, without a newline at its end. Raises HtmlConversionError."""
    markup = prose.text if prose.markup else _paragraphs(prose.text)
    return _converted(markup, prose.base, "markdown")


def to_text(prose: TextConstruct) -> str:
    """Return `prose` as text on one line. Raises HtmlConversionError."""
    text = _converted(prose.text, "", "plain") if prose.markup else prose.text
    return " ".join(text.split())


def _paragraphs(text: str) -> str:
    """Write `text` in HTML: blank lines between paragraphs, and the other line breaks kept."""
    lines = html.escape(text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n")
    pieces = _PARAGRAPHS.split(lines)
    return "".join(f"<p>{piece.replace(chr(10), '<br>')}</p>" for piece in pieces)


def _converted(markup: str, base: str, form: str) -> str:
    try:
        check_storable(markup)  # the converter would drop a NUL without a word
    except ValueError as error:
        raise HtmlConversionError(str(error)) from None
    if is_too_complex(
        markup
    ):  # the converter drops what is nested too deep, and a page cannot show it
        raise HtmlConversionError(
            "its HTML nests elements too deep, or leaves too many of them open"
        )
    options = ConversionOptions(
        escape_asterisks=True,
        escape_underscores=True,
        escape_misc=True,
        extract_metadata=False,
        exclude_selectors=_LEFT_OUT,
        output_format=form,
        base_url=base or None,
    )
    try:
        return (convert(markup, options).content or "").strip("\n")
    except Exception as error:  # noqa: BLE001 - whatever a converter in another language raises
        raise HtmlConversionError(f"its HTML cannot be converted: {type(error).__name__}") from None
