"""Servers that start at once: `python nursery.py` has everything imported, and forks for each.

It reads a port from each line of its input, serves there in a new process as `slugline serve` does,
and writes that one's id. Batches are small here, so that few records make many transactions.
"""

import os
import signal
import sys
from importlib import import_module

from app.commands.serving import serve
from app.loading import batches
from app.main import app_from_environment

BATCH_RECORDS = 40
LATE = "uvicorn.lifespan.on", "uvicorn.loops.auto", "uvicorn.protocols.http.auto"
"""What the server would import as it starts."""


def main() -> None:
    batches.BATCH_RECORDS = BATCH_RECORDS  # type: ignore[misc] # see above
    app_from_environment()  # for what is imported on the way
    for name in LATE:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that were killed
    while line := sys.stdin.readline():
        port = int(line)
        child = os.fork()
        if not child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(port=port, access_log=False)
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
