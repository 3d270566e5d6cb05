"""Commands that start at once: `python nursery.py SOCKET` has everything imported, and forks.

To import what a command needs takes longer than most commands do. `nursed.py` is what stands for
the command: it hands over its arguments, folder, environment and streams, and ends as the command
does. What comes of a command is the same; that the real one does so too has tests of its own.
"""

import array
import atexit
import json
import os
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from typing import Any

import app.__main__ as entry
from app.database import Database
from app.loading import batches
from app.main import app_from_environment
from app.store.preparing import prepare

LATE = "uvicorn.lifespan.on", "uvicorn.loops.auto", "uvicorn.protocols.http.auto"
"""What a server would import as it starts."""

PEAK = "NURSERY_PEAK"
"""The variable that names a file for how much memory the command took at most, in KiB."""

STREAMS = 3
BATCH = "NURSERY_BATCH_RECORDS"
"""The variable that makes batches smaller, so that few records make many transactions."""


class Nursery:
    """What starts commands for those who connect at `place`, until its own input ends."""

    def __init__(self, place: str) -> None:
        self.selector = selectors.DefaultSelector()
        self.clients: dict[int, socket.socket] = {}
        self.born: dict[str, Any] | None = None
        waking, woken = os.pipe()
        for end in waking, woken:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{place}.new")
        listener.listen()
        Path(f"{place}.new").rename(place)  # so that who finds it can connect
        self._heed(listener, lambda: self._fork(listener))
        self._heed(waking, lambda: self._reap(waking))

    def run(self) -> dict[str, Any] | None:
        """Start commands. Return None at the end, and in a command's process what it was told."""
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is sys.stdin:
                    return None  # the tests are over, however they ended
                key.data()
                if self.born:
                    return self.born

    def _heed(self, what: Any, act: Callable[[], None]) -> None:
        self.selector.register(what, selectors.EVENT_READ, act)

    def _fork(self, listener: socket.socket) -> None:
        client, _ = listener.accept()
        told = received(client)
        child = os.fork()
        if not child:
            self.born = told
            return
        for stream in told["streams"]:
            os.close(stream)
        self.clients[child] = client
        self._heed(client, lambda: self._pass_on(child, client))

    def _pass_on(self, child: int, client: socket.socket) -> None:
        if child not in self.clients:
            return  # it has ended meanwhile
        number = client.recv(1)
        if not number:  # whoever started it was killed
            self.selector.unregister(client)
        os.kill(child, number[0] if number else signal.SIGKILL)

    def _reap(self, waking: int) -> None:
        os.read(waking, 1 << 10)
        for child, client in list(self.clients.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if not ended:
                continue
            del self.clients[child]
            with client:
                if client in self.selector.get_map():
                    self.selector.unregister(client)
                    client.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def received(client: socket.socket) -> dict[str, Any]:
    """Return what a client has told, with its streams."""
    streams = array.array("i")
    data, sent, _, _ = client.recvmsg(1 << 20, socket.CMSG_SPACE(STREAMS * streams.itemsize))
    for _, _, numbers in sent:
        streams.frombytes(numbers)
    while not data.endswith(b"\n"):
        data += client.recv(1 << 20)
    told: dict[str, Any] = json.loads(data)
    return {**told, "streams": list(streams)}


def become(told: dict[str, Any]) -> None:
    """Be the command, in a process that is all its own."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(told["streams"]):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(told["env"])
    os.chdir(told["cwd"])
    if size := os.environ.pop(BATCH, None):
        batches.BATCH_RECORDS = int(size)  # type: ignore[misc] # a test's own wish
    if told_to := os.environ.pop(PEAK, None):
        atexit.register(lambda: Path(told_to).write_text(str(getrusage(RUSAGE_SELF).ru_maxrss)))
    sys.argv = [entry.__file__, *told["arguments"]]
    try:
        entry.main()
    except SystemExit as end:
        leave(end.code)
        raise


def leave(status: object) -> None:
    """End this process with `status` as an interpreter does, but do not take everything apart.

    For that, it would copy most of what it has in common with the nursery: half of the time of a
    short command. What cannot be ended like this is left to the interpreter.
    """
    threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001 - there is no other way to it
    atexit._run_exitfuncs()  # noqa: SLF001
    if status is None or isinstance(status, int):
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status or 0)


def main(place: str) -> None:
    app_from_environment()  # for what is imported on the way, and made once in each process
    with TemporaryDirectory() as folder:  # and for what the first migration of a process makes
        database = Database(f"sqlite:///{folder}/slugline.db")
        prepare(database, datetime.now(UTC))
        database.close()
    for name in LATE:
        import_module(name)
    sys.modules["__main__"] = entry  # whose name is in what help says
    nursery = Nursery(place)
    nursery.selector.register(sys.stdin, selectors.EVENT_READ)
    if told := nursery.run():
        become(told)


if __name__ == "__main__":
    main(sys.argv[1])
