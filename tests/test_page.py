"""The page for people, R-01: safe, well-formed, and with headings in their order."""

import re
from typing import Any

import pytest
from hypothesis import given, settings

from app.hygiene import clean
from app.records import parse_record
from app.representations.page import body_html
from hostile import HOSTILE, shown, story
from pages import Page
from strategies import records


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("body", HOSTILE)
def test_r01_a_hostile_body_leaves_nothing_that_runs(body: str) -> None:
    page = Page(shown(story(body_md=f"Before\n\n{body}\n\nAfter"), "html"))
    inert = {"application/ld+json"}
    assert {attributes.get("type") for attributes, _ in page.all("script")} == inert
    names = {tag for tag, _ in page.elements}
    assert not names & {"iframe", "object", "embed", "form", "button", "base", "svg", "math"}
    assert len(page.all("style")) == 1
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in "href", "src":
            assert re.match(r"https?:|mailto:|#|$", attributes.get(name, ""))


@given(records())
@settings(max_examples=60)
def test_r01_a_page_has_one_h1_and_its_headings_never_skip_a_level(value: dict[str, Any]) -> None:
    record = parse_record(value)
    page = Page(shown(record, "html"))
    assert [words(text) for _, text in page.all("h1")] == [words(clean(record).title)]
    body = Page(f"<div>{body_html(clean(record))}</div>")
    levels = [int(tag[1]) for tag, _ in body.elements if re.fullmatch("h[1-6]", tag)]
    for before, after in zip([1, *levels], levels, strict=False):
        assert 2 <= after <= before + 1


@pytest.mark.parametrize(
    "body", ["# A title\n\nText", "A title\n===\n\nText", "## A *title*\n\nText"]
)
def test_r01_the_title_is_not_shown_twice(body: str) -> None:
    record = story(title="A title", body_md=body)
    assert shown(record, "html").count("title</h") == 1
    assert shown(record, "text").count("A title") == 1
    assert body_html(record) == "<p>Text</p>\n"


def test_r01_another_heading_stays() -> None:
    assert body_html(story(title="A title", body_md="# Other\n\nText")).startswith("<h2>Other</h2>")


def test_r01_what_is_wide_stands_in_boxes_that_the_keyboard_reaches() -> None:
    body = "|a|b|\n|-|-:|\n|1|2|\n\n```\ncode\n```\n\n<table><tr><td>raw</table>"
    page = Page(f"<div>{body_html(story(body_md=body))}</div>")
    boxes = [attributes for attributes, _ in page.all("div") if attributes.get("class") == "box"]
    assert [box["aria-label"] for box in boxes] == ["Table", "Code", "Table"]
    assert all(box["tabindex"] == "0" and box["role"] == "region" for box in boxes)
    assert {attributes.get("align") for attributes, _ in page.all("td")} == {None, "right"}


def test_r01_links_of_the_body_are_marked_as_others() -> None:
    (link,) = Page(f"<div>{body_html(story(body_md='[x](https://e.example)'))}</div>").all("a")
    assert set(link[0]["rel"].split()) == {"noopener", "nofollow", "ugc"}
