"""`python -S -E nursed.py SOCKET ARGUMENTS`: a command as the nursery starts it, see there.

It passes on the signals that it gets, and imports next to nothing.
"""

import os
import signal
import sys
import time
from array import array
from json import dumps
from socket import AF_UNIX, SCM_RIGHTS, SOL_SOCKET, socket
from types import FrameType

PATIENCE_SECONDS = 60
PASSED_ON = signal.SIGTERM, signal.SIGINT, signal.SIGHUP


def main(place: str, arguments: list[str]) -> int:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not os.path.exists(place):  # noqa: PTH110 - to import pathlib takes longer
        if time.monotonic() > deadline:
            sys.exit(f"there is no nursery at {place}")
        time.sleep(0.02)
    told = {"cwd": os.getcwd(), "env": dict(os.environ), "arguments": arguments}  # noqa: PTH109
    with socket(AF_UNIX) as nursery:
        nursery.connect(place)
        # There may be a command before there is somebody to pass signals on: they wait for that.
        signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
        data = dumps(told).encode() + b"\n"
        sent = nursery.sendmsg([data], [(SOL_SOCKET, SCM_RIGHTS, array("i", (0, 1, 2)))])
        nursery.sendall(data[sent:])

        def pass_on(number: int, _frame: FrameType | None) -> None:
            nursery.sendall(bytes([number]))

        for number in PASSED_ON:
            signal.signal(number, pass_on)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        status = int(nursery.recv(100) or b"-9")
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
