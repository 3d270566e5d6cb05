"""Start the contenders as processes on the server's core, and read what they cost."""

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
from typing import Final

from benchmarks.bench import ROOT, Bench, BenchmarkError
from benchmarks.client import HOST, Request, Response, fetch

START_SECONDS: Final = 30
STOP_SECONDS: Final = 20
TOKEN: Final = "a-token-for-the-benchmarks"  # noqa: S105 - it opens nothing but their database
UVICORN_OPTIONS: Final = (
    "--no-server-header", "--no-access-log", "--proxy-headers", "--timeout-graceful-shutdown", "8",
)  # fmt: skip
"""What `slugline serve` sets, too. Its HTTP protocol class is a part of Slugline."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running contender, and how many seconds it took from start to first response."""

    port: int
    pid: int
    started_in: float


def cores() -> tuple[int, int]:
    """Return the core for servers and the core for clients. Raises BenchmarkError."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(usable) < 2:
        raise BenchmarkError("the benchmarks bind processes to two cores, on Linux")
    return usable[0], usable[1]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Run the processes that are started in the block on `core` alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def slugline(bench: Bench, database: str | None = None) -> Iterator[Server]:
    """Run `slugline serve`, by default on the database that readers ask."""
    port = _free_port()
    command = [sys.executable, "-m", "app", "serve", "--host", HOST, "--port", str(port)]
    env = {"SLUGLINE_DATABASE_URL": database or bench.database, "SLUGLINE_ADMIN_TOKEN": TOKEN}
    with _running("slugline", bench, command, port, env) as server:
        yield server


@contextmanager
def afternoon(bench: Bench, database: str | None = None) -> Iterator[Server]:
    """Run the afternoon version, by default on the database that readers ask."""
    env = {"AFTERNOON_DATABASE_URL": database or bench.afternoon_database}
    with _under_uvicorn("afternoon", bench, env) as server:
        yield server


@contextmanager
def limit(bench: Bench, response: Response) -> Iterator[Server]:
    """Run the bare ASGI function that sends `response`."""
    with _under_uvicorn("limit", bench, _saved(bench, "limit", response)) as server:
        yield server


@contextmanager
def constant(bench: Bench, response: Response) -> Iterator[Server]:
    """Run the plain FastAPI handler that returns the body of `response`."""
    with _under_uvicorn("constant", bench, _saved(bench, "constant", response)) as server:
        yield server


def _saved(bench: Bench, name: str, response: Response) -> dict[str, str]:
    path = bench.folder / f"{name}.json"
    path.write_text(response.to_json())
    return {"BENCHMARK_RESPONSE": str(path)}


@contextmanager
def _under_uvicorn(name: str, bench: Bench, env: Mapping[str, str]) -> Iterator[Server]:
    port = _free_port()
    command = [
        sys.executable, "-m", "uvicorn", f"benchmarks.contenders.{name}:app_from_environment",
        "--factory", "--port", str(port), *UVICORN_OPTIONS,
    ]  # fmt: skip
    with _running(name, bench, command, port, env) as server:
        yield server


@contextmanager
def _running(
    name: str, bench: Bench, command: Sequence[str], port: int, env: Mapping[str, str]
) -> Iterator[Server]:
    """Run `command` until the end of the block. Raises BenchmarkError if it does not start."""
    inherited = {name: v for name, v in os.environ.items() if not name.startswith("SLUGLINE_")}
    log = bench.folder / f"{name}.log"
    with log.open("wb") as out, pinned(bench.server_core):
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env={**inherited, **env}, stdout=out, stderr=out
        )
    try:
        while not _is_live(port):
            if process.poll() is not None or time.perf_counter() - began > START_SECONDS:
                raise BenchmarkError(f"{name} did not start: {log.read_text()[-2_000:]}")
            time.sleep(0.002)
        yield Server(port, process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _is_live(port: int) -> bool:
    # Any response will do: the limit sends its only one for every path.
    try:
        fetch(port, Request("/health/live"))
    except BenchmarkError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def memory_mib(pid: int, name: str = "VmRSS") -> float:
    """Return the resident memory of a process in MiB, or with "VmHWM" the peak of it."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of its children, ended ones included."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # proc(5): after the name, in parentheses, come the state, the parent, and from the
            # 14th field of the line on utime, stime, cutime and cstime.
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # the process has ended
            continue
        if path.parent.name == str(pid):
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == str(pid):
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
