"""`python -m tests.support.instrumented_command ARGUMENTS`: the command with two test hooks."""

import atexit
import os
from pathlib import Path

from app.__main__ import main
from app.ingest import batching

BATCH = "SLUGLINE_TEST_BATCH_RECORDS"
"""The environment variable with the records in a batch, so that few make many transactions."""

PEAK = "SLUGLINE_TEST_PEAK_FILE"
"""The environment variable with the path of a file for the peak memory, in KiB."""


def peak_memory() -> str:
    """Return this process's peak resident size in KiB (`ru_maxrss` would count the parent's)."""
    status = Path("/proc/self/status").read_text()
    return next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    # Not left in the environment: the command refuses settings that it does not know.
    if size := os.environ.pop(BATCH, None):
        batching.BATCH_RECORDS = int(size)  # type: ignore[misc] # for the test
    if PEAK in os.environ:
        peak_file = Path(os.environ.pop(PEAK))
        atexit.register(lambda: peak_file.write_text(peak_memory()))
    main()
