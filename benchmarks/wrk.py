"""wrk: many requests over a few connections from one core, and what came of them."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.exchange import HOST, Ask
from benchmarks.machine import pinned

CONNECTIONS: Final = 8
TIMEOUT_SECONDS: Final = 10
SCRIPT: Final = Path(__file__).with_name("drive.lua")
FAULTS: Final = ("connect", "read", "write", "status", "timeout")


class FaultyRunError(Exception):
    """Some requests were not answered, or not with success, so the run measured something else."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: requests a second, latencies in microseconds, and bytes of an answer, on average.

    `cpu` counts the seconds of processor time that the server spent on it, to the hundredth.
    """

    requests: int
    seconds: float
    rate: float
    p50: float
    p99: float
    size: float
    cpu: float = 0.0

    @property
    def busy(self) -> float:
        """What share of the time the server was at work: less than 1 where something else was."""
        return self.cpu / self.seconds

    @property
    def thrift(self) -> float:
        """Requests for a second of processor time: the rate, had the server a core to itself."""
        return self.requests / self.cpu if self.cpu else 0.0


@dataclass(frozen=True, slots=True)
class Walk:
    """The paths to ask for, one a line of a file: again and again, or once each."""

    paths: Path
    once: bool = False

    def __len__(self) -> int:
        return len(self.paths.read_bytes().splitlines())


def drive(port: int, ask: Ask, seconds: int, core: int, walk: Walk | None = None) -> Sample:
    """Ask the server at `port` for `seconds`, as fast as it answers. Raises FaultyRunError.

    With `walk`, its paths take the place of the one in `ask`; a walk that goes once ends sooner.
    """
    fields = [f"--header={name}: {value}" for name, value in ask.headers.items()]
    command = [
        "wrk", "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s",
        f"--timeout={TIMEOUT_SECONDS}s", f"--script={SCRIPT}", *fields,
        f"http://{HOST}:{port}{ask.path}",
    ]  # fmt: skip
    if walk:
        command += ["--", str(walk.paths), *(["once"] if walk.once else [])]
    with pinned(core):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FaultyRunError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    return _sample(json.loads(done.stdout.splitlines()[-1]))


def _sample(counts: dict[str, int]) -> Sample:
    if faults := {name: counts[name] for name in FAULTS if counts[name]}:
        raise FaultyRunError(f"wrk counted {faults} among {counts['requests']} requests")
    if not counts["requests"]:
        raise FaultyRunError("no request was answered")
    return Sample(
        requests=counts["requests"],
        seconds=counts["microseconds"] / 1e6,
        rate=counts["requests"] * 1e6 / counts["microseconds"],
        p50=counts["p50"],
        p99=counts["p99"],
        size=counts["bytes"] / counts["requests"],
    )
