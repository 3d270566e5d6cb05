"""Run the command line in processes of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from tests.support.paths import ROOT

SLUGLINE = (sys.executable, "-m", "app")
INSTRUMENTED = (sys.executable, "-m", "tests.support.instrumented_command")

START_SECONDS = 30


@dataclass
class Server:
    """A running server: its base URL, its log file and its process."""

    base: str
    log: Path
    process: "subprocess.Popen[bytes]"


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of this process without Slugline's settings, and with `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLUGLINE_")}
    # Wide and without colour, so that output does not depend on a terminal.
    return {**kept, "COLUMNS": "200", "NO_COLOR": "1", "PYTHONPATH": str(ROOT), **variables}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def run(
    *arguments: str, cwd: Path, command: Sequence[str] = SLUGLINE, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end and return its result."""
    return subprocess.run(
        [*command, *arguments],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def answers(port: int, path: str = "/health/live") -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def serving(
    cwd: Path,
    *options: str,
    command: Sequence[str] = SLUGLINE,
    env: Mapping[str, str],
    port: int | None = None,
) -> Iterator[Server]:
    """Run `slugline serve` in `cwd` until the end of the block, then terminate it."""
    port, log = port or free_port(), cwd / "server.log"
    arguments = [*command, "serve", "--port", str(port), *options]
    with log.open("wb") as out:
        process = subprocess.Popen(arguments, cwd=cwd, env=env, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield Server(f"http://127.0.0.1:{port}", log, process)
    finally:
        process.terminate()
        process.wait(20)
