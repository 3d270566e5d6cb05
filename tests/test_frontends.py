"""The page that the documentation gives to frontends, in a real browser, from another origin."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from test_browser import chromium, look, served
from test_loading import record

from conftest import TOKEN
from processes import ROOT, environment, serving

pytestmark = pytest.mark.browser
__all__ = ["chromium", "look"]


def test_the_page_in_the_documentation_lists_and_searches(
    look: Callable[..., str], tmp_path: Path
) -> None:
    documented = (ROOT / "docs" / "frontends.md").read_text()
    (page,) = re.findall(r"```html\n(.*?)```", documented, re.DOTALL)
    with serving(tmp_path, env=environment(SLUGLINE_ADMIN_TOKEN=TOKEN)) as server:
        feed = json.dumps([record("a", title="Apples & <pears>"), record("b", title="Bananas")])
        headers = {"Authorization": f"Bearer {TOKEN}"}
        loaded = httpx2.post(f"{server.base}/admin/loads", content=feed, headers=headers)
        assert loaded.is_success
        # What follows never ends, and time stands still in this browser until it does.
        still = page.replace("\nfollow(last);\n", "\n").replace(
            "http://localhost:8000", server.base
        )
        assert still.count("follow(") == page.count("follow(") - 1
        with served({"/": still, "/?q=pears": still}, None) as (url, _):
            listed, found = look(f"{url}/"), look(f"{url}/?q=pears")
    assert re.findall(r"<a href=\"[^\"]*/news/(\w)\">", listed) == ["b", "a"]
    assert "Apples &amp; &lt;pears&gt;" in found
    assert "Bananas" not in found
