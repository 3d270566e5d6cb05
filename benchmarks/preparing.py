"""The articles that are asked for: made, loaded into Slugline, and put into the other database."""

import json
import subprocess
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from benchmarks import machine, synthetic
from benchmarks.cases import seed
from benchmarks.contenders import TOKEN, Arena, Server, slugline
from benchmarks.exchange import HOST

LOAD_SECONDS: Final = 900


class NotLoadedError(Exception):
    """The articles did not get into a database."""


def prepare(arena: Arena, articles: int, other_core: int) -> Path:
    """Fill both databases with the real seed and `articles` synthetic records.

    Returns a file with the paths of the synthetic ones, shuffled. Raises NotLoadedError.
    """
    real = seed().feed.replace(b"\n", b"") + b"\n"
    feed = arena.folder / "feed.ndjson"
    with feed.open("wb") as out:
        out.write(real)
        out.writelines(synthetic.lines(articles))
    command = [sys.executable, "-m", "benchmarks.filling", arena.afternoon_database, str(feed)]
    with machine.pinned(other_core):
        filling = subprocess.Popen(command, cwd=machine.ROOT, stderr=subprocess.PIPE, text=True)
    with slugline(arena) as server:
        _load(server, feed, articles + 1)
    _, complaint = filling.communicate(timeout=LOAD_SECONDS)
    if filling.returncode:
        raise NotLoadedError(f"the afternoon version's database: {complaint.strip()[-2_000:]}")
    feed.unlink()
    paths = arena.folder / "paths"
    slugs = (str(record["slug"]) for record in synthetic.records(articles))
    paths.write_text("".join(f"/news/{slug}\n" for slug in synthetic.shuffled(slugs)))
    return paths


def _load(server: Server, feed: Path, records: int) -> None:
    connection = HTTPConnection(HOST, server.port, timeout=LOAD_SECONDS)
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/x-ndjson",
        "Content-Length": str(feed.stat().st_size),
    }
    try:
        with feed.open("rb") as body:
            connection.request("POST", "/admin/loads", body=body, headers=headers)
            answer = connection.getresponse()
            said = answer.read()
    except (OSError, HTTPException) as error:
        raise NotLoadedError(f"Slugline broke off: {error!r}") from error
    finally:
        connection.close()
    summary = json.loads(said).get("summary", {}) if answer.status == 200 else {}
    if summary.get("created") != records:
        raise NotLoadedError(f"Slugline answered {answer.status}: {said[:500]!r}")
