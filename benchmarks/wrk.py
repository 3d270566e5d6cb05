"""Drive a server with wrk: many requests over a few connections, from the clients' core."""

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.bench import BenchmarkError
from benchmarks.client import HOST, Request
from benchmarks.servers import Server, cpu_seconds, pinned

CONNECTIONS: Final = 8
SCRIPT: Final = Path(__file__).with_name("drive.lua")
ERRORS: Final = ("connect", "read", "write", "status", "timeout")


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of wrk. Latencies are in microseconds, `size` is the mean bytes of a response.

    `cpu` is the processor time of the server in seconds, to the hundredth.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    size: float
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def busy(self) -> float:
        """The share of its core that the server used."""
        return self.cpu / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Requests for a second of the server's processor time. Raises BenchmarkError."""
        if not self.cpu:
            raise BenchmarkError("the run was too short to measure processor time")
        return self.requests / self.cpu


def drive(
    server: Server, request: Request, seconds: int, core: int, walk: Path | None = None
) -> Sample:
    """Send `request` for `seconds`, as fast as the server answers. Raises BenchmarkError.

    With `walk`, a file of paths, one a line, these are requested in order, again and again.
    """
    command = [
        "wrk", "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s",
        "--timeout=10s", f"--script={SCRIPT}",
        *(f"--header={name}: {value}" for name, value in request.headers.items()),
        f"http://{HOST}:{server.port}{request.path}",
    ]  # fmt: skip
    if walk:
        command += ["--", str(walk)]
    before = cpu_seconds(server.pid)
    with pinned(core):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    cpu = cpu_seconds(server.pid) - before
    if done.returncode:
        raise BenchmarkError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    return replace(parse(done.stdout), cpu=cpu)


def parse(output: str) -> Sample:
    """Return what wrk counted. Raises BenchmarkError if one request failed, or none was made."""
    counts = json.loads(output.splitlines()[-1])
    if errors := {name: counts[name] for name in ERRORS if counts[name]}:
        raise BenchmarkError(f"wrk counted {errors} among {counts['requests']} requests")
    if not counts["requests"]:
        raise BenchmarkError("no request was answered")
    mean_size = counts["bytes"] / counts["requests"]
    seconds = counts["microseconds"] / 1e6
    return Sample(counts["requests"], seconds, counts["p50"], counts["p99"], mean_size)
