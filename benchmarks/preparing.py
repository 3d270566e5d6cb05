"""The articles that are asked for: made, loaded into Slugline, and put into the other database."""

import subprocess
import sys
from pathlib import Path

from benchmarks import machine, synthetic
from benchmarks.cases import seed
from benchmarks.contenders import Arena, slugline
from benchmarks.posting import LOAD_SECONDS, NotLoadedError, load


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
    with slugline(arena) as server, feed.open("rb") as body:
        load(
            server,
            body,
            {"created": articles + 1},
            {"Content-Length": str(feed.stat().st_size)},
        )
    _, complaint = filling.communicate(timeout=LOAD_SECONDS)
    if filling.returncode:
        raise NotLoadedError(f"the afternoon version's database: {complaint.strip()[-2_000:]}")
    feed.unlink()
    paths = arena.folder / "paths"
    slugs = (str(record["slug"]) for record in synthetic.records(articles))
    paths.write_text("".join(f"/news/{slug}\n" for slug in synthetic.shuffled(slugs)))
    return paths
