"""The contenders as processes: each on the server's core, until the end of a block."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import machine
from benchmarks.exchange import HOST, Answer, Ask, NoAnswerError, fetch

START_SECONDS: Final = 30
STOP_SECONDS: Final = 20
TOKEN: Final = "a-token-for-the-benchmarks"  # noqa: S105 - it opens nothing but their database
ALIVE: Final = Ask("/health/live")

# What nginx writes of its own accord, or takes from the file.
_NGINX_WRITES: Final = {"content-length", "content-type", "last-modified"}


class NotStartedError(Exception):
    """A contender did not start. The message says which, and what it said."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running contender. `started_in` counts the seconds from its start to its first answer."""

    port: int
    pid: int
    started_in: float


@dataclass(frozen=True, slots=True)
class Arena:
    """Where the contenders run: a folder of their own, a core, and uvicorn's settings."""

    folder: Path
    core: int
    settings: Mapping[str, Any]

    @property
    def database(self) -> str:
        """The URL of Slugline's database."""
        return f"sqlite:///{self.folder / 'slugline.db'}"

    @property
    def afternoon_database(self) -> str:
        """The URL of the afternoon version's database."""
        return f"sqlite:///{self.folder / 'afternoon.db'}"


@contextmanager
def slugline(arena: Arena, database: str | None = None) -> Iterator[Server]:
    """Run Slugline as an operator would, on the arena's database or on the one at a URL."""
    port = _free_port()
    command = [sys.executable, "-m", "app", "serve", "--host", HOST, "--port", str(port)]
    given = {"SLUGLINE_DATABASE_URL": database or arena.database, "SLUGLINE_ADMIN_TOKEN": TOKEN}
    with _running("slugline", command, arena, port, given) as server:
        yield server


@contextmanager
def afternoon(arena: Arena) -> Iterator[Server]:
    """Run the afternoon version."""
    given = {"AFTERNOON_DATABASE_URL": arena.afternoon_database}
    with _under_uvicorn("afternoon", arena, given) as server:
        yield server


@contextmanager
def limit(arena: Arena, answer: Answer) -> Iterator[Server]:
    """Run the bare function that sends `answer`."""
    with _under_uvicorn("limit", arena, _kept(arena, "limit", answer)) as server:
        yield server


@contextmanager
def constant(arena: Arena, answer: Answer) -> Iterator[Server]:
    """Run the plain FastAPI handler that returns the body of `answer`."""
    with _under_uvicorn("constant", arena, _kept(arena, "constant", answer)) as server:
        yield server


@contextmanager
def nginx(arena: Arena, answer: Answer) -> Iterator[Server]:
    """Run nginx with one worker that sends the body of `answer` as a file, with its fields."""
    port, place = _free_port(), arena.folder / "nginx"
    place.mkdir(exist_ok=True)
    file = place / "article"
    file.write_bytes(answer.body)
    (place / "nginx.conf").write_text(nginx_configuration(answer, file, port))
    command = [machine.program("nginx"), "-e", "stderr", "-p", str(place), "-c", "nginx.conf"]
    with _running("nginx", command, arena, port, {}) as server:
        yield server


def nginx_configuration(answer: Answer, file: Path, port: int) -> str:
    """Return a configuration that sends `file` for every path, as fast as nginx can."""
    fields = "\n".join(
        f"    add_header {name} {_quoted(value)};"
        for name, value in answer.sent
        if name.lower() not in _NGINX_WRITES
    )
    return f"""{"" if os.geteuid() else "user root;"}
daemon off;
worker_processes 1;
pid nginx.pid;
events {{ worker_connections 256; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  open_file_cache max=16 inactive=1h;
  server_tokens off;
  client_body_temp_path {file.parent}; proxy_temp_path {file.parent};
  fastcgi_temp_path {file.parent}; uwsgi_temp_path {file.parent}; scgi_temp_path {file.parent};
  server {{
    listen {HOST}:{port};
    etag off;
    max_ranges 0;
    types {{ }}
    default_type {_quoted(answer.header("content-type") or "")};
{fields}
    location / {{ root {file.parent}; try_files /{file.name} =500; }}
  }}
}}
"""


def _quoted(value: str) -> str:
    if "$" in value:
        raise NotStartedError(f"nginx would take {value!r} for something with variables in it")
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def _kept(arena: Arena, name: str, answer: Answer) -> dict[str, str]:
    path = arena.folder / f"{name}.json"
    answer.write(path)
    return {"BENCHMARK_ANSWER": str(path)}


@contextmanager
def _under_uvicorn(name: str, arena: Arena, given: Mapping[str, str]) -> Iterator[Server]:
    port = _free_port()
    command = [
        sys.executable, "-m", "benchmarks.launching", f"benchmarks.{name}:app_from_environment",
        str(port), json.dumps(arena.settings),
    ]  # fmt: skip
    with _running(name, command, arena, port, given) as server:
        yield server


@contextmanager
def _running(
    name: str, command: Sequence[str], arena: Arena, port: int, given: Mapping[str, str]
) -> Iterator[Server]:
    """Run `command` until the end of the block. Raises NotStartedError."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLUGLINE_")}
    log = arena.folder / f"{name}.log"
    with log.open("wb") as errors, machine.pinned(arena.core):
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=machine.ROOT, env={**kept, **given}, stdout=subprocess.DEVNULL,
            stderr=errors,
        )  # fmt: skip
    try:
        _await(name, process, port, log)
        yield Server(port, process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _await(name: str, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            fetch(port, ALIVE)
        except NoAnswerError:
            time.sleep(0.002)
        else:
            return
    raise NotStartedError(f"{name} did not start: {log.read_text().strip()[-2_000:]}")


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
