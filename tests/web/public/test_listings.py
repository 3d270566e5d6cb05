"""Listings (L-01, L-03): filters, order, pages, search, facets, and what is refused."""

import json
import random
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from app.article.timestamps import format_instant
from tests.support.feed_records import ndjson, numbered_record, record
from tests.support.site import NOW, Site


def ask(site: Site, path: str = "/news.json", **params: Any) -> dict[str, Any]:
    answer = site.client.get(path, params=params or None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def slugs(found: dict[str, Any]) -> list[str]:
    return [item["slug"] for item in found["items"]]


def pages(site: Site, path: str, relation: str = "next") -> list[str]:
    """Follow a listing to its end, and return all slugs in the order of the pages."""
    seen: list[str] = []
    url: str | None = path
    while url:
        found = site.client.get(url.removeprefix("https://wpnews.pro")).json()
        seen += slugs(found) if relation == "next" else slugs(found)[::-1]
        url = found[relation]
    return seen


@pytest.fixture
def many(site: Site) -> Site:
    site.loaded(ndjson(*(numbered_record(number) for number in range(60))))
    return site


def in_order(wanted: Any = lambda _n: True) -> list[str]:
    """Return the slugs of the articles in the order (published_at, id) descending."""
    numbers = sorted(filter(wanted, range(60)), key=lambda n: (n // 2, -n))
    return [f"a{number:03}" for number in numbers]


def test_l01_articles_are_listed_newest_first_then_by_id(
    many: Site,
) -> None:
    assert slugs(ask(many, limit=100)) == in_order()


WALKED = ["", "&topic=tech&topic=china", "&sort=-updated_at&entity=at-t&topic.not=all", "&q=text"]


def test_l01_pages_neither_skip_nor_repeat_in_both_directions(
    many: Site, subtests: pytest.Subtests
) -> None:
    for limit, query in product([1, 7, 60, 61], WALKED):
        with subtests.test(limit=limit, query=query):
            walk(many, limit, query)


def walk(many: Site, limit: int, query: str) -> None:
    """Go through a listing, forth and back."""
    forth = pages(many, f"/news.json?limit={limit}{query}")
    everything = slugs(ask(many, f"/news.json?limit=100{query}"))
    assert forth == everything
    assert len(set(forth)) == len(forth)
    last = many.client.get(f"/news.json?limit={limit}{query}").json()
    while last["next"]:
        last = many.client.get(last["next"].removeprefix("https://wpnews.pro")).json()
    if last["prev"]:
        back = pages(many, last["prev"], "prev")
        assert back[::-1] + slugs(last) == everything


FILTERS: list[tuple[str, Any]] = [
    ("topic=tech", lambda n: n % 3 == 0),
    ("topic=tech&topic=china", lambda n: n % 3 < 2),
    ("topic.all=tech&topic.all=all", lambda n: n % 3 == 0 and n % 2),
    ("topic=tech&topic.not=all", lambda n: n % 3 == 0 and not n % 2),
    ("topic.not=tech", lambda n: n % 3),
    ("entity=at-t", lambda n: n % 5 == 0),
    ("entity=arzte-ohne-grenzen&topic=china", lambda n: n % 5 == 0 and n % 3 == 1),
    ("lang=de", lambda n: n % 4 == 0),
    ("lang.not=de&topic=health", lambda n: n % 4 and n % 3 == 2),
    ("source=x.example", lambda n: n % 2),
    ("lang=DE&lang=de", lambda n: n % 4 == 0),
    ("lang.not=De&source=X.Example", lambda n: n % 4 and n % 2),
    ("source=x.example&source=y.example&lang=en", lambda n: n % 4),
    ("topic=nothing", lambda _n: False),
    ("published_from=2026-06-29T11:50:00Z", lambda n: n // 2 <= 10),
    ("published_to=2026-06-29T11:50:00Z", lambda n: n // 2 > 10),
    (
        "q=text&topic=tech&published_from=2026-06-29T11:50:00Z",
        lambda n: n % 3 == 0 and n // 2 <= 10,
    ),
    ("q=text&published_to=9999-12-31T23:59:59.999999Z", lambda _n: True),
    ("q=text&published_from=0001-01-01", lambda _n: True),
    ("published_to=9999-12-31&published_from=0001-01-01", lambda _n: True),
    ("q=text&lang=de", lambda n: n % 4 == 0),
    ("updated_to=2026-01-01", lambda _n: False),
    ("updated_from=2026-01-01&topic=tech&lang=de", lambda n: n % 3 == 0 and n % 4 == 0),
]


def test_l01_filters_select_exactly_the_matching_articles(
    many: Site, subtests: pytest.Subtests
) -> None:
    for query, wanted in FILTERS:
        with subtests.test(query=query):
            check_filter(many, query, in_order(wanted))


def check_filter(many: Site, query: str, expected: list[str]) -> None:
    found = ask(many, f"/news.json?limit=100&include=total&{query}")
    assert sorted(slugs(found)) == sorted(expected)
    if "q=" not in query:
        assert slugs(found) == expected
    assert found["total"] == {"value": len(expected), "exact": True}
    assert pages(many, f"/news.json?limit=4&{query}") == slugs(found)


def test_l01_relevance_without_a_search_is_the_default_order(site: Site) -> None:
    site.loaded(ndjson(*map(numbered_record, range(3))))
    assert (
        site.client.get("/news.json?sort=relevance").json() == site.client.get("/news.json").json()
    )


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=abc", "limit=", "nonsense=1", "cursor=abc", "cursor=",
        "topic=A%20b", "lang=%21", "source=", "sort=up", "q=a&sort=-updated_at",
        "published_from=yesterday", "published_from=2026-13-01", "fields=secret", "include=all",
        "limit=0000000099", "limit=00000000199999", "limit=000000001" + "9" * 40,
        "limit=000000001" + "9" * 4_500, "limit=1&limit=2", "slug=a&topic=b",
        "slug=..", "source=%00", "topic=%00",
        "entity=%ED%A0%80",
        "published_to=10000-01-01", "q=" + "a" * 301, "&".join(f"topic=t{n}" for n in range(21)),
        "&".join("q=a" for n in range(200)),
    ],
)  # fmt: skip
def test_l01_an_invalid_query_is_400_and_says_what_is_allowed(site: Site, query: str) -> None:
    answer = site.client.get(f"/news.json?{query}")
    assert answer.status_code == 400
    fault = answer.json()["errors"][0]
    assert fault["reason"]


def test_l01_a_cursor_is_valid_for_its_own_listing_only(many: Site) -> None:
    following = ask(many, limit=5)["next"].partition("?")[2]
    cursor = following.rpartition("cursor=")[2]
    other = "B" if cursor[0] == "A" else "A"
    for query in f"topic=tech&cursor={cursor}", f"cursor={other}{cursor[1:]}", f"cursor={cursor}=":
        assert many.client.get(f"/news.json?{query}").status_code == 400
    assert many.client.get(f"/news.json?limit=9&cursor={cursor}").status_code == 200


def test_l01_articles_loaded_while_a_client_pages_are_neither_skipped_nor_repeated(
    many: Site,
) -> None:
    before = slugs(ask(many, limit=100))
    url: str | None = "/news.json?limit=7"
    seen: list[str] = []
    number = 0
    while url:
        found = many.client.get(url.removeprefix("https://wpnews.pro")).json()
        seen += slugs(found)
        url = found["next"]
        number += 1
        fresh = format_instant(NOW - timedelta(hours=number))
        many.loaded(ndjson(record(f"new{number}", published_at=fresh)))
        many.client.delete(f"/admin/articles/a{number:03}", headers=many.authorized)
    assert [slug for slug in seen if slug in before and slug > f"a{number:03}"] == [
        slug for slug in before if slug > f"a{number:03}"
    ]
    assert len(set(seen)) == len(seen)


def test_a_topic_and_an_entity_are_listings_of_their_own(many: Site) -> None:
    assert pages(many, "/topics/tech.json?limit=7") == in_order(lambda n: n % 3 == 0)
    assert pages(many, "/entities/at-t.json?limit=5") == in_order(lambda n: n % 5 == 0)
    assert ask(many, "/topics/tech.json", topic="all", limit=100)["filters"] == {
        "topic": ["all"], "topic.all": ["tech"],
    }  # fmt: skip
    for path in (
        "/topics/none.json", "/entities/none", "/topics/A%20b", "/topics/x.json/y",
        "/topics/.json", "/entities/.rss", "/topics/.md?topic=tech",
    ):  # fmt: skip
        assert many.client.get(path).status_code == 404


def test_facets_count_the_selected_articles(many: Site) -> None:
    whole = ask(many, include="facets")["facets"]
    assert whole["counted"] == 60
    assert whole["exact"]
    counts = {name: {c["value"]: c["articles"] for c in of} for name, of in whole["terms"].items()}
    assert counts["topic"] == {"tech": 20, "china": 20, "health": 20, "all": 30}
    assert counts["lang"] == {"de": 15, "en": 45}
    assert counts["month"] == {"2026-06": 60}
    assert counts["entity"] == {"at-t": 12, "arzte-ohne-grenzen": 12}
    part = ask(many, include="facets", topic="tech", lang="de")["facets"]
    assert part["counted"] == 5
    assert {c["value"]: c["articles"] for c in part["terms"]["topic"]} == {"tech": 5}


def test_articles_are_requested_by_slugs_and_missing_ones_are_reported(many: Site) -> None:
    many.client.delete("/admin/articles/a001", headers=many.authorized)
    patch = {"slug": "elsewhere"}
    moved = many.client.patch("/admin/articles/a002", json=patch, headers=many.authorized)
    assert moved.status_code == 200
    found = ask(many, "/news.json?slug=a005&slug=a001&slug=a002&slug=nix&slug=a000")
    assert slugs(found) == ["a005", "a000"]
    assert found["missing"] == [
        {"slug": "a001", "status": 410, "url": None},
        {"slug": "a002", "status": 308, "url": "https://wpnews.pro/news/elsewhere"},
        {"slug": "nix", "status": 404, "url": None},
    ]


def test_fields_and_include_select_the_fields_of_items(many: Site) -> None:
    assert ask(many, fields="slug,title", limit=1)["items"][0].keys() == {"slug", "title"}
    assert "body_md" not in ask(many, limit=1)["items"][0]
    assert ask(many, limit=1, include="body")["items"][0]["body_md"].startswith("# ")


def test_the_ndjson_twin_streams_all_records(many: Site) -> None:
    lines = many.client.get("/news.ndjson").text.splitlines()
    assert [json.loads(line)["slug"] for line in lines] == in_order()
    assert json.loads(lines[0])["body_md"]
    some = many.client.get("/topics/tech.ndjson?fields=slug").text.splitlines()
    assert [json.loads(line) for line in some] == [
        {"slug": slug} for slug in in_order(lambda n: n % 3 == 0)
    ]


def test_an_unchanged_listing_is_304_and_costs_no_query(many: Site) -> None:
    first = many.client.get("/news.json?topic=tech")
    headers = {"If-None-Match": first.headers["etag"]}
    again = many.client.get("/news.json?topic=tech", headers=headers)
    assert again.status_code == 304
    assert again.content == b""
    many.loaded(ndjson(numbered_record(99, topics=["tech"])))
    assert many.client.get("/news.json?topic=tech", headers=headers).status_code == 200


# --- search ------------------------------------------------------------------------------------


@pytest.fixture
def searched(site: Site) -> Site:
    texts = {
        "title": ("The election of a mayor", "Nothing", "Nothing."),
        "summary": ("Quiet day", "An election came", "Nothing."),
        "body": ("Busy day", "Nothing", "They held **elections** in Größe, at AT&T."),
        "none": ("No news", "Nothing", "Nothing at all."),
        "chinese": ("东京塔的新闻", "", "我们在东京塔看到了新闻。"),
    }
    days = {name: number for number, name in enumerate(["none", "body", "summary", "title"])}
    site.loaded(
        ndjson(
            *(
                record(
                    slug, title=title, summary=summary, body_md=body,
                    lang="zh" if slug == "chinese" else "en",
                    published_at=format_instant(NOW - timedelta(days=9 + days.get(slug, 0))),
                )
                for slug, (title, summary, body) in texts.items()
            )
        )
    )  # fmt: skip
    return site


SEARCHES = [
    ("election", ["title", "summary", "body"]),
    ("Elections", ["title", "summary", "body"]),
    ("elec*", ["title", "summary", "body"]),
    ('"the election"', ["title"]),
    ('"election the"', []),
    ("election -mayor", ["summary", "body"]),
    ("grosse", ["body"]),
    ("GRÖSSE", ["body"]),
    ("at&t", ["body"]),
    ("京塔", ["chinese"]),
    ("塔京", []),
    ("election nothing", ["title", "body", "summary"]),
    ("-election", []),
    ("???", []),
    ('" OR title:*', []),
]


def test_l03_a_search_ranks_the_title_first(searched: Site, subtests: pytest.Subtests) -> None:
    for q, found in SEARCHES:
        with subtests.test(q=q):
            assert slugs(ask(searched, q=q)) == found


def test_l03_highlights_have_no_markup_but_mark(site: Site) -> None:
    site.loaded(
        ndjson(record(title="<b>Elections</b> & more", body_md="x " * 400 + "elected, <i>"))
    )
    found = ask(site, q="election more")["items"][0]["highlights"]
    assert found["title"] == "&lt;b&gt;<mark>Elections</mark>&lt;/b&gt; &amp; <mark>more</mark>"


def test_i16_hidden_text_is_not_searchable(site: Site) -> None:
    site.loaded(ndjson(record(body_md="Seen <!-- unseen --> and pro\u200bmise.")))
    assert slugs(ask(site, q="seen promise")) == ["a"]
    assert slugs(ask(site, q="unseen")) == []


def test_l03_a_corrected_article_is_found_by_its_new_words_only(site: Site) -> None:
    site.loaded(ndjson(record(title="Apples")))
    site.loaded(ndjson(record(title="Pears", updated_at=format_instant(NOW))))
    assert slugs(ask(site, q="pears")) == ["a"]
    assert slugs(ask(site, q="apples")) == []
    site.client.delete("/admin/articles/a", headers=site.authorized)
    assert slugs(ask(site, q="pears")) == []


# --- vocabularies, and what is related ----------------------------------------------------------


def test_topics_and_entities_are_counted_and_found_by_prefix(many: Site) -> None:
    topics = ask(many, "/topics.json", sort="-articles")["items"]
    assert [(each["slug"], each["articles"]) for each in topics] == [
        ("all", 30), ("tech", 20), ("health", 20), ("china", 20),
    ]  # fmt: skip
    assert topics[1]["latest"] == "2026-06-29T12:00:00Z"
    found = ask(many, "/entities.json", prefix="är")["items"]
    assert [(each["slug"], each["name"]) for each in found] == [
        ("arzte-ohne-grenzen", "Ärzte ohne Grenzen")
    ]
    assert ask(many, "/entities.json", prefix="arz")["items"] == found
    seen: list[str] = []
    url: str | None = "/topics.json?limit=1"
    while url:
        page = many.client.get(url.removeprefix("https://wpnews.pro")).json()
        seen += [each["slug"] for each in page["items"]]
        url = page["next"]
    assert seen == ["all", "china", "health", "tech"]
    assert "Ärzte ohne Grenzen" in many.client.get("/entities").text
    long = "limit=000000001" + "9" * 4_500
    refused = "limit=0", "sort=up", "x=1", "after=%21", "limit=1&limit=1", "limit=0001", long
    for query in *refused, "after=unheard-of", "after=unheard-of&sort=-articles":
        assert many.client.get(f"/topics.json?{query}").status_code == 400


def test_entities_whose_names_give_the_same_slug_get_different_slugs(site: Site) -> None:
    site.loaded(ndjson(record(entities=["AT&T", "AT T", "!!!", "???"])))
    found = ask(site, "/entities.json")["items"]
    assert len({each["slug"] for each in found}) == 4
    for each in found:
        assert slugs(ask(site, f"/entities/{each['slug']}.json")) == ["a"]


def test_articles_that_share_the_rarest_terms_are_most_related(site: Site) -> None:
    site.loaded(
        ndjson(
            record("a", topics=["all"], entities=["Rare", "Also"]),
            record("b", topics=["all"], entities=["Rare"]),
            record("c", topics=["all"], entities=["Also", "Rare"]),
            *(record(f"d{number}", topics=["all"]) for number in range(9)),
            record("e", topics=["other"]),
        )
    )
    found = slugs(ask(site, "/news/a/related.json"))
    assert found[:2] == ["c", "b"]
    assert "e" not in found
    assert "a" not in found
    assert site.client.get("/news/none/related").status_code == 404
    site.client.patch("/admin/articles/b", json={"slug": "moved"}, headers=site.authorized)
    site.client.delete("/admin/articles/c", headers=site.authorized)
    led = site.client.get("/news/b/related.json")
    assert led.status_code == 308
    assert led.headers["location"] == "/news/moved/related.json"
    assert site.client.get("/news/c/related").status_code == 410


def test_l03_a_text_of_many_long_words_is_stored_and_its_beginning_searched(site: Site) -> None:
    chance = random.Random(3)  # noqa: S311 - the same text each time
    letters = "абвгдежзиклмнопрстуфхцчшщэюя"
    words = ["".join(chance.choices(letters, k=36)) + "ами" for _ in range(4_000)]
    long = " ".join(words)
    report = site.loaded(ndjson(record(title=long, summary=long, body_md=long, lang="ru")))
    assert report["summary"]["created"] == 1
    assert slugs(ask(site, q=words[0])) == ["a"]
