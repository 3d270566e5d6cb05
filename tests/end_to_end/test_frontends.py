"""The page that the documentation gives to frontends, in a real browser, from another origin."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

import httpx2
import pytest

from tests.support.browser import CHROMIUM_FLAGS, serve_pages
from tests.support.feed_records import ndjson, record
from tests.support.paths import ROOT
from tests.support.processes import environment, free_port, serving
from tests.support.site import TOKEN

pytestmark = pytest.mark.browser

SECONDS = 30
"""How long the page may take to show something. Mostly it is a second."""

# The page itself is served as it is: this one frames it, and tells what it lists, in order, each
# time that this is something else.
WATCHING = """<!doctype html>
<meta charset="utf-8">
<script>
let loads = 0, before, told = Promise.resolve();
function watch({contentDocument: page}) {
  loads += 1;
  const tell = () => {
    const links = [...page.querySelectorAll("#list > li > a")];
    const body = JSON.stringify({loads, links: links.map((a) => [a.textContent, a.href])});
    if (body === before) return;
    before = body;
    told = told.then(() => fetch("/", {method: "POST", body}));
  };
  new MutationObserver(tell).observe(page, {subtree: true, childList: true, characterData: true});
  tell();
}
</script>
<iframe src="/page?QUERY" onload="watch(this)"></iframe>
"""


class Window:
    """A browser's window, in which the page is open."""

    def __init__(self, told: SimpleQueue[bytes]) -> None:
        self._told = told
        self._seen: list[dict[str, str]] = []

    def shows(self, *titles: str) -> dict[str, str]:
        """Wait until the page lists these alone, in this order. Return where each leads to."""
        deadline = time.monotonic() + SECONDS
        while not self._seen or tuple(self._seen[-1]) != titles:
            try:
                told = json.loads(self._told.get(timeout=max(deadline - time.monotonic(), 0)))
            except Empty:
                pytest.fail(f"{titles} did not come, but {[*map(list, self._seen)]}")
            assert told["loads"] == 1, "it was loaded again"
            self._seen.append(dict(told["links"]))
        return self._seen[-1]


@contextmanager
def opened(chromium: str, folder: Path, site: str, query: str = "") -> Iterator[Window]:
    """Open the page of the documentation, for `site`, until the end of the block."""
    documented = (ROOT / "docs" / "frontends.md").read_text()
    (page,) = re.findall(r"```html\n(.*?)```", documented, re.DOTALL)
    example = '"http://localhost:8000"'
    assert page.count(example) == 1
    pages = {
        "/": WATCHING.replace("QUERY", query),
        f"/page?{query}": page.replace(example, json.dumps(site)),
    }
    told: SimpleQueue[bytes] = SimpleQueue()
    with serve_pages(pages, None, told) as (url, _), (folder / "browser.log").open("wb") as log:
        command = [chromium, *CHROMIUM_FLAGS, f"--user-data-dir={folder / 'profile'}", f"{url}/"]
        browser = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield Window(told)
        finally:
            browser.terminate()
            browser.wait(20)


@contextmanager
def site(folder: Path, port: int | None = None) -> Iterator[httpx2.Client]:
    """Serve what is in `folder` until the end of the block. Yield an operator's client."""
    folder.mkdir(exist_ok=True)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with (
        serving(folder, env=environment(SLUGLINE_ADMIN_TOKEN=TOKEN), port=port) as server,
        httpx2.Client(base_url=server.base, headers=headers) as client,
    ):
        yield client


def load(client: httpx2.Client, **titles: str) -> None:
    """Load an article under each name."""
    feed = ndjson(*(record(slug, title=title) for slug, title in titles.items()))
    client.post("/admin/loads", content=feed).raise_for_status()


def test_the_documented_page_also_searches_new_articles(chromium: str, tmp_path: Path) -> None:
    with site(tmp_path) as client:
        load(client, a="Apples & <pears>", b="Bananas")
        with opened(chromium, tmp_path, str(client.base_url), "q=pears") as window:
            window.shows("Apples & <pears>")
            load(client, c="Cherries", d="Pears")
            window.shows("Pears", "Apples & <pears>")


def test_l02_the_page_in_the_documentation_shows_each_change_while_it_is_open(
    chromium: str, tmp_path: Path
) -> None:
    with site(tmp_path) as client:
        load(client, a="Apples", b="Bananas")
        with opened(chromium, tmp_path, str(client.base_url)) as window:
            links = window.shows("Bananas", "Apples")
            assert [link.rpartition("/news/")[2] for link in links.values()] == ["b", "a"]
            load(client, c="Cherries")
            window.shows("Cherries", "Bananas", "Apples")
            client.patch("/admin/articles/a", json={"title": "Avocados"}).raise_for_status()
            window.shows("Cherries", "Bananas", "Avocados")
            client.delete("/admin/articles/b").raise_for_status()
            window.shows("Cherries", "Avocados")
            client.post("/admin/articles/b/restore").raise_for_status()
            window.shows("Cherries", "Bananas", "Avocados")
            moved = {"slug": "d", "title": "Dates"}
            client.patch("/admin/articles/c", json=moved).raise_for_status()
            links = window.shows("Dates", "Bananas", "Avocados")
    assert links["Dates"].endswith("/news/d")


def test_l02_the_page_in_the_documentation_goes_on_when_its_site_is_back(
    chromium: str, tmp_path: Path
) -> None:
    port = free_port()
    with opened(chromium, tmp_path, f"http://127.0.0.1:{port}") as window:
        window.shows()  # for the site is not there yet
        with site(tmp_path / "one", port) as client:
            load(client, a="Apples")
            window.shows("Apples")
        with site(tmp_path / "one", port) as client:
            load(client, b="Bananas")
            window.shows("Bananas", "Apples")
            load(client, c="Cherries")
            window.shows("Cherries", "Bananas", "Apples")
        # Another database, which has not come as far as the page has.
        with site(tmp_path / "two", port) as client:
            load(client, z="Zucchini")
            window.shows("Zucchini")
            load(client, y="Yams")
            window.shows("Yams", "Zucchini")
