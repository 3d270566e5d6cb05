"""Comments and hidden elements, I-16: flagged, and stripped without changing the document."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.article import markdown
from app.article.hidden_html import (
    HIDDEN_ELEMENTS,
    event_name,
    hidden_spans,
    strip_hidden,
)
from app.article.html_tokens import Span
from app.article.hygiene import clean, flags
from app.article.record import Record, parse_record
from app.representations.article import BY_NAME, Site, article_links
from tests.support import html_tree
from tests.support.site import DEPTH
from tests.support.strategies import BODIES

STORY: dict[str, Any] = {
    "slug": "a-story",
    "title": "A story",
    "body_md": "",
    "published_at": "2026-06-23T23:00:06Z",
    "updated_at": "2026-06-24T00:49:22Z",
    "lang": "en",
}


def record(body: str) -> Record:
    return parse_record({**STORY, "body_md": body})


def stripped(body: str) -> str:
    return clean(record(body)).body_md


def hidden_details(body: str) -> list[str]:
    return [flag.detail for flag in flags(record(body)) if flag.code == "hidden-html"]


HIDDEN = [
    # comments, in every way that a browser takes for one
    ("a <!-- secret --> b", "a <span></span> b"),
    ("<!-- secret\n\nsecret -->\n\nb", "<!-- -->\n\nb"),
    ("<!-- secret\n\nand secret to the end", "<!-- -->"),
    ("<!--secret--!>\nb", "<!-- --> b"),
    ("a <?php secret ?> b", "a <span></span> b"),
    ("a <![CDATA[ secret ]]> b", "a <span></span> b"),
    ("<!DOCTYPE secret>\n\nb", "<!-- -->\n\nb"),
    # between the marks of quotations and lists
    ("> <!-- secret\n> secret --> b", "> <!-- --> b"),
    ("- <!-- secret\n  secret -->\n- b", "- <!-- -->\n- b"),
    ("> a <!-- secret\n> secret --> b", "> a <span></span> b"),
    ("> > <div hidden>\n> > secret\n> > </div>\n> > b", "> > <!-- --> b"),
    ("> a <b\n> hidden>secret</b> b", "> a <span></span> b"),
    ("> <p title='\n> x' hidden>secret</p>\n\nb", "> <!-- -->\n\nb"),
    ("1. <script>\n   secret\n   </script>\n2. b", "1. <!-- -->\n2. b"),
    # hidden by an attribute, however it is written
    (
        "<div hidden>\nsecret **s**\n\nsecret\n\n</div>\n\nb",
        "<!-- -->\n\n<!-- -->\n\n<!-- -->\n\nb",
    ),
    ("a <span hidden>secret</span> b", "a <span></span> b"),
    ("a <SPAN HIDDEN>secret</sPaN> b", "a <span></span> b"),
    ('a <span hidden="">secret</span> b', "a <span></span> b"),
    ("a <span hidden=until-found>secret</span> b", "a <span></span> b"),
    ("a <span class=x hidden>secret</span> b", "a <span></span> b"),
    ('<div class="x"hidden>secret</div> b', "<!-- --> b"),
    ("<div><b/hidden>secret</b> b", "<div><!-- --> b"),
    ("<div\nhidden\n>secret</div> b", "<!-- --> b"),
    ('a <span title=">" hidden>secret</span> b', "a <span></span> b"),
    ("<div hidden\n\nb", "<!-- -->\n\nb"),
    ("a <img hidden src=x> b", "a <span></span> b"),
    # or by a style
    ('a <span style="display:none">secret</span> b', "a <span></span> b"),
    ("a <span style=display:none>secret</span> b", "a <span></span> b"),
    ("a <span style='color:red; DISPLAY : none !important'>secret</span> b", "a <span></span> b"),
    ("a <span STYLE = 'visibility:hidden'>secret</span> b", "a <span></span> b"),
    ("a <span style='font-size:0'>secret</span> b", "a <span></span> b"),
    ("a <span style='font-size:0.0px'>secret</span> b", "a <span></span> b"),
    ("a <span style='opacity:0'>secret</span> b", "a <span></span> b"),
    ("a <span style='display:/**/none'>secret</span> b", "a <span></span> b"),
    ("a <span style='display&colon;no&#110;e'>secret</span> b", "a <span></span> b"),
    # with elements of the same name inside, and with ends that are missing
    ("a <span hidden>s <span>s</span> s</span> b", "a <span></span> b"),
    ("a <span hidden>s <span hidden>s</span> s</span> b", "a <span></span> b"),
    ("a <div hidden>s <b>s</div> b", "a <span></span> b"),
    ("a <div hidden>s <b hidden>s</div> b</b>", "a <span></span> b</b>"),
    ("a <b hidden>shown <i hidden>secret</i> b", "a <span></span>shown <span></span> b"),
    ("a <b hidden>shown <!-- secret --> b", "a <span></span>shown <span></span> b"),
    ("a <b hidden>ü<i>ü</i>ü</b> ü", "a <span></span> ü"),
    # nothing but raw text in these
    ("<script>a = '<!--'</script> b", "<!-- --> b"),
    ("<style>b::before { content: '<p>' }</style> b", "<!-- --> b"),
    ("<textarea>secret <b> </textarea> b", "<!-- --> b"),
    ("<xmp><xmp>secret</xmp> b", "<span></span> b"),
]


@pytest.mark.parametrize(("body", "left"), HIDDEN)
def test_i16_comments_and_hidden_elements_are_flagged_and_stripped(body: str, left: str) -> None:
    assert stripped(body) == left
    (detail,) = hidden_details(body)
    assert "comments or hidden elements, the first at character" in detail


@pytest.mark.parametrize("name", sorted(HIDDEN_ELEMENTS))
def test_i16_an_element_that_is_never_shown_is_stripped_with_all_that_is_in_it(name: str) -> None:
    assert stripped(f"a <{name}>secret</{name}> b") == "a <span></span> b"
    assert stripped(f"<{name.upper()} x='y'>\nsecret\n</{name}>\n\nb") == "<!-- -->\n\nb"
    # An element that is never closed hides nothing: the author forgot to escape its name.
    assert stripped(f"the <{name}> element") == "the <span></span> element"


def test_i16_hidden_html_is_flagged_at_its_position() -> None:
    body = "üü <b hidden>x</b> <!-- y -->"
    expected = "2 comments or hidden elements, the first at character 3"
    assert hidden_details(body) == [expected]


@pytest.mark.parametrize(
    "body",
    [
        "`<!-- shown -->` and ``<div hidden>x</div>``",
        "```html\n<!-- shown -->\n<script>alert(1)</script>\n```",
        "    <div hidden>shown</div>",
        "~~~\n<b hidden>\n~~~",
        "\\<b hidden> &lt;b hidden&gt; 5 < 6 > 4 a<b",
        "<https://a.example/hidden> <a@b.example>",
        "[a](https://a.example/<!--x-->)",
        "<div class='hidden md:block'>\n\nshown\n\n</div>",
        '<a href="/x" title="The hidden cost">shown</a>',
        "<img alt='A hidden valley, style=display:none' src=x>",
        "<b aria-hidden=true data-hidden x-hidden hidden-x>shown</b>",
        "<span style='font-size:0.8em'>shown</span>",
        "<span style='font-size: 0.05rem; opacity:0.5'>shown</span>",
        "<span style='backface-visibility:hidden; fill-opacity:0'>shown</span>",
        "<span style='display:inline; visibility:visible'>shown</span>",
        "<span title='style=\"display:none\"'>shown</span>",
        "<table><tr><td>shown</td></tr></table>",
        "<details><summary>shown</summary>\n\nshown\n\n</details>",
        "a <br> b <hr/> <sub>c</sub> </b> </div>",
        "<div hid<!-- -->den>shown</div>",
        "a <!-- --> b <!--> c <!---> d",
        "- a\n\n<!-- -->\n\n- b",
        "<<!-- -->script>shown</script>",
        "x <-- y --> z <- <=",
    ],
)
def test_i16_ordinary_html_and_code_are_left_as_they_are(body: str) -> None:
    assert stripped(body) == body
    assert hidden_details(body) == []


def represented(name: str, body: str) -> str:
    """Return the article in the format `name`."""
    story = record(body)
    links = article_links(story, Site("https://news.example", "News"))
    return BY_NAME[name].represent(story, links).decode()


BOX = '<div class="box" role="region" tabindex="0" aria-label="Code">'

# Examples 177, 308 and 309 of CommonMark 0.31, where the comments are not empty: the body, its HTML
# and its text.
COMMONMARK = [
    ("<!-- Foo\n\nbar\n   baz -->\nokay", "<p>okay</p>", "okay"),
    (
        "- foo\n- bar\n\n<!-- secret -->\n\n- baz\n- bim",
        "<ul><li>foo</li><li>bar</li></ul><ul><li>baz</li><li>bim</li></ul>",
        "• foo\n• bar\n\n• baz\n• bim",
    ),
    (
        "-   foo\n\n    notcode\n\n-   foo\n\n<!-- secret -->\n\n    code",
        "<ul><li><p>foo</p><p>notcode</p></li><li><p>foo</p></li></ul>"
        + BOX
        + "<pre><code>code</code></pre></div>",
        "• foo\n\n  notcode\n\n• foo\n\n    code",
    ),
]


@pytest.mark.parametrize(("body", "html", "text"), COMMONMARK)
def test_i16_a_comment_separates_the_blocks_around_it_in_every_format(
    body: str, html: str, text: str
) -> None:
    page = represented("html", body).partition('<div class="body">')[2].partition("<footer>")[0]
    assert page.replace("\n", "").removesuffix("</div>") == html
    assert represented("text", body).partition("\n\n")[2].partition("\n\n———")[0] == text
    below = represented("markdown", body).partition("\n---\n\n")[2].removesuffix("\n")
    assert shown_events(below, []) == shown_events(body, hidden_spans(body))
    assert "Foo" not in below
    assert "secret" not in below


@pytest.mark.parametrize(
    ("body", "left"),
    [
        # What remains of an HTML block ends where the block ended.
        ("<!-- secret\n--> b\n# c", "<!-- --> b\n# c"),
        ("<!-- secret --!> b\n\nc -->\nd", "<!-- --> b  c -->\nd"),
        ("<div hidden>secret</div> b\nc\n\nd", "<!-- --> b c\n\nd"),
        ("<div>\n<!-- secret -->\n<p>b</p>\n</div>", "<div>\n<!-- -->\n<p>b</p>\n</div>"),
        ("<pre>\na\n\n<!-- secret -->\nb</pre>\nc", "<pre>\na\n\n<!-- -->\nb</pre>\nc"),
        ("<pre>a\n<script>secret</script> b\n\nc", "<!-- --><pre>a <!-- --> b  c"),
        # A hidden element that crosses blocks is emptied in each of them.
        ("a <b hidden>s\n\n- s\n\n</b> c", "a <span></span>\n\n<!-- -->\n\n<span></span> c"),
        ("- <div hidden>\n- secret\n- </div> b", "- <!-- -->\n- <span></span>\n- <!-- --> b"),
        ("*a <b hidden>secret* secret</b> c", "*a <span></span>*<span></span> c"),
        ("|a<b hidden>x|y</b>z|\n|-|-|", "|a<span></span>|<span></span>z|\n|-|-|"),
        # What follows hidden text at the start of a line does not begin a block.
        ("<b hidden>secret</b>- b", "<span></span>- b"),
        ("<b hidden>secret</b># b", "<span></span># b"),
        ("<b hidden>secret</b>\n===", "<span></span>\n==="),
    ],
)  # fmt: skip
def test_i16_stripping_hidden_html_keeps_the_surrounding_blocks(body: str, left: str) -> None:
    assert stripped(body) == left
    assert shown_events(left, []) == shown_events(body, hidden_spans(body))


def test_i16_text_that_would_become_a_tag_when_a_comment_is_removed_stays_text() -> None:
    page = html_tree.read(represented("html", "<<!-- secret -->script>shown</script>"))
    assert page.classed("body")[0].words == "<script>shown"


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("\u200b- a", "<span></span>- a"),
        ("a\n\x01# b", "a\n<span></span># b"),
        ("*a\u200b*b", "*a*b"),
        ("- a\u200b\n- b", "- a\n- b"),
        ("<\u200bscript>x</script>", "<<span></span>script>x</script>"),
    ],
)
def test_i16_stripping_an_invisible_character_changes_no_block(body: str, left: str) -> None:
    assert stripped(body) == left


# Pieces that make unlikely documents when they are put together.
PIECES = st.lists(
    st.sampled_from(
        ["<!-- c -->", "<!-- c\nd -->", "<!-- c\n\nd -->", "<!-- c --!>", "<?x > y ?>",
         "<![CDATA[x]]>", "<b hidden>", "</b>", "<div hidden>", "</div>", "<div>", "<p>",
         "<script>", "</script>", "<pre>", "</pre>", "- a", "- ", "* b", "1. c", "> ", "# h", "===",
         "---", "```", "    code", "| a | b |\n|--|--|\n| c | d |", "[l](u)", "*", "**", "_", "~~",
         "\\*", "\n", "\n\n", "\n  ", " ", "word", "[^1]", "[^1]: note\n"]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@settings(max_examples=100 * DEPTH)
@given(BODIES | PIECES)
def test_i16_the_stripped_body_parses_to_the_visible_events(body: str) -> None:
    left = strip_hidden(body)
    assert hidden_spans(left) == []
    assert shown_events(left, []) == shown_events(body, hidden_spans(body))


def shown_events(body: str, hidden: list[Span]) -> list[object]:
    """Return the events of `body` without raw HTML and without what lies in `hidden`."""
    return [(side, name) if side else event for side, name, event in _outside(body, hidden)]


def _outside(body: str, hidden: list[Span]) -> Iterator[tuple[str, str, object]]:
    source = body.encode()
    html_block = False
    depth = 0  # within a hidden block or inline
    for event, place in markdown.events_with_ranges(body):
        side, name = event_name(event)
        if depth:
            depth += {"Start": 1, "End": -1}.get(side, 0)
            continue
        if name == "HtmlBlock":
            html_block = side == "Start"
        if html_block or name in {"Html", "InlineHtml", "HtmlBlock"}:
            continue
        at = place["start"]
        span = next((span for span in hidden if span.start <= at < span.end), None)
        covered = span is not None and not source[span.end : place["end"]].strip()
        if covered and side != "End" and name not in KEPT:
            depth = side == "Start"
        else:
            yield side, name, event


KEPT = {"Item", "TableHead", "TableRow", "TableCell", "FootnoteDefinition"}
"""Containers whose markers stay, because other blocks depend on them."""
