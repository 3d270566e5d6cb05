"""HTML and text as Markdown, I-16: what it says stays, and nothing that is text becomes markup."""

import html
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.article.markdown import to_html
from app.feeds.html_to_markdown import HtmlConversionError, TextConstruct, to_markdown, to_text
from tests.support.strategies import SIGNS

LITERAL = st.text(
    st.sampled_from("*_`~#>|-+=[](){}<>&;!\\/:.^$\"'1 )\nabé漢 \t"), max_size=40
) | st.sampled_from(
    ["&lt;script&gt;", "*stars*", "[x](y)", "1. one", "```", "    code", "<!-- c -->", "a\n===",
     "|a|b|\n|-|-|", "[^1]: x", "[x]: y", "http://a_b_c*d*", "\\*", "&amp;copy;", "- [ ] t", "---"]
)  # fmt: skip


class _Text(HTMLParser):
    """Collects the text of HTML, and the names of its elements."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.names: set[str] = set()
        self.feed(markup)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self.names.add(tag)


def words(text: str) -> str:
    return "".join(text.split())


@given(LITERAL)
def test_text_is_shown_as_it_is(text: str) -> None:
    shown = _Text(to_html(to_markdown(TextConstruct(text, is_html=False))))
    assert words("".join(shown.text)) == words(text)
    assert shown.names <= {"p", "br"}


@given(LITERAL, st.sampled_from(["p", "li", "h2", "b", "td", "blockquote", "div", "a href='u'"]))
def test_text_in_html_is_rendered_literally(text: str, tag: str) -> None:
    before = f"<ul><{tag}>" if tag == "li" else f"<table><tr><{tag}>" if tag == "td" else f"<{tag}>"
    shown = _Text(to_html(to_markdown(TextConstruct(before + html.escape(text), is_html=True))))
    assert words("".join(shown.text)) == words(text)
    allowed = {"p", "br", "ul", "li", "h2", "strong", "a", "blockquote"}
    assert shown.names <= allowed | {"table", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<h2>A</h2><p>b <b>c</b> <i>d</i></p>", "## A\n\nb **c** *d*"),
        ("<a href='/x'>l</a>", "[l](https://source.example/x)"),
        ("<img src='i.png' alt='a'>", "![a](https://source.example/i.png)"),
        ("<ol><li>x<li>y</ol>", "1. x\n2. y"),
        ("a<script>b</script><style>c</style><iframe>d</iframe><svg><text>e</text></svg>f", "af"),
        ("<p style='display:none'>a</p><p hidden>b</p>c<!-- d -->", "c"),
        ("<form>a<input value=b><button>c</button></form>d", "d"),
        ("<pre>a\n  *b*</pre>", "```\na\n  *b*\n```"),
    ],
)
def test_html_becomes_markdown(markup: str, expected: str) -> None:
    assert (
        to_markdown(TextConstruct(markup, is_html=True, base="https://source.example/")) == expected
    )


def test_a_summary_is_one_line_of_text() -> None:
    assert (
        to_text(TextConstruct("<p>a <b>b</b>\n&lt;c&gt;</p><p>d</p>", is_html=True)) == "a b <c> d"
    )
    assert to_text(TextConstruct(" a *b*\n &lt; ", is_html=False)) == "a *b* &lt;"


@pytest.mark.parametrize("text", ["a\x00", "\ud800"])
def test_i16_html_with_unstorable_characters_is_not_converted(text: str) -> None:
    for markup in (True, False):
        with pytest.raises(HtmlConversionError):
            to_markdown(TextConstruct(text, markup))


@pytest.mark.parametrize(
    "piece",
    ["<div>", "<ul><li>", "<blockquote>", "<b>", "<a ", "<!--", "&", "<", "</p>", "[", "<p>"],
)
def test_hostile_html_takes_its_time_and_no_more(piece: str) -> None:
    markup = piece * (1_000_000 // len(piece))
    started = time.process_time()
    try:
        to_markdown(TextConstruct(markup, is_html=True))
    except HtmlConversionError as error:
        assert "too deep" in str(error)  # noqa: PT017 - either is fine
    assert time.process_time() - started < 10


@given(st.text(SIGNS, max_size=60) | st.lists(st.sampled_from(
    ["<p>", "</p>", "<table>", "<td>", "<a href='", "'>", "<li>", "<pre>", "x", "&#0;", "&#xD800;",
     "<!--", "<![CDATA[", "\n", "<svg>", "<b", " "]), max_size=12).map("".join))  # fmt: skip
def test_no_html_raises_anything_that_is_not_declared(markup: str) -> None:
    for convert in (to_markdown, to_text):
        try:
            convert(TextConstruct(markup, is_html=True, base="http://["))
        except HtmlConversionError as error:
            assert len(str(error)) < 200  # noqa: PT017 - either is fine
