"""The benchmarks: their records are valid articles, and the contenders do the same job."""

import gzip
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import datetime
from importlib import import_module
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import uvicorn
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from app.article.record import parse_record
from app.cli.serve import serve
from app.database import fulltext_index
from app.database.tables import Article
from app.database.transactions import Database
from app.representations.article import FORMATS
from app.store import public_index
from app.store.articles import current_states
from benchmarks import synthetic
from benchmarks.__main__ import CLAIMS
from benchmarks.articles import article, seed
from benchmarks.bench import FULL, REPRESENTATIONS, BenchmarkError
from benchmarks.client import Request, Response, gzipped
from benchmarks.compare import LIMIT, SLUGLINE, Comparison, rotated, same_article, same_response
from benchmarks.contenders import afternoon
from benchmarks.contenders.constant import constant
from benchmarks.contenders.limit import limit
from benchmarks.databases import TABLES, count_rows, multiply
from benchmarks.loads import Feed, check_rows
from benchmarks.report import failures, report
from benchmarks.results import Claim, Ratio, Result, Table, at_least, at_most
from benchmarks.servers import UVICORN_OPTIONS
from benchmarks.synthetic import LargeFeed
from benchmarks.wrk import parse
from tests.support.site import Site
from tests.support.snapshots import assert_public_index_is_complete, index_rows


def lines(count: int) -> bytes:
    return b"".join(map(synthetic.line, synthetic.records(count)))


def write_feed(path: Path, count: int) -> Feed:
    path.write_bytes(lines(count))
    return Feed(path)


# --- what is loaded and requested --------------------------------------------------------------


def test_synthetic_records_are_repeatable_and_differ_by_seed() -> None:
    assert list(synthetic.records(20)) == list(islice(synthetic.records(40), 20))
    assert list(synthetic.records(5)) != list(synthetic.records(5, seed=1))


def test_synthetic_records_are_valid_and_unique_and_as_large_as_a_real_one() -> None:
    encoded = list(map(synthetic.line, synthetic.records(200)))
    records = [parse_record(json.loads(line)) for line in encoded]
    assert len({record.slug for record in records}) == 200
    assert len({record.canonical_key for record in records}) == 200
    assert len({record.published_at for record in records}) > 190
    assert not any(record.extra for record in records)
    assert 3_500 < sum(map(len, encoded)) / 200 < 4_500
    assert all(2_000 < len(line) < 6_000 for line in encoded)


def test_some_synthetic_topics_are_common_and_most_are_rare() -> None:
    topics = [topic for record in synthetic.records(300) for topic in parse_record(record).topics]
    counts = sorted((topics.count(topic) for topic in set(topics)), reverse=True)
    assert counts[0] > 10 * counts[len(counts) // 2]


def test_synthetic_markdown_has_the_elements_of_real_markdown() -> None:
    bodies = "\n".join(parse_record(record).body_md for record in synthetic.records(20))
    for element in "# ", "\n## ", "\n- ", "\n> ", "](https://", "**", " *", "“", "’":
        assert element in bodies, element


def test_a_large_feed_yields_the_declared_number_of_unique_records() -> None:
    large = LargeFeed(5_000_000)
    encoded = b"".join(large).splitlines(keepends=True)
    assert len(encoded) == large.records
    assert 4_800_000 < sum(map(len, encoded)) < 5_300_000
    records = [parse_record(json.loads(line)) for line in encoded]
    assert len({record.slug for record in records}) == large.records
    assert len({record.canonical_key for record in records}) == large.records
    assert gzip.decompress(b"".join(gzipped(large))) == b"".join(encoded)


def test_the_measured_representations_are_all_there_are() -> None:
    assert {form.name: (form.media_type, form.suffix) for form in FORMATS} == REPRESENTATIONS


# --- contenders --------------------------------------------------------------------------------


def test_the_afternoon_version_loads_and_answers_in_every_form(tmp_path: Path) -> None:
    hot = article(seed())
    real = synthetic.line(seed())
    with TestClient(afternoon.create_app(f"sqlite:///{tmp_path / 'afternoon.db'}")) as client:
        assert client.post("/load", content=lines(5) + real).json() == {"created": 6}
        assert client.post("/load", content=lines(6)).json() == {"updated": 5, "created": 1}
        for media_type, suffix in REPRESENTATIONS.values():
            responses = [client.get(hot.path, headers={"Accept": media_type})]
            responses += [client.get(hot.path + suffix)] if suffix else []
            for response in responses:
                assert response.status_code == 200
                assert response.headers["content-type"].startswith(media_type)
                assert hot.title in response.text
        assert client.get(f"{hot.path}.json").json()["entities"] == seed()["entities"]
        assert client.get("/news/unknown").status_code == 404
        for media_type in "application/json", "text/html":
            listing = client.get("/news", headers={"Accept": media_type})
            assert listing.headers["content-type"].startswith(media_type)
            assert hot.title in listing.text
        accept = {"Accept": "application/json"}
        found = client.get("/news?q=biotech", headers=accept).json()
        assert [item["slug"] for item in found["items"]] == [hot.slug]
        first = article(next(synthetic.records(1)))
        (item, *_) = client.get(first.listing, headers=accept).json()["items"]
        assert item["slug"] == first.slug


def test_the_limit_and_the_constant_send_the_captured_response() -> None:
    fields = [("content-type", "application/json"), ("etag", '"x"'), ("content-length", "7")]
    captured = Response(200, [*fields, ("date", "yesterday")], b'{"a":1}', 0)
    captured = Response.from_json(captured.to_json())
    bare = TestClient(limit(captured), base_url="http://127.0.0.1").get("/anything")
    assert bare.content == captured.body
    assert list(bare.headers.items()) == fields
    plain = TestClient(constant(captured)).get("/news/anything")
    assert plain.json() == {"a": 1}


def test_contenders_get_the_uvicorn_settings_of_slugline_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUGLINE_DATABASE_URL", f"sqlite:///{tmp_path / 'any.db'}")
    with mock.patch.object(uvicorn, "run") as run:
        serve(host="127.0.0.1", port=0, workers=1)
    with mock.patch.object(uvicorn.main, "callback") as command:
        uvicorn.main(["any:app", *UVICORN_OPTIONS], standalone_mode=False)
    own = {"factory", "http", "host", "port", "workers"}
    settings = {name: run.call_args.kwargs[name] for name in run.call_args.kwargs.keys() - own}
    assert {name: command.call_args.kwargs[name] for name in settings} == settings


def run_by_hand(url: str, feed: Feed) -> None:
    """Run the loader written by hand in this process."""
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    module = import_module(f"benchmarks.contenders.by_hand_{kind}")
    arguments = [module.__name__, url.removeprefix("sqlite:///"), str(feed.path)]
    with mock.patch.object(sys, "argv", arguments), redirect_stdout(StringIO()) as out:
        module.main()
    assert json.loads(out.getvalue())["records"] == len(feed.records)


def index_contents(database: Database) -> list[Any]:
    """Return the contents of the full-text index."""
    query = "SELECT key, title::text, head::text, whole::text FROM article_words ORDER BY key"
    with database.reading() as session:
        connection = session.connection()
        if database.embedded:
            return index_rows(connection)
        return list(connection.exec_driver_sql(query))


def test_the_loader_written_by_hand_writes_the_rows_that_slugline_writes(
    site: Site, tmp_path: Path
) -> None:
    feed, url = write_feed(tmp_path / "feed.ndjson", 510), site.settings.database_url
    run_by_hand(url, feed)
    assert count_rows(url) == feed.expected_rows()
    by_hand = index_contents(site.database)
    assert_public_index_is_complete(site.database)
    with site.database.writing() as session:
        states = current_states(session, session.scalars(select(Article.id)).all())
        session.execute(text("DELETE FROM article_words"))
        rows = [public_index.indexed_text(i, state.record) for i, state in states.items()]
        fulltext_index.insert(session.connection(), rows)
    assert index_contents(site.database) == by_hand
    for record in islice(synthetic.records(510), 498, 502):
        loaded = site.get(f"/news/{record['slug']}.json").json()
        for name, value in record.items():
            if name.endswith("_at"):
                assert datetime.fromisoformat(loaded[name]) == datetime.fromisoformat(str(value))
            elif name not in {"url", "alternates"}:
                assert loaded[name] == value
    changed = site.loaded(lines(3))["summary"]
    assert changed["conflict"] == 3  # other digests, but the same instants and keys
    run_by_hand(url, feed)
    expected = {**feed.expected_rows(), "changes": 1_020, "load_results": 1_023}
    assert count_rows(url) == expected


def test_multiplied_articles_are_served_and_leave_room_for_others(
    database_url: str, open_site: Callable[[], Site], tmp_path: Path
) -> None:
    feed = write_feed(tmp_path / "feed.ndjson", 20)
    run_by_hand(database_url, Feed.part(feed.path, 0, 10))
    multiply(database_url, 10, 50)
    rows = count_rows(database_url)
    site = open_site()
    assert {rows[table] for table in ("articles", "changes", "load_results")} == {50}
    with site.database.reading() as session:
        slugs = set(session.connection().exec_driver_sql("SELECT slug FROM articles").scalars())
    assert len(slugs) == 50
    originals = {str(record["slug"]) for record in synthetic.records(10)}
    titles = {site.get(f"/news/{slug}.json").json()["title"] for slug in slugs - originals}
    assert titles == {record["title"] for record in synthetic.records(10)}
    assert site.loaded(feed.path.read_bytes())["summary"]["created"] == 10


# --- checks and claims -------------------------------------------------------------------------


def test_contenders_take_turns_in_rotated_order() -> None:
    assert "".join(rotated("ABC", 4)) == "ABCBCACABABC"


def response(status: int = 200, body: bytes = b"A title", **fields: str) -> Response:
    return Response(
        status, [("content-type", "text/html; charset=utf-8"), *fields.items()], body, 0
    )


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (response(404), "status|404"),
        (response(body=b"Another"), "body|title"),
    ],
)
def test_a_wrong_response_is_not_measured(given: Response, reason: str) -> None:
    request = Request("/news/a", {"Accept": "text/html"})
    for check in same_response(response()), same_article(request, "A title"):
        check(response())
        with pytest.raises(BenchmarkError, match=reason):
            check(given)
    with pytest.raises(BenchmarkError, match="etag"):
        same_response(response(etag="x"))(response())
    with pytest.raises(BenchmarkError, match="application/json"):
        same_article(Request("/", {"Accept": "text/html"}), "A")(
            Response(200, [("content-type", "application/json")], b"A", 0)
        )


def test_a_run_with_errors_or_without_requests_is_not_a_sample() -> None:
    counts = {"requests": 10, "microseconds": 2_000_000, "bytes": 1_000, "p50": 1, "p99": 2,
              "connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}  # fmt: skip
    sample = parse(f"Running 1s test\n{json.dumps(counts)}\n")
    assert (sample.rate, sample.size) == (5, 100)
    for wrong in {"status": 1}, {"timeout": 1}, {"requests": 0}:
        with pytest.raises(BenchmarkError):
            parse(json.dumps({**counts, **wrong}))


def test_a_loader_that_writes_fewer_rows_fails() -> None:
    expected = dict.fromkeys(TABLES, 3)
    check_rows(expected, expected)
    with pytest.raises(BenchmarkError, match="article_topics"):
        check_rows({**expected, "article_topics": 2}, expected)


def test_a_claim_is_judged_by_its_worst_figure() -> None:
    ratios = {"a": Ratio.of([3, 2, 9], [1, 2, 3]), "b": Ratio.of([4], [1])}
    assert at_least("A claim", 3, ratios) == Claim(
        "A claim", "3 (1–3), a, the worst of 2", holds=True
    )
    assert not at_least("A claim", 3.1, ratios).holds
    assert at_most("A claim", 4, ratios).holds
    assert not at_most("A claim", 3.9, ratios).holds


def test_a_ratio_of_two_contenders_is_the_quotient_of_theirs_to_the_limit() -> None:
    comparison = Comparison("any", {SLUGLINE: [1.5, 1.6], "other": [0.5, 0.4]}, {})
    assert comparison.ratio(SLUGLINE, LIMIT).low == 1.5
    assert comparison.ratio(SLUGLINE, "other") == Ratio.of([3, 4], [1, 1])


def test_the_report_shows_figures_and_failures_of_all_claims() -> None:
    results = {
        "good": Result("Good", [Claim("It is good", "1.5", holds=True)], [Table(["a"], [["7"]])]),
        "bad": Result("Bad", [Claim("It is bad", "0.5", holds=False)]),
        "broken": Result("Broken", failure="no response"),
    }
    text = report(results, FULL)
    assert "| It is good | 1.5 | yes |" in text
    assert "| It is bad | 0.5 | **NO** |" in text
    assert "| broken | could not be measured | **NO** |" in text
    assert "**broken FAILED**: no response" in text
    assert "| 7 |" in text
    assert failures(results) == ["bad", "broken"]


def test_every_claim_has_a_module_with_a_title_and_a_measure() -> None:
    assert all(module.TITLE and callable(module.measure) for module in CLAIMS.values())
