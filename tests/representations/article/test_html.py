"""The page for people, R-01: safe, nested as it should be, and with headings in their order."""

import base64
import hashlib
import json
import re
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.article.hygiene import clean, printable
from app.article.record import Record, parse_record
from app.representations import templating
from app.representations.article import FORMATS, Site, article_links
from app.representations.article import html as page_format
from tests.support import html_tree
from tests.support.hostile import PAYLOADS
from tests.support.html_tree import Node
from tests.support.site import DEPTH, SEED_SITE
from tests.support.strategies import records

PAGE, TEXT = FORMATS[0], FORMATS[2]
SITE = Site(SEED_SITE, "Slugline")
STORY: dict[str, Any] = {
    "slug": "a-story",
    "title": "A story",
    "body_md": "# A story\n\nOf things.",
    "published_at": "2026-06-23T23:00:06Z",
    "updated_at": "2026-06-24T00:49:22.205399Z",
    "lang": "en",
}
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS = {*HEADINGS, "blockquote", "div", "dl", "hr", "ol", "p", "pre", "table", "ul"}
# What the frame of the page is made of, and what no body may bring along.
FOREIGN = {"html", "head", "title", "meta", "link", "script", "style", "body", "main", "article",
           "header", "footer", "section", "nav", "base", "form", "button", "iframe", "object",
           "embed", "svg", "math", "video", "audio", "template", "noscript"}  # fmt: skip
UNWANTED = {"style", "srcdoc", "formaction", "ping", "background", "http-equiv", "target"}


def rendered(story: Record) -> Node:
    return html_tree.read(PAGE.represent(story, article_links(story, SITE)))


def page(**changed: object) -> Node:
    return rendered(parse_record({**STORY, **changed}))


def text(**changed: object) -> str:
    """Return a story as plain text, up to the facts at its foot."""
    story = parse_record({**STORY, **changed})
    return TEXT.represent(story, article_links(story, SITE)).decode().rpartition("\n\n———\n")[0]


def body(markdown: str) -> Node:
    """Return what `markdown` becomes on the page."""
    (node,) = page(body_md=markdown).classed("body")
    return node


def outline(node: Node) -> list[str]:
    return [heading.name for heading in node.all(*HEADINGS)]


def assert_safe(shown: Node) -> None:
    """Assert that nothing in the page runs, and that it leads only where it may."""
    scripts = [script.attributes for script in shown.all("script")]
    assert scripts == [{"type": "application/ld+json"}]
    assert [len(shown.all(name)) for name in ("style", "title", "h1")] == [1, 1, 1]
    for node in shown.all():
        assert not [name for name in node.attributes if name.startswith("on") or name in UNWANTED]
        for name in {"href", "src"} & node.attributes.keys():
            value = node.attributes[name]
            ours = value == "/news" or value.startswith(("#", "/topics/"))
            assert ours or urlsplit(value).scheme in {"http", "https", "mailto"}
    (inside,) = shown.classed("body")
    assert not {node.name for node in inside.all()} & FOREIGN
    for link in inside.all("a"):
        assert link.attributes["rel"] == "noopener nofollow ugc"
        assert {"href", "rel"} <= set(link.attributes) <= {"href", "rel", "title", "dir", "lang"}
    assert all("src" in image.attributes for image in inside.all("img"))
    for time in inside.all("time"):
        assert not re.search(r"\.\d{4}", time.attributes.get("datetime", ""))


def assert_sound(shown: Node) -> None:
    """Assert that headings leave no level out, and that elements are where they may be."""
    levels = [int(name[1]) for name in outline(shown)]
    assert levels[0] == 1
    assert all(1 < level <= before + 1 for before, level in pairwise(levels))
    for node in shown.all("p"):
        assert not BLOCKS & {child.name for child in node.all()}
    for node in shown.all("table", "pre"):
        assert node.parent is not None
        label = {"table": "Table", "pre": "Code"}[node.name]
        box = {"class": "box", "role": "region", "tabindex": "0", "aria-label": label}
        assert node.parent.attributes == box


@pytest.mark.parametrize("payload", PAYLOADS)
def test_r01_nothing_hostile_gets_through_in_any_field(payload: str) -> None:
    line = payload.replace("\n", " ").replace("\t", " ")
    shown = page(
        title=line,
        summary=payload,
        body_md=f"{payload}\n\n{line}\n\n> {line}\n\n- {line}\n\n| {line} |\n|---|\n| {line} |",
        entities=[line],
        extra=payload,
        canonical_source="https://a.example/?'onclick=alert(1)&lt;",
    )
    assert_safe(shown)
    assert_sound(shown)
    data = json.loads(shown.one("script").text)
    assert shown.one("h1").words == " ".join(data["headline"].split())


@settings(max_examples=20 * DEPTH)
@given(records())
def test_r01_the_page_of_any_record_is_safe_and_sound(value: dict[str, Any]) -> None:
    story = parse_record(value)
    shown = rendered(story)
    assert_safe(shown)
    assert_sound(shown)
    assert shown.one("h1").words == " ".join(clean(story).title.split())


@given(st.lists(st.sampled_from(PAYLOADS) | st.sampled_from("\n <>'\"`=/"), max_size=5))
def test_r01_no_hostile_pieces_make_a_worse_one(pieces: list[str]) -> None:
    shown = page(body_md="".join(pieces))
    assert_safe(shown)
    assert_sound(shown)


def test_r01_the_policy_allows_no_script_and_the_style_of_the_page_alone() -> None:
    policy = dict(part.split(" ", 1) for part in templating.content_security_policy().split("; "))
    digest = hashlib.sha256(page().one("style").text.encode()).digest()
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert policy["connect-src"] == policy["form-action"] == "'self'"
    assert "script-src" not in policy
    assert "unsafe" not in " ".join(policy.values())


@pytest.mark.parametrize(
    ("title", "opening"),
    [
        ("A story", "# A story"),
        ("A story", "A story\n==="),
        ("A story", "## A *story*"),
        ("A story", "### *A* `Story` ###"),
        ("A story", "A\nstory\n==="),
        ("It’s “so” – here", '# It\'s "so" - here'),
        ("Ａ ｓｔｏｒｙ", "# a story"),
        ("A  story\tof   things", "# A story of things"),
        ("A &amp; B", "# A &amp;amp; B"),
        ("A story", "<!-- hidden -->\n# A story"),
        ("A \u200bstory", "# A \u202estory"),
    ],
)
def test_r01_the_body_does_not_repeat_the_title_in_other_typography(
    title: str, opening: str
) -> None:
    shown = page(title=title, body_md=f"{opening}\n\nx")
    assert shown.classed("body")[0].words == "x"
    assert outline(shown) == ["h1"]
    plain = text(title=title, body_md=f"{opening}\n\nx")
    assert plain == " ".join(printable(title).split()) + "\n\nx"


def test_r01_a_heading_that_is_not_the_title_stays() -> None:
    shown = body("# Another\n\nx")
    assert (outline(shown), shown.words) == (["h2"], "Another x")


@pytest.mark.parametrize(
    ("markdown", "levels"),
    [
        ("# a\n\n## b\n\n### c", "h2 h3 h4"),
        ("### a\n\n# b\n\n## c", "h2 h2 h3"),
        ("# a\n\n###### b\n\n### c\n\n## d", "h2 h3 h3 h3"),
        ("# a\n\n## b\n\n### c\n\n#### d\n\n##### e\n\n###### f", "h2 h3 h4 h5 h6 h6"),
        ("<h1>a</h1><H3 class=x>b</H3>\n<h2\nid=y>c</h2>", "h2 h3 h3"),
        ("> ### a\n\n- ## b", "h2 h2"),
        ("<p title='<h1>'>x</p>\n\n## a", "h2"),
        ("<!-- <h1> -->\n\n## a", "h2"),
        ("<template><h1>x</h1></template>\n\n## a", "h2"),
        ("`<h1>`\n\n```\n<h1>\n```\n\n## a", "h2"),
        ("<h2>a<h3>b</h2></h3>", "h2 h3"),
    ],
)
def test_r01_headings_are_put_under_the_h1_without_a_gap(markdown: str, levels: str) -> None:
    assert outline(body(f"x\n\n{markdown}")) == levels.split()


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=12))
def test_r01_headings_keep_their_order_and_rank(written: list[tuple[int, bool]]) -> None:
    lines = [
        f"<h{level}>{number}</h{level}>" if raw else f"{'#' * level} {number}"
        for number, (level, raw) in enumerate(written)
    ]
    shown = page(body_md="x\n\n" + "\n\n".join(lines))
    assert_sound(shown)
    found = shown.classed("body")[0].all(*HEADINGS)
    assert [heading.words for heading in found] == [str(number) for number in range(len(written))]
    for (one, other), (before, after) in zip(pairwise(written), pairwise(found), strict=True):
        # A deeper heading is never shown as the higher one, nor the other way round.
        assert one[0] >= other[0] or before.name <= after.name
        assert one[0] < other[0] or before.name >= after.name


@pytest.mark.parametrize(
    "markdown",
    [
        "| a | b |\n|---|--:|\n| c | d |",
        "    x",
        "<table><tr><td>a<td>b</table>",
        "<TABLE>\n<tr><td><pre>x</pre></td></tr>\n",
        "<p>a<table><tr><td>b</table>",
        "> - ```\n>   x\n>   ```",
        "<table><tr><td><table><tr><td>x</table></table>",
        "<p title='<table>'>x</p>\n\n    y",
        "</table></pre></div>\n\n    x",
        "| a |\n|---|\n| b |\n\n```\nx\n```\n\n<table><tr><td>c</table>",
    ],
)
def test_r01_wide_tables_and_code_stand_in_boxes_however_they_are_written(markdown: str) -> None:
    shown = page(body_md=f"x\n\n{markdown}")
    assert len(shown.classed("box")) == len(shown.all("table", "pre")) > 0
    assert_sound(shown)
    assert '"' not in shown.classed("body")[0].words


def test_r01_links_lead_out_and_never_to_pages_of_ours() -> None:
    shown = body(
        "[a](https://a.example/?b=1&c=2 'd') [b](/news/x) [c](../x) [d](//e.example) [e](#f) "
        "[g](mailto:h@i.example) [j](ftp://k) <https://l.example>"
    )
    assert [link.attributes["href"] for link in shown.all("a")] == [
        "https://a.example/?b=1&c=2", "#f", "mailto:h@i.example", "https://l.example",
    ]  # fmt: skip
    assert {link.attributes["rel"] for link in shown.all("a")} == {"noopener nofollow ugc"}
    assert shown.words == "a b c d e g j https://l.example"


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("[a *b*](/x) c", "<p>a <em>b</em> c</p>"),
        ("<a name=x>a <b>b</b></a> c", "<p>a <b>b</b> c</p>"),
        ("<a title=' href=\"x\">'>a</a>", "<p>a</p>"),
        ("a ![b](c.png) d", "<p>a  d</p>"),
        ("a <img alt='src=\"x\"'> b", "<p>a  b</p>"),
        ("a <img src='data:image/png,x'> b", "<p>a  b</p>"),
        ("<time datetime='2026-06-23T23:00:06.123456Z'>a</time>",
         '<p><time datetime="2026-06-23T23:00:06.123Z">a</time></p>'),
    ],
)  # fmt: skip
def test_p02_links_without_a_target_and_images_without_a_source_do_not_remain(
    markdown: str, html: str
) -> None:
    story = parse_record({**STORY, "body_md": markdown})
    assert page_format.body_html(story).strip() == html


@pytest.mark.parametrize(
    "control",
    [
        "<input>", "<INPUT type=text>", "<input type=checkbox disabled>", "<input/>", "<input",
        "<p><input value='>'></p>", "<form><input name=q><button>b</button></form>",
        "- <input type=checkbox disabled> b", "<li><input type=checkbox disabled></li>",
    ],
)  # fmt: skip
def test_r01_the_only_form_controls_are_the_checkboxes_of_task_lists(control: str) -> None:
    shown = body(f"x {control}\n\n{control}\n\n- [x] a\n- [ ] b")
    boxes = shown.all("input", "button", "select", "textarea", "form")
    assert ["checked" in box.attributes for box in boxes] == [True, False]
    assert {(box.attributes["type"], box.attributes["disabled"]) for box in boxes} == {
        ("checkbox", "")
    }


@pytest.mark.parametrize(
    ("instant", "attribute"),
    [
        ("2026-06-23T23:00:06Z", "2026-06-23T23:00:06Z"),
        ("2026-06-23T23:00:06.205399Z", "2026-06-23T23:00:06.205Z"),
        ("2026-06-23T23:00:06.000009Z", "2026-06-23T23:00:06.000Z"),
    ],
)
def test_p02_the_datetime_attribute_has_at_most_three_digits_of_a_second(
    instant: str, attribute: str
) -> None:
    shown = page(published_at=instant, updated_at=instant)
    assert shown.one("time").attributes["datetime"] == attribute


def test_r01_notes_tasks_and_columns_survive_the_sanitiser() -> None:
    shown = body("x[^1]\n\n- [x] a\n- [ ] b\n\n| c |\n|--:|\n| d |\n\n[^1]: note")
    assert shown.one("a").attributes["href"] == "#1"
    assert shown.one("div", id="1").words.endswith("note")
    assert ["checked" in box.attributes for box in shown.all("input")] == [True, False]
    assert all(box.attributes["disabled"] == "" for box in shown.all("input"))
    assert shown.one("td").attributes == {"align": "right"}


def test_r01_the_head_tells_of_the_article() -> None:
    summary = 'In "short" & <b>'
    shown = page(summary=summary, topics=["a", "b"], lang="zh-Hant", body_md="x")
    told = [
        (node.attributes["property"], node.attributes["content"])
        for node in shown.one("head").all("meta")
        if "property" in node.attributes
    ]
    assert told == [
        ("og:type", "article"),
        ("og:title", "A story"),
        ("og:description", summary),
        ("og:url", f"{SEED_SITE}/news/a-story"),
        ("og:site_name", "Slugline"),
        ("article:published_time", "2026-06-23T23:00:06Z"),
        ("article:modified_time", "2026-06-24T00:49:22.205399Z"),
        ("article:tag", "a"),
        ("article:tag", "b"),
    ]
    assert shown.one("meta", name="description").attributes["content"] == summary
    assert shown.one("html").attributes == {"lang": "zh-Hant"}
    assert [node.attributes.get("type") for node in shown.all("link")] == [
        None, *(form.media_type for form in FORMATS if form is not PAGE)
    ]  # fmt: skip


def test_r01_the_style_is_light_and_dark_prints_and_loads_nothing() -> None:
    style = page().one("style").text
    assert "color-scheme: light dark" in style
    assert "@media print" in style
    assert not re.search(r"url\(|@import|expression|<", style)


def test_r01_hostile_nesting_is_shown_as_paragraphs() -> None:
    shown = body("<div>" * 1_000 + "a &lt;b\n\nc *d*")
    assert [(node.name, node.words) for node in shown.all()] == [("p", "a &lt;b"), ("p", "c d")]


def test_r01_sloppy_html_is_no_hostile_nesting() -> None:
    rows = "<tr><td>a<td>b\n" * 300
    shown = body(f"<p>a\n<table>\n{rows}</table>\n" + "<p>b\n" * 300 + "<ul>" + "<li>c\n" * 300)
    assert len(shown.all("tr")) == len(shown.all("li")) == 300


ATTRIBUTE = r' [\w-]+="[^"]*"'


@settings(max_examples=50 * DEPTH)
@given(made=records(), payload=st.sampled_from(["", *PAYLOADS]))
def test_r01_sanitising_is_idempotent(made: dict[str, Any], payload: str) -> None:
    story = parse_record({**made, "body_md": f"{made['body_md']}\n\n{payload}"})
    shown = page_format.body_html(clean(story))
    again = page_format._sanitiser.clean(shown)  # noqa: SLF001 - what it does is our own
    assert in_order(again) == in_order(shown)


def in_order(markup: str) -> str:
    """Return `markup` with the attributes of each tag in the order of their names.

    Where the sanitiser takes an address away, it puts the last attribute in its place.
    """

    def replace(match: re.Match[str]) -> str:
        return "<" + match["name"] + "".join(sorted(re.findall(ATTRIBUTE, match["attributes"])))

    return re.sub(rf"<(?P<name>\w+)(?P<attributes>({ATTRIBUTE})+)", replace, markup)
