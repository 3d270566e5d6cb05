"""The articles that are asked for: made, loaded into Slugline, and put into the other database."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks import machine, synthetic
from benchmarks.cases import article, seed
from benchmarks.contenders import Arena, slugline
from benchmarks.posting import LOAD_SECONDS, NotLoadedError, load


def prepare(arena: Arena, articles: int, other_core: int) -> Mapping[str, Path]:
    """Fill both databases with the real seed and `articles` synthetic records.

    Returns for each section with a cold walk a file with its paths, shuffled. Raises
    NotLoadedError.
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
    known = [article(line) for line in synthetic.lines(articles)]
    return {
        "cold": _walk(arena.folder / "articles", (each.path for each in known)),
        "listing-cold": _walk(arena.folder / "listings", (each.listing for each in known)),
    }


def _walk(file: Path, paths: Iterable[str]) -> Path:
    file.write_text("".join(f"{path}\n" for path in synthetic.shuffled(paths)))
    return file
