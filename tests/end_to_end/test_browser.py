"""The page in a real browser: nothing of a hostile body runs, nothing breaks a narrow screen."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.article.record import parse_record
from app.representations import templating
from app.representations.article import FORMATS, Site, article_links
from app.representations.article.html import body_html
from tests.support.browser import CHROMIUM_FLAGS, serve_pages
from tests.support.hostile import PAYLOADS, RUN
from tests.support.paths import SEED
from tests.support.site import SEED_SITE

pytestmark = pytest.mark.browser

SEEDED = json.loads(SEED.read_text())


def page(**changed: object) -> str:
    """Return the page of the seed with other fields."""
    story = parse_record({**SEEDED, **changed})
    return FORMATS[0].represent(story, article_links(story, Site(SEED_SITE, "Slugline"))).decode()


def body(markdown: str) -> str:
    """Return what `markdown` becomes on the page."""
    return body_html(parse_record({**SEEDED, "body_md": markdown}))


@pytest.fixture
def look(chromium: str, tmp_path: Path) -> Callable[..., str]:
    """A function that opens a URL and returns the document after its scripts had their time."""

    def open_(url: str) -> str:
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [
            chromium,
            *CHROMIUM_FLAGS,
            "--virtual-time-budget=3000",
            "--dump-dom",
            profile,
            url,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    return open_


def test_the_check_itself_notices_a_script_that_runs(look: Callable[..., str]) -> None:
    unsafe = f"<title>x</title><script>{RUN}</script>"
    with serve_pages({"/": unsafe}, None) as (base, asked):
        assert "<title>owned</title>" in look(f"{base}/")
        assert "/beacon" in asked
    with serve_pages({"/": unsafe}, templating.content_security_policy()) as (base, asked):
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
    with serve_pages({"/": before + bodies + after}, policy) as (base, asked):
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
    with serve_pages({"/": measure, "/article": article}, None) as (base, _):
        found = re.search(r"<title>(\d+) of (\d+)</title>", look(f"{base}/"))
        assert found, "the page was not measured"
        assert int(found[1]) <= int(found[2]) <= 320


def test_r01_the_page_works_under_its_own_content_security_policy(look: Callable[..., str]) -> None:
    with serve_pages({"/": page()}, templating.content_security_policy()) as (base, asked):
        document = look(f"{base}/")
    assert SEED_SITE in document
    assert set(asked) <= {"/", "/favicon.ico"}  # the page asks for nothing else
