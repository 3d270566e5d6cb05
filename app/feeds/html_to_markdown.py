"""HTML and plain text of a feed converted to Markdown or to plain text.

Text that only looks like markup stays text: in Markdown it is escaped.
"""

import html
import re
from typing import Final, NamedTuple

from html_to_markdown import ConversionOptions, convert

from app.article.html_tokens import is_too_complex
from app.text import check_storable

# Frames, drawings and form controls are not text. The converter itself omits scripts and styles.
_EXCLUDED: Final = [
    "iframe", "object", "embed", "svg", "math", "form", "input", "button", "select", "textarea",
    "title", "canvas",
]  # fmt: skip
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")


class TextConstruct(NamedTuple):
    """A text of a feed (RFC 4287 section 3.1). Relative links in it are resolved against `base`."""

    text: str
    is_html: bool
    base: str = ""


class HtmlConversionError(ValueError):
    """The text cannot be converted, or not without losing some of it."""


def to_markdown(construct: TextConstruct) -> str:
    """Return `construct` as Markdown without a final newline. Raises HtmlConversionError."""
    markup = construct.text if construct.is_html else _paragraphs(construct.text)
    return _convert(markup, construct.base, "markdown")


def to_text(construct: TextConstruct) -> str:
    """Return `construct` as text on one line. Raises HtmlConversionError."""
    text = _convert(construct.text, "", "plain") if construct.is_html else construct.text
    return " ".join(text.split())


def _paragraphs(text: str) -> str:
    """Return plain `text` as HTML. Blank lines separate paragraphs; other line breaks are kept."""
    lines = html.escape(text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n")
    pieces = _PARAGRAPHS.split(lines)
    return "".join(f"<p>{piece.replace(chr(10), '<br>')}</p>" for piece in pieces)


def _convert(markup: str, base: str, form: str) -> str:
    try:
        check_storable(markup)  # the converter drops a NUL silently
    except ValueError as error:
        raise HtmlConversionError(str(error)) from None
    if is_too_complex(
        markup
    ):  # the converter drops what is nested too deep, and a page cannot show it
        raise HtmlConversionError("its HTML nests elements too deeply or leaves too many unclosed")
    options = ConversionOptions(
        escape_asterisks=True,
        escape_underscores=True,
        escape_misc=True,
        extract_metadata=False,
        exclude_selectors=_EXCLUDED,
        output_format=form,
        base_url=base or None,
    )
    try:
        return (convert(markup, options).content or "").strip("\n")
    except Exception as error:  # noqa: BLE001 - the converter is native code without a documented error
        raise HtmlConversionError(f"its HTML cannot be converted: {type(error).__name__}") from None
