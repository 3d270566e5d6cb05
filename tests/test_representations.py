"""The five representations: each by its own rules, and all of them agreeing on the facts."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from pages import Page
from pyld import jsonld

from app.hygiene import clean
from app.instants import parse_instant
from app.records import RESERVED_SUFFIXES, Record, parse_record
from app.representations import BY_SUFFIX, FORMATS, Format, Site, links_of
from app.representations.page import body_html
from conftest import SEED, SEED_SITE
from strategies import records

SITE = Site(SEED_SITE, "Slugline")
SEEDED: dict[str, Any] = json.loads(SEED.read_text())
GOLDEN = Path(__file__).parent / "golden"
CONTEXT = json.loads((Path(__file__).parent / "schema_org_context.json").read_text())
BY_NAME = {form.name: form for form in FORMATS}

each_form = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)


def shown(record: Record, name: str) -> str:
    return BY_NAME[name].represent(record, links_of(record, SITE)).decode()


def story(**fields: object) -> Record:
    return parse_record({**SEEDED, **fields})


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    opening, front, body = text.split("---\n", 2)
    assert opening == ""
    facts: dict[str, Any] = yaml.safe_load(front)
    return facts, body.removeprefix("\n")


def words(text: str) -> str:
    return " ".join(text.split())


@each_form
def test_the_seed_looks_in_each_form_as_it_should(form: Format) -> None:
    golden = GOLDEN / f"seed{form.suffix or '.html'}"
    found = shown(story(), form.name)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found)
    assert found == golden.read_text()


def test_n10_every_suffix_of_a_format_is_one_that_no_slug_ends_in() -> None:
    assert {*BY_SUFFIX, ".html"} <= set(RESERVED_SUFFIXES)


def test_every_format_is_an_alternate_of_the_others() -> None:
    links = links_of(story(), SITE)
    assert [alternate.name for alternate in links.alternates] == [form.name for form in FORMATS]
    for form in FORMATS:
        assert form.name not in {alternate.name for alternate in links.others(form.name)}


# --- R-01, the page ----------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "<a href='jav&#x09;ascript:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "![x](javascript:alert(1))",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=x></object><embed src=x>",
    "<form action=x><button formaction=javascript:alert(1)>x</button></form>",
    "<base href=//evil.example><meta http-equiv=refresh content=0>",
    "<style>*{display:none}</style><link rel=stylesheet href=x>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<a href=https://x.example target=_blank onclick=alert(1)>x</a>",
    '<img src="x` `<script>alert(1)</script>"` `>',
    "<table><td background=javascript:alert(1)>x",
    '[x](https://x.example "onmouseover=alert(1) \\" onmouseover=alert(1)")',
]


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
@settings(max_examples=150)
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


# --- R-02, Markdown ----------------------------------------------------------------------------


@given(records())
@settings(max_examples=150)
def test_r02_the_front_matter_reads_back_and_the_body_follows(value: dict[str, Any]) -> None:
    record = clean(parse_record(value))
    facts, body = front_matter(shown(record, "markdown"))
    assert list(facts)[:2] == ["title", "url"]
    assert facts["title"] == record.title
    assert facts["summary"] == record.summary
    assert body in {record.body_md, record.body_md + "\n"}


@pytest.mark.parametrize(
    "title", ['He said: "no" — it\'s #1', "- a: b", "null", "2026-01-01", "@x"]
)
def test_r02_a_title_that_means_something_to_yaml_survives(title: str) -> None:
    assert front_matter(shown(story(title=title), "markdown"))[0]["title"] == title


# --- R-03, text --------------------------------------------------------------------------------

MARKUP = """# A title

Some *emphasis*, **strength**, ~~deletion~~, `code` and a [link](https://e.example/a).

## Section

> A quotation

- one
- two [again](https://e.example/a)

1. first

```python
verbatim
```

|a|b|
|-|-|
|1|2|

<div>raw <b>HTML</b></div>

![picture](https://e.example/p.png)
"""


def test_r03_no_markup_is_left_and_links_are_listed() -> None:
    text = shown(story(title="A title", body_md=MARKUP), "text")
    article, foot = text.split("———")
    for mark in "**", "~~", "](", "`", "<", "|", "\n#", "\n- ", "\n> ", "==", "![":
        assert mark not in article
    assert "a link [1]." in article
    assert "• two again [1]" in article
    assert "\n[1] https://e.example/a\n" in article
    assert "    verbatim" in article
    assert foot.lstrip("\n").startswith("Published: 2026-06-23T23:00:06Z")
    assert f"Source: {SEEDED['canonical_source']}" in foot


# --- R-04, linked data -------------------------------------------------------------------------


def embedded(page: str) -> str:
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    return str(found)


@given(records())
@settings(max_examples=100)
def test_r04_the_page_holds_the_same_object_and_cannot_be_left_through_it(
    value: dict[str, Any],
) -> None:
    record = parse_record(value)
    inside = embedded(shown(record, "html"))
    assert "<" not in inside
    assert json.loads(inside) == json.loads(shown(record, "jsonld"))


def test_r04_a_processor_understands_every_term() -> None:
    def only_schema_org(url: str, _options: object) -> dict[str, Any]:
        assert url in {"https://schema.org", "https://schema.org/"}
        return {"contextUrl": None, "documentUrl": url, "document": CONTEXT}

    document = json.loads(shown(story(), "jsonld"))
    (article,) = jsonld.expand(document, {"documentLoader": only_schema_org})
    schema = "http://schema.org/"
    assert article["@type"] == [f"{schema}NewsArticle"]
    assert article["@id"] == SEEDED["url"]
    plain = {name for name in document if not name.startswith("@")}
    assert {name.removeprefix(schema) for name in article if not name.startswith("@")} == plain
    assert article[f"{schema}isBasedOn"] == [{"@id": SEEDED["canonical_source"]}]
    mentions = [thing[f"{schema}name"][0]["@value"] for thing in article[f"{schema}mentions"]]
    assert mentions == SEEDED["entities"]
    assert len(article[f"{schema}encoding"]) == len(FORMATS)


def test_r04_nobody_is_invented() -> None:
    document = json.loads(shown(story(), "jsonld"))
    assert not {"author", "publisher", "image", "creator"} & set(document)
    without = story(canonical_source=None, topics=[], entities=[], summary="")
    assert not {"isBasedOn", "keywords", "mentions", "abstract"} & set(
        json.loads(shown(without, "jsonld"))
    )


# --- R-05 and R-06 -----------------------------------------------------------------------------


def test_r05_the_seed_comes_out_as_it_went_in_key_for_key() -> None:
    record = json.loads(shown(story(), "json"))
    assert list(record) == list(SEEDED)
    for instant in "published_at", "updated_at":
        assert parse_instant(record.pop(instant)) == parse_instant(SEEDED[instant])
    assert record == {name: value for name, value in SEEDED.items() if name in record}


Facts = dict[str, Any]


def facts_of_json(text: str) -> Facts:
    record = json.loads(text)
    names = ("title", "published_at", "updated_at", "lang", "topics", "entities")
    return {name: record[name] for name in names} | {"source": record["canonical_source"]}


def facts_of_markdown(text: str) -> Facts:
    front, _ = front_matter(text)
    return facts_of_json(json.dumps(front))


def facts_of_jsonld(text: str) -> Facts:
    article = json.loads(text)
    return {
        "title": article["headline"],
        "published_at": article["datePublished"],
        "updated_at": article["dateModified"],
        "lang": article["inLanguage"],
        "topics": article.get("keywords", []),
        "entities": [thing["name"] for thing in article.get("mentions", [])],
        "source": article.get("isBasedOn"),
    }


def facts_of_html(text: str) -> Facts:
    page = Page(text)
    metas = {a["property"]: a["content"] for a, _ in page.all("meta") if "property" in a}
    sources = [attributes["href"] for attributes, _ in page.all("a") if "source" in
               attributes.get("class", "").split()]  # fmt: skip
    return {
        "title": page.all("h1")[0][1],
        "published_at": metas["article:published_time"],
        "updated_at": metas["article:modified_time"],
        "lang": page.all("html")[0][0]["lang"],
        "topics": page.listed("topics"),
        "entities": page.listed("entities"),
        "source": sources[0] if sources else None,
    }


def facts_of_text(text: str) -> Facts:
    title = text.partition("\n")[0]
    foot = text.rpartition("———\n")[2]
    lines = foot.split("\n")
    fields = dict(line.split(": ", 1) for line in lines if re.match(r"[A-Z]\w+: ", line))

    def below(label: str) -> list[str]:
        if label not in lines:
            return []
        rest = lines[lines.index(label) + 1 :]
        return [line[2:] for line in rest[: rest.index("")]]

    return {
        "title": title,
        "published_at": fields["Published"],
        "updated_at": fields["Updated"],
        "lang": fields["Language"],
        "topics": below("Topics:"),
        "entities": below("Entities:"),
        "source": fields.get("Source"),
    }


@given(records())
@settings(max_examples=200)
def test_r06_all_representations_agree_on_the_facts(value: dict[str, Any]) -> None:
    record = clean(parse_record(value))
    expected = facts_of_json(shown(record, "json"))
    assert facts_of_markdown(shown(record, "markdown")) == expected
    assert facts_of_jsonld(shown(record, "jsonld")) == expected
    for found in facts_of_html(shown(record, "html")), facts_of_text(shown(record, "text")):
        for name, fact in expected.items():
            # A page and a line of text show spacing as one space.
            assert _spaced(found[name]) == _spaced(fact), name


def _spaced(fact: Any) -> Any:
    return words(fact) if isinstance(fact, str) else [words(f) for f in fact] if fact else fact


# --- hostile shapes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    ["<div>" * 50_000, "<b>" * 50_000, "> " * 50_000 + "x", "- " * 50_000 + "x", "*a " * 50_000,
     "[" * 50_000, "<b hidden>x" * 20_000, "<!--" * 50_000, "|a" * 20_000],
    ids=lambda body: body[:6],
)  # fmt: skip
def test_a_hostile_shape_is_rendered_in_every_form(body: str) -> None:
    record = story(body_md=body)
    for form in FORMATS:
        assert form.represent(record, links_of(record, SITE))
