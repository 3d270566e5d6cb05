"""A linter of HTTP looks at every kind of answer: REDbot, by the editor of the specifications.

It asks a real server, reads what comes and asks again: for gzip, and with the ETag and the date
that it got. It has a process of its own: see linting.py.
"""

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import httpx2
import pytest

from app.http.content_coding import CODINGS
from app.representations import listing
from app.representations.article import BY_SUFFIX, FORMATS
from tests.support.paths import ROOT, SEED
from tests.support.processes import environment, serving
from tests.support.site import SEED_SLUG, TOKEN

SECONDS: Final = 120
"""How long the linter is waited for, which gives up before that."""

ALLOWED: Final = {
    "STORE_PUBLIC_UNNECESSARY": "`public` says who may keep an answer where others at the same"
    " address say `private`: whoever reads the fields of one sees what the other would be.",
    "CC_CONFLICTING": "`private, no-store` to an authorised request is twice the same for caches"
    " that know both; some that an operator configures heed the one and not the other.",
    "STATUS_BAD_REQUEST": "it is what the case asks for.",
}
"""Warnings that are no fault, with the reason."""


@dataclass(frozen=True)
class Case:
    """What the linter is to ask for, and the status that is to come."""

    path: str
    status: int = 200
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)
    method: str = "GET"

    def __str__(self) -> str:
        path = self.path.replace(SEED_SLUG, "SEED")
        return " ".join([self.method, path, *self.fields.values()])


BARE: Final = f"/news/{SEED_SLUG}"
AUTHORIZED: Final = {"Authorization": f"Bearer {TOKEN}"}
PREFLIGHT: Final = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
ACCEPTS: Final = [{"Accept": form.media_type} for form in FORMATS]
TWINS: Final = [BARE + suffix for suffix in BY_SUFFIX]
ARTICLES: Final = [Case(BARE, fields=accept) for accept in ACCEPTS] + [Case(path) for path in TWINS]
LISTED: Final = ("/news", "/topics/ai-policy", "/entities/beijing")
TERMS: Final = ("/topics", "/entities")
LINES: Final = {"Accept": "application/x-ndjson"}
PAGED: Final = [form for form in listing.FORMATS if form.media_type != LINES["Accept"]]
LISTINGS: Final = [
    *(Case(path, fields={"Accept": form.media_type}) for path in LISTED for form in PAGED),
    *(Case(path + form.suffix) for path in LISTED for form in PAGED if form.suffix),
    Case("/news?q=biotech&include=total,facets"),
    Case("/news.json?q=biotech&include=total,facets"),
]
# Some of these are too small to be packed.
OTHERS: Final = [
    *(
        Case(path, fields={"Accept": kind})
        for path in TERMS
        for kind in ("text/html", "application/json")
    ),
    *(Case(f"{path}.json") for path in TERMS),
    *(Case(path) for path in (f"{BARE}/related", f"{BARE}/related.json")),
    *(Case(path) for path in ("/changes", "/changes.json")),
]
STREAMS: Final = [
    *(Case(path, fields=LINES) for path in (*LISTED, "/changes")),
    *(Case(f"{path}.ndjson") for path in (*LISTED, "/changes")),
]
READ: Final = [*ARTICLES, *LISTINGS, *OTHERS, *STREAMS]
ERRORS: Final = [
    *(Case("/news/nothing", 404, accept) for accept in ACCEPTS),
    *(Case(f"/news/nothing{suffix}", 404) for suffix in BY_SUFFIX),
    *(Case(BARE, 406, {"Accept": f"{kind}, */*;q=0"}) for kind in ("a/b", "text/css")),
    Case("/nothing/at/all", 404, ACCEPTS[0]),
    *(Case(f"/topics/nothing{suffix}", 404) for suffix in ("", *listing.BY_SUFFIX)),
    *(Case(f"{path}?limit=0", 400) for path in ("/news", "/news.ndjson", "/topics", "/changes")),
    *(Case(path, 406, {"Accept": "a/b"}) for path in (*LISTED, *TERMS, "/changes")),
    Case("/changes?since=9", 409),
    Case(BARE, 412, {"If-Match": '"x"'}),
    Case(BARE, 405, ACCEPTS[0], "DELETE"),
    Case("/admin/loads", 401),
    Case("/admin/loads?limit=0", 400, AUTHORIZED),
]
CASES: Final = [
    *READ,
    *(Case(case.path, 200, case.fields, "HEAD") for case in READ),
    # For HEAD alone: the linter reads to the end, and there is none.
    Case("/changes", 200, {"Accept": "text/event-stream"}, "HEAD"),
    *(Case(BARE, fields={"Accept-Encoding": coding}) for coding in CODINGS),
    *ERRORS,
    *(Case(case.path, case.status, case.fields, "HEAD") for case in ERRORS if case.method == "GET"),
    *(Case(f"{BARE}{ending}", 308) for ending in (".html", "/", ".md/")),
    *(Case(f"{path}/", 308) for path in (*LISTED, *TERMS, f"{BARE}/related", "/changes")),
    Case("/", 307),
    Case(BARE, 204, PREFLIGHT, "OPTIONS"),
    Case("/news", 204, PREFLIGHT, "OPTIONS"),
    Case(BARE, 204, method="OPTIONS"),
    Case("/health/live"),
    Case("/health/ready"),
    Case("/openapi.json"),
    Case("/admin/loads", fields=AUTHORIZED),
    Case(BARE, fields=AUTHORIZED),
    Case("/news", fields=AUTHORIZED),
]


# --- the tests ---------------------------------------------------------------------------------


class Faulty(BaseHTTPRequestHandler):
    """A server as it should not be: one ETag for all codings, no Vary, and a date that is none."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"hello, " * 100
        self.send_response(200)
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"one"')
        self.send_header("Last-Modified", "yesterday")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def faulty() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Faulty) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def linted(cases: list[tuple[str, Case]]) -> list[dict[str, Any]]:
    """Run the linter on cases, each at a server, and return what it found of each."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.linting"],
        cwd=ROOT,
        input=json.dumps([{"base": base, **asdict(case)} for base, case in cases]),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found_: list[dict[str, Any]] = json.loads(ran.stdout)
    return found_


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the linter says of each case, asked of a running server with the seed in it.

    The last is what it says of a server that is none: to start the linter takes seconds.
    """
    folder = tmp_path_factory.mktemp("linted")
    env = environment(SLUGLINE_ADMIN_TOKEN=TOKEN)
    with serving(folder, env=env) as server, faulty() as bad:
        feed = SEED.read_bytes()
        load = httpx2.post(f"{server.base}/admin/loads", content=feed, headers=AUTHORIZED)
        assert load.status_code == 200
        return linted([*((server.base, case) for case in CASES), (bad, Case("/"))])


@pytest.fixture(scope="module")
def reports(everything: list[dict[str, Any]]) -> dict[Case, dict[str, Any]]:
    """What the linter says of each case."""
    return dict(zip(CASES, everything[:-1], strict=True))


def test_h01_to_h03_a_linter_of_http_finds_no_fault(
    reports: dict[Case, dict[str, Any]], subtests: pytest.Subtests
) -> None:
    for case in CASES:
        report = reports[case]
        with subtests.test(str(case)):
            assert report["done"]
            assert report["statuses"]["asked"] == case.status
            faults = [
                (level, name, summary)
                for level, name, summary in report["notes"]
                if level == "bad" or (level == "warning" and name not in ALLOWED)
            ]
            assert not faults


def test_e01_to_e04_redbot_finds_every_article_compressed_and_revalidatable(
    reports: dict[Case, dict[str, Any]], subtests: pytest.Subtests
) -> None:
    for case in ARTICLES:
        report = reports[case]
        with subtests.test(str(case)):
            assert report["gzip"]
            assert report["statuses"]["conneg"] == 200
            assert report["statuses"]["etag_validate"] == 304
            assert report["statuses"]["lm_validate"] == 304
            assert report["statuses"]["range"] is None  # no answer says that parts can be had


def test_e01_to_e04_a_linter_gets_every_listing_packed_and_confirmed(
    reports: dict[Case, dict[str, Any]], subtests: pytest.Subtests
) -> None:
    for case in [*LISTINGS, *OTHERS]:
        report = reports[case]
        with subtests.test(str(case)):
            assert report["gzip"] or case in OTHERS
            assert report["statuses"]["conneg"] == 200
            assert report["statuses"]["etag_validate"] == 304
            # A listing changes also when an article leaves it: no date of those in it would do.
            assert report["statuses"]["lm_validate"] is None
            assert report["statuses"]["range"] is None


def test_l01_and_l02_a_linter_gets_every_stream_as_it_is_read(
    reports: dict[Case, dict[str, Any]], subtests: pytest.Subtests
) -> None:
    for case in STREAMS:
        report = reports[case]
        with subtests.test(str(case)):
            assert report["statuses"]["conneg"] == 200
            # Before its end nobody knows its bytes, so it has no tag; and nobody may keep it.
            for more in "etag_validate", "lm_validate", "range":
                assert report["statuses"][more] is None


def test_every_warning_that_is_allowed_is_given(reports: dict[Case, dict[str, Any]]) -> None:
    given = {name for report in reports.values() for level, name, _ in report["notes"]}
    assert set(ALLOWED) <= given


def test_the_linter_itself_notices_faults(everything: list[dict[str, Any]]) -> None:
    report = everything[-1]
    found = {name for level, name, _ in report["notes"] if level in {"bad", "warning"}}
    assert {"CONNEG_NO_VARY", "VARY_ETAG_DOESNT_CHANGE", "BAD_DATE_SYNTAX"} <= found
