"""The page in a real browser: nothing of a hostile body runs, nothing breaks a narrow screen."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue

import pytest

from app.article.record import parse_record
from app.representations import templating
from app.representations.article import FORMATS, Site, links_of
from app.representations.article.html import body_html
from tests.conftest import SEED_SITE
from tests.support.hostile import PAYLOADS, RUN
from tests.support.paths import SEED

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-software-rasterizer",  # nothing is drawn that needs a process of its own
)  # fmt: skip
SEEDED = json.loads(SEED.read_text())


def page(**changed: object) -> str:
    """Return the page of the seed with other fields."""
    story = parse_record({**SEEDED, **changed})
    return FORMATS[0].represent(story, links_of(story, Site(SEED_SITE, "Slugline"))).decode()


def body(markdown: str) -> str:
    """Return what `markdown` becomes on the page."""
    return body_html(parse_record({**SEEDED, "body_md": markdown}))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium. Without one nothing here is checked, which CI does not accept."""
    names = (os.environ.get("SLUGLINE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    for name in filter(None, names):
        if found := shutil.which(name):
            return found
    message = "NOT CHECKED in a browser: no Chromium is installed (or name it, SLUGLINE_CHROMIUM)"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def served(
    pages: dict[str, str], policy: str | None, told: SimpleQueue[bytes] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Serve `pages` and yield their base URL and the paths that were asked for.

    What they post goes into `told`.
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            if policy:
                self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            if told is not None:
                told.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204 if told is not None else 405)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def look(chromium: str, tmp_path: Path) -> Callable[..., str]:
    """A function that opens a URL and returns the document after its scripts had their time."""

    def open_(url: str) -> str:
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [chromium, *FLAGS, "--virtual-time-budget=3000", "--dump-dom", profile, url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    return open_


def test_the_check_itself_notices_a_script_that_runs(look: Callable[..., str]) -> None:
    unsafe = f"<title>x</title><script>{RUN}</script>"
    with served({"/": unsafe}, None) as (base, asked):
        assert "<title>owned</title>" in look(f"{base}/")
        assert "/beacon" in asked
    with served({"/": unsafe}, templating.content_security_policy()) as (base, asked):
        assert "<title>x</title>" in look(f"{base}/")
        assert "/beacon" not in asked


@pytest.mark.parametrize("with_policy", [False, True], ids=["sanitised", "with-policy"])
def test_r01_nothing_of_a_hostile_body_runs(look: Callable[..., str], *, with_policy: bool) -> None:
    title = f"</title><script>{RUN}</script>"
    frame = page(title=title, body_md="Here", summary=title, entities=[title])
    # All of them as one body; and each by itself, so that none can hide behind another.
    bodies = "".join(map(body, ["\n\n".join(PAYLOADS), *PAYLOADS]))
    before, _, after = frame.partition("<p>Here</p>")
    assert after
    policy = templating.content_security_policy() if with_policy else None
    with served({"/": before + bodies + after}, policy) as (base, asked):
        document = look(f"{base}/")
        assert "<title>owned" not in document
        assert "/beacon" not in asked
        assert "· Slugline</title>" in document


def test_r01_nothing_is_wider_than_a_small_phone(look: Callable[..., str]) -> None:
    wide = "| " + " | ".join(f"column {n}" for n in range(30)) + " |\n" + "|-" * 30 + "|"
    long = f"{'w' * 200}\n\n{wide}\n\n```\n{'code ' * 100}\n```\n\n# {'W' * 100}"
    article = page(title="T" * 120, body_md=long, entities=["E" * 200])
    measure = """<title>?</title><iframe src=/article width=320 height=600 style="border:0"
      onload="const e=this.contentDocument.documentElement;
              document.title=e.scrollWidth+' of '+e.clientWidth"></iframe>"""
    # Framed on purpose, so without the policy that forbids it.
    with served({"/": measure, "/article": article}, None) as (base, _):
        found = re.search(r"<title>(\d+) of (\d+)</title>", look(f"{base}/"))
        assert found, "the page was not measured"
        assert int(found[1]) <= int(found[2]) <= 320


def test_h05_the_page_is_at_home_under_its_own_policy(look: Callable[..., str]) -> None:
    with served({"/": page()}, templating.content_security_policy()) as (base, asked):
        document = look(f"{base}/")
    assert SEED_SITE in document
    assert set(asked) <= {"/", "/favicon.ico"}  # the page asks for nothing else
