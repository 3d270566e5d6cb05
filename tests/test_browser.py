"""The page in a real browser: nothing of a hostile body runs, nothing breaks a narrow screen."""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.representations import templating
from conftest import SEED_SITE
from hostile import HOSTILE, shown, story

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--virtual-time-budget=3000", "--dump-dom",
)  # fmt: skip
PROOF = "document.title='RAN';new Image().src='/beacon'"


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
def served(pages: dict[str, str], policy: str | None) -> Iterator[tuple[str, list[str]]]:
    """Serve `pages` and yield their base URL and the paths that were asked for."""
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

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def look(chromium: str, tmp_path: Path) -> Callable[..., str]:
    """A function that opens a URL and returns the document after its scripts had their time."""

    def open_(url: str) -> str:
        command = [chromium, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    return open_


def test_the_check_itself_notices_a_script_that_runs(look: Callable[..., str]) -> None:
    page = f"<title>x</title><script>{PROOF}</script>"
    with served({"/": page}, None) as (base, asked):
        assert "<title>RAN</title>" in look(f"{base}/")
        assert "/beacon" in asked
    with served({"/": page}, templating.content_security_policy()) as (base, asked):
        assert "<title>x</title>" in look(f"{base}/")
        assert "/beacon" not in asked


@pytest.mark.parametrize("with_policy", [False, True], ids=["sanitised", "with-policy"])
def test_r01_nothing_of_a_hostile_body_runs(look: Callable[..., str], *, with_policy: bool) -> None:
    body = "\n\n".join(HOSTILE).replace("alert(1)", PROOF)
    title = f"</title><script>{PROOF}</script>"
    page = shown(story(title=title, body_md=body, summary=title, entities=[title]), "html")
    policy = templating.content_security_policy() if with_policy else None
    with served({"/": page}, policy) as (base, asked):
        document = look(f"{base}/")
        assert "<title>RAN" not in document
        assert "/beacon" not in asked
        assert "· Slugline</title>" in document


def test_r01_nothing_is_wider_than_a_small_phone(look: Callable[..., str]) -> None:
    wide = "| " + " | ".join(f"column {n}" for n in range(30)) + " |\n" + "|-" * 30 + "|"
    body = f"{'w' * 200}\n\n{wide}\n\n```\n{'code ' * 100}\n```\n\n# {'W' * 100}"
    page = shown(story(title="T" * 120, body_md=body, entities=["E" * 200]), "html")
    measure = """<title>?</title><iframe src=/article width=320 height=600 style="border:0"
      onload="const e=this.contentDocument.documentElement;
              document.title=e.scrollWidth+' of '+e.clientWidth"></iframe>"""
    # Framed on purpose, so without the policy that forbids it.
    with served({"/": measure, "/article": page}, None) as (base, _):
        found = re.search(r"<title>(\d+) of (\d+)</title>", look(f"{base}/"))
        assert found, "the page was not measured"
        assert int(found[1]) <= int(found[2]) <= 320


def test_h05_the_page_is_at_home_under_its_own_policy(look: Callable[..., str]) -> None:
    page = shown(story(), "html")
    with served({"/": page}, templating.content_security_policy()) as (base, asked):
        document = look(f"{base}/")
    assert SEED_SITE in document
    assert set(asked) <= {"/", "/favicon.ico"}  # the page asks for nothing else
