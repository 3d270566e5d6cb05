"""What the benchmarks stand on: their articles are articles, and what they compare with answers."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import datetime
from importlib import import_module
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine

from app.article.record import parse_record
from app.database.transactions import Database
from app.representations.article import FORMATS
from app.store import public_index
from benchmarks import afternoon, synthetic
from benchmarks.afternoon_tables import ArticleIn, Base
from benchmarks.cases import (
    AFTERNOON,
    CONSTANT,
    LIMIT,
    REPRESENTATIONS,
    SLUGLINE,
    Case,
    seed,
    synthetic_one,
)
from benchmarks.constant import constant
from benchmarks.databases import TABLES, Databases, PostgreSQL, SQLite, counts
from benchmarks.exchange import Answer, Ask
from benchmarks.feeds import Feed, LargeFeed, write
from benchmarks.filling import fill
from benchmarks.growing import Pages
from benchmarks.limit import limit
from benchmarks.load_cases import BUSY, FEW, GZIP, MANY, PLAIN, QUIET
from benchmarks.load_claims import load_claims
from benchmarks.loading import (
    BY_HAND,
    GROWTH_POSTGRESQL,
    GROWTH_SQLITE,
    LARGE,
    LOADING,
    POSTGRESQL,
    READERS,
    SQLITE,
    Loads,
    Run,
)
from benchmarks.measuring import Measured, turns
from benchmarks.plans import make_plan
from benchmarks.posting import gzipped
from benchmarks.ratios import claims
from benchmarks.report import report
from benchmarks.verifying import (
    WrongAnswerError,
    check_counts,
    check_other,
    check_size,
    shortfall,
)
from benchmarks.wrk import Sample
from tests.support.paths import ROOT
from tests.support.site import Site
from tests.support.snapshots import assert_catalogued, words_in


def feed(number: int) -> bytes:
    return b"".join(synthetic.lines(number))


def test_synthetic_records_are_the_same_in_every_run_and_others_with_another_seed() -> None:
    assert list(synthetic.records(20)) == list(islice(synthetic.records(40), 20))
    assert list(synthetic.records(5)) != list(synthetic.records(5, seed=1))


def test_synthetic_records_are_valid_and_unique_and_of_the_size_of_a_real_one() -> None:
    lines = list(synthetic.lines(200))
    records = [parse_record(json.loads(line)) for line in lines]
    assert len({record.slug for record in records}) == 200
    assert len({record.canonical_key for record in records}) == 200
    assert len({record.published_at for record in records}) > 190
    assert not any(record.extra for record in records)
    assert 3_500 < sum(map(len, lines)) / 200 < 4_500
    assert all(2_000 < len(line) < 6_000 for line in lines)


def test_some_synthetic_topics_are_common_and_most_are_rare() -> None:
    topics = [topic for record in synthetic.records(300) for topic in parse_record(record).topics]
    counts = sorted((topics.count(topic) for topic in set(topics)), reverse=True)
    assert counts[0] > 10 * counts[len(counts) // 2]


def test_synthetic_markdown_has_what_real_markdown_has() -> None:
    bodies = "\n".join(parse_record(record).body_md for record in synthetic.records(20))
    for sign in "# ", "\n## ", "\n- ", "\n> ", "](https://", "**", " *", "“", "’":
        assert sign in bodies, sign


def test_the_generator_is_a_command() -> None:
    command = [sys.executable, "benchmarks/synthetic.py", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == feed(3)


def test_the_afternoon_version_loads_and_answers_in_every_form(tmp_path: Path) -> None:
    article = seed()
    real = article.feed.replace(b"\n", b"") + b"\n"
    path = f"/news/{article.slug}"
    with TestClient(afternoon.create_app(f"sqlite:///{tmp_path / 'afternoon.db'}")) as client:
        assert client.post("/load", content=feed(5) + real).json() == {"created": 6}
        assert client.post("/load", content=feed(6)).json() == {"updated": 5, "created": 1}
        for media_type, suffix in REPRESENTATIONS.values():
            answers = [client.get(path, headers={"Accept": media_type})]
            answers += [client.get(path + suffix)] if suffix else []
            for answer in answers:
                assert answer.status_code == 200
                assert answer.headers["content-type"].startswith(media_type)
                assert article.title in answer.text
        entities = client.get(f"{path}.json").json()["entities"]
        assert entities == json.loads(article.feed)["entities"]
        assert client.get("/news/unknown").status_code == 404
        for media_type in "application/json", "text/html":
            listing = client.get("/news", headers={"Accept": media_type})
            assert listing.headers["content-type"].startswith(media_type)
            assert article.title in listing.text
        found = client.get("/news?q=biotech", headers={"Accept": "application/json"}).json()
        assert [item["slug"] for item in found["items"]] == [article.slug]
        first = synthetic_one()
        (item, *_) = client.get(first.listing, headers={"Accept": "application/json"}).json()[
            "items"
        ]
        assert item["slug"] == first.slug


def test_filling_at_once_gives_what_the_loader_gives(tmp_path: Path) -> None:
    one, other = (f"sqlite:///{tmp_path / name}" for name in ("one.db", "other.db"))
    engine = create_engine(other)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        fill(connection, map(ArticleIn.model_validate_json, synthetic.lines(3)))
    engine.dispose()
    with (
        TestClient(afternoon.create_app(one)) as loaded,
        TestClient(afternoon.create_app(other)) as filled,
    ):
        loaded.post("/load", content=feed(3))
        for record in synthetic.records(3):
            path = f"/news/{record['slug']}.json"
            assert filled.get(path).json() == loaded.get(path).json()


def test_the_limit_and_the_constant_send_what_was_captured() -> None:
    fields = (("content-type", "application/json"), ("etag", '"x"'), ("content-length", "7"))
    captured = Answer(200, (*fields, ("date", "yesterday")), b'{"a":1}', 0)
    bare = TestClient(limit(captured), base_url="http://127.0.0.1").get("/anything")
    assert bare.content == captured.body
    assert tuple(bare.headers.items()) == fields
    plain = TestClient(constant(captured)).get("/news/anything")
    assert plain.json() == {"a": 1}


def test_the_representations_that_are_measured_are_all_there_are() -> None:
    assert {form.name: (form.media_type, form.suffix) for form in FORMATS} == REPRESENTATIONS


def test_contenders_take_turns_in_a_rotated_order() -> None:
    assert "".join(turns("ABC", 4)) == "ABCBCACABABC"


def answer(status: int = 200, body: bytes = b"A title", **fields: str) -> Answer:
    headers = {"content-type": "text/html; charset=utf-8", **fields}
    return Answer(status, tuple((n.replace("_", "-"), v) for n, v in headers.items()), body, 100)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (answer(404), "status"),
        (answer(body=b"Another"), "body"),
        (answer(etag="y"), "etag"),
    ],
)
def test_what_is_not_the_answer_is_not_timed(given: Answer, reason: str) -> None:
    with pytest.raises(WrongAnswerError, match=reason):
        check_other(LIMIT, given, answer(etag="x"), "A title")
    with pytest.raises(WrongAnswerError, match="under load"):
        check_size(LIMIT, 80, given, 0.05)


def test_what_slugline_does_not_do_is_said_and_not_taken_for_it() -> None:
    coded = Case("gzip-html", "coded", Ask("/"), (), coding="gzip")
    unmodified = Case("304-html", "unmodified", Ask("/"), (), status=304)
    assert "NOT COMPRESSED" in str(shortfall(coded, answer()))
    assert shortfall(coded, answer(content_encoding="gzip")) is None
    assert "NOT ANSWERED WITH 304" in str(shortfall(unmodified, answer()))
    assert shortfall(unmodified, answer(304)) is None
    with pytest.raises(WrongAnswerError):
        shortfall(coded, answer(500))
    with pytest.raises(WrongAnswerError):
        shortfall(coded, answer(content_encoding="br"))


def test_a_claim_is_judged_by_its_worst_case_and_fails_where_none_was_measured() -> None:
    def sample(rate: float) -> Sample:
        return Sample(requests=1, seconds=1, rate=rate, p50=1, p99=1, size=1, cpu=1)

    def measured(name: str, slugline: float) -> Measured:
        rates = {LIMIT: 100, SLUGLINE: slugline, CONSTANT: 10, AFTERNOON: 1}
        samples = {contender: [sample(1)] for contender in rates}
        beside = {contender: [rate / 100] for contender, rate in rates.items()}
        del beside[LIMIT]
        return Measured(Case(name, "hot", Ask("/"), tuple(rates)), samples, beside)

    good, bad = measured("hot-html", 90), measured("hot-json", 20)
    assert [claim.holds for claim in claims([good])] == [True, True, True, *[None] * 4]
    assert [claim.holds for claim in claims([good, bad])] == [False, False, False, *[None] * 4]
    unmeasured = Measured(good.case, failure="it broke")
    assert [claim.holds for claim in claims([unmeasured])] == [False, False, False, *[None] * 4]


@pytest.fixture
def kept(database_url: str) -> Databases:
    """The databases of the benchmarks, of which there is one, whatever its name."""
    if database_url.startswith("sqlite"):
        path = Path(database_url.removeprefix("sqlite:///"))
        return SQLite(path.parent)
    return PostgreSQL(database_url, os.getpid())


def load_by_hand(
    kept: Databases, database: Database, feed: Feed, *, in_this_process: bool = False
) -> None:
    place = database.url.database if database.embedded else kept.place("any")
    arguments = [str(place), str(feed.path)]
    if in_this_process:  # to start another takes longer than to load
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out:
            patch.setattr(sys, "argv", [kept.by_hand, *arguments])
            import_module(kept.by_hand).main()
        told = out.getvalue()
    else:
        command = [sys.executable, "-m", kept.by_hand, *arguments]
        told = subprocess.check_output(command, cwd=ROOT, text=True)
    assert json.loads(told)["records"] == feed.records


def words_of(database: Database) -> list[Any]:
    """Return the index of words, word by word."""
    found = "SELECT key, title::text, head::text, whole::text FROM article_words ORDER BY key"
    with database.reading() as session:
        connection = session.connection()
        return (
            words_in(connection) if database.embedded else list(connection.exec_driver_sql(found))
        )


def name_of(database: Database) -> str:
    return Path(database.url.database or "").stem


def test_what_is_loaded_by_hand_is_what_slugline_loads(
    kept: Databases, site: Site, tmp_path: Path
) -> None:
    feed = write(tmp_path / "feed.ndjson", 510)
    load_by_hand(kept, site.database, feed, in_this_process=True)
    assert counts(kept, name_of(site.database)) == feed.facts
    by_hand = words_of(site.database)
    assert_catalogued(site.database)
    with site.database.writing() as session:
        public_index.rebuild(session, site.clock())
    assert words_of(site.database) == by_hand
    for record in islice(synthetic.records(510), 498, 502):
        article = site.get(f"/news/{record['slug']}.json").json()
        for name, value in record.items():
            if name.endswith("_at"):
                assert datetime.fromisoformat(article[name]) == datetime.fromisoformat(str(value))
            elif name not in {"url", "alternates"}:
                assert article[name] == value
    changed = site.loaded(b"".join(synthetic.lines(3)))["summary"]
    assert changed["conflict"] == 3  # the digests are others, but not the instants and the keys
    load_by_hand(kept, site.database, feed, in_this_process=True)
    assert counts(kept, name_of(site.database)) == {
        **feed.facts, "changes": 1_020, "load_results": 1_023,
    }  # fmt: skip


def test_multiplied_articles_are_articles_beside_which_others_find_room(
    kept: Databases, database: Database, open_site: Callable[[], Site], tmp_path: Path
) -> None:
    feed = write(tmp_path / "feed.ndjson", 20)
    load_by_hand(kept, database, feed.part(0, 10))
    kept.multiply(name_of(database), 10, 50)
    rows = counts(kept, name_of(database))
    site = open_site()
    assert {rows[table] for table in ("articles", "changes", "load_results")} == {50}
    with site.database.reading() as session:
        slugs = set(session.connection().exec_driver_sql("SELECT slug FROM articles").scalars())
    assert len(slugs) == 50
    originals = {str(record["slug"]) for record in synthetic.records(10)}
    titles = {site.get(f"/news/{slug}.json").json()["title"] for slug in slugs - originals}
    assert titles == {record["title"] for record in synthetic.records(10)}
    assert site.loaded(feed.path.read_bytes())["summary"]["created"] == 10


def test_a_large_feed_has_as_many_records_as_it_says_and_no_two_of_one_slug() -> None:
    large = LargeFeed(5_000_000)
    lines = b"".join(large).splitlines(keepends=True)
    assert len(lines) == large.records
    assert 4_800_000 < sum(map(len, lines)) < 5_300_000
    records = [parse_record(json.loads(line)) for line in lines]
    assert len({record.slug for record in records}) == large.records
    assert len({record.canonical_key for record in records}) == large.records
    assert gzip.decompress(b"".join(gzipped(large))) == b"".join(lines)


def test_a_loader_that_does_less_fails() -> None:
    wanted = dict.fromkeys(TABLES, 3)
    check_counts(wanted, wanted)
    with pytest.raises(WrongAnswerError, match="article_topics"):
        check_counts({**wanted, "article_topics": 2}, wanted)


def loads(
    *, records: int = 60, added: float = 50, p99: float = 200, page: float = 10
) -> list[Loads]:
    def run(number: int) -> Run:
        return Run(records=number, seconds=1, cpu=1, added=added)

    def read(slowest: float) -> Sample:
        return Sample(requests=1, seconds=1, rate=1, p50=1, p99=slowest, size=1, cpu=1)

    against = {SLUGLINE: [run(records)], BY_HAND: [run(100)], AFTERNOON: [run(20)]}
    grown = {FEW: [run(100)], MANY: [run(records + 10)]}
    pages = {"first page": Pages([9], [9]), "two words": Pages([9, 9, 9], [page, 0, 99])}
    return [
        Loads(SQLITE, against),
        Loads(LARGE, {PLAIN: [run(1)], GZIP: [run(1)]}),
        Loads(READERS, reads={QUIET: [read(100)], BUSY: [read(p99)]}),
        Loads(GROWTH_SQLITE, grown, pages=pages),
        Loads(POSTGRESQL, against),
        Loads(GROWTH_POSTGRESQL, grown, pages=pages),
    ]


def test_each_claim_of_loading_is_judged_and_fails_where_it_was_not_measured() -> None:
    assert [claim.holds for claim in load_claims(loads())] == [True] * 8
    worse = loads(records=40, added=101, p99=500, page=51)
    assert [claim.holds for claim in load_claims(worse)] == [False] * 8
    assert [claim.holds for claim in load_claims([])] == [None] * 8
    broken = [Loads(name, failure="it broke") for name in LOADING]
    assert [claim.holds for claim in load_claims(broken)] == [False] * 8


@pytest.mark.parametrize("failed", [(), LOADING, LOADING[:1], LOADING[2:4]])
def test_a_load_that_was_not_measured_is_in_the_report_and_does_not_break_it(
    failed: tuple[str, ...],
) -> None:
    measured = [
        Loads(one.name, failure="it broke") if one.name in failed else one for one in loads()
    ]
    text = report([], None, measured, make_plan(quick=True, only=("loading",)), {})
    for name in failed:
        assert f"**{name} FAILED**: it broke" in text
    for one in measured:
        for contender in one.runs:
            assert f"| {one.name} | {contender} |" in text
        for question in one.pages:
            assert f"| {one.name} | {question} |" in text
    assert (f"| {BUSY} |" in text) == (READERS not in failed)
