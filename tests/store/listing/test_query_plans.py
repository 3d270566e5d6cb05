"""What a listing costs (L-01), and that a search finds the same on both databases (L-03)."""

import json
import random
from collections.abc import Callable
from datetime import timedelta
from threading import current_thread
from typing import Any

import pytest
from sqlalchemy import event

from app.article.timestamps import format_instant
from tests.support.feed_records import ndjson, record
from tests.support.site import DEPTH, NOW, Site, reset_site

STEMS = ["elect", "market", "vaccin", "climat", "robot", "storm", "bank"]
ENDINGS = ["", "s", "ion", "ions", "ed", "e", "es"]
OTHERS = [
    "Größe",
    "naïve",
    "AT&T",
    "東京塔",
    "新聞社",
    "Выборы",
    "выборов",
    "ÅNGSTRÖM",
    "e-mail",
    "x2",
]


SEARCHED = 120 * DEPTH


def statements(site: Site, path: str) -> list[tuple[str, Any]]:
    """Return the statements with which `path` is answered, and their parameters."""
    found: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        # The thread that follows the change feed asks, too.
        if statement.startswith("SELECT") and current_thread().name != "follower":
            found.append((statement, parameters))

    engines = {site.database.engine, site.database._autocommit_engine}  # noqa: SLF001 - a page is asked by either
    for engine in engines:
        event.listen(engine, "before_cursor_execute", keep)
    try:
        assert site.client.get(path).status_code == 200
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", keep)
    assert found
    return found


def plan(site: Site, statement: str, parameters: Any) -> str:
    """Return how the database would answer, were the tables too large to be read through."""
    with site.database.reading() as session:
        connection = session.connection()
        if site.database.embedded:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return "\n".join(row[3] for row in rows)
        for setting in "enable_seqscan", "enable_sort", "enable_bitmapscan":
            connection.exec_driver_sql(f"SET LOCAL {setting} = off")
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        return "\n".join(row[0] for row in rows)


PATHS = [
    "/news.json", "/news.json?sort=-updated_at", "/news.json?sort=published_at",
    "/news.json?topic.all=x&topic.all=y&entity.not=f",
    "/topics/x.json", "/entities/e.json", "/news.json?lang=en", "/news.json?source=e.com",
    "/news.json?topic=x&lang=en&topic.not=z", "/news.json?published_from=2026-01-01",
]  # fmt: skip


def test_l01_no_page_scans_or_sorts_a_whole_table(site: Site, subtests: pytest.Subtests) -> None:
    site.loaded(
        ndjson(
            *(
                record(
                    f"a{n}",
                    topics=["x", "y", *(["z"] if n % 5 else [])],
                    entities=["E", *(["F"] if n % 2 else [])],
                    canonical_source=f"https://e.com/{n}",
                )
                for n in range(30)
            )
        )
    )
    for path in PATHS:
        with subtests.test(path=path):
            check_plans(site, path)


def check_plans(site: Site, path: str) -> None:
    """Look at the plans of a first page, and of the page behind it."""
    for query in "", "cursor":
        asked = path
        if query:
            following = site.client.get(path + ("&" if "?" in path else "?") + "limit=5").json()
            asked = following["next"].removeprefix("https://wpnews.pro")
        for statement, parameters in statements(site, asked):
            found = plan(site, statement, parameters)
            read = [line for line in found.splitlines() if "SCAN article" in line]
            assert all("INDEX" in line for line in read), f"{statement}\n{found}"
            assert "Seq Scan on article" not in found, f"{statement}\n{found}"
            # What is asked of an article on the way is found by the article: a term may have many.
            inner = (
                found.partition("CORRELATED SCALAR SUBQUERY")[2] if "EXISTS" in statement else ""
            )
            assert "topic_id=?" not in inner, f"{statement}\n{found}"
            assert "entity_id=?" not in inner, f"{statement}\n{found}"
            if " LIMIT " in statement:
                assert "USE TEMP B-TREE" not in found, f"{statement}\n{found}"
                assert "Sort" not in found, f"{statement}\n{found}"


def test_l03_both_databases_find_the_same_articles(shared_site: Callable[[str], Site]) -> None:
    chance = random.Random(7)  # noqa: S311 - the same texts each time

    def word() -> str:
        if chance.random() < 0.2:
            return chance.choice(OTHERS)
        return chance.choice(STEMS) + chance.choice(ENDINGS)

    def text(count: int) -> str:
        return " ".join(word() for _ in range(count))

    feed = ndjson(
        *(
            record(
                f"a{n}", title=text(4), summary=text(8), body_md=text(30),
                lang=chance.choice(["en", "de", "ru", "ja", "tlh"]),
                published_at=format_instant(NOW - timedelta(days=9, minutes=chance.randrange(20))),
            )
            for n in range(60)
        )
    )  # fmt: skip
    queries = []
    for _ in range(SEARCHED):
        parts = [word() for _ in range(chance.choice([1, 1, 2, 2, 3]))]
        kind = chance.randrange(6)
        if kind == 0:
            parts = [f'"{" ".join(parts)}"']
        elif kind == 1:
            parts[-1] = parts[-1][:4] + "*"
        elif kind == 2:
            parts.append("-" + word())
        queries.append(" ".join(parts))
    answers = []
    for kind_of_database in "sqlite", "postgresql":
        site = shared_site(kind_of_database)
        reset_site(site)
        site.loaded(feed)
        found = [site.client.get("/news.json", params={"q": q, "limit": 100}) for q in queries]
        assert {each.status_code for each in found} == {200}
        shown = (json.loads(each.text)["items"] for each in found)
        answers.append([[item["slug"] for item in items] for items in shown])
    assert answers[0] == answers[1]
    assert sum(map(bool, answers[0])) > SEARCHED // 2
