"""A client of an application within the test process."""

import asyncio
from collections.abc import Iterable

from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Message


class Client(TestClient):
    """FastAPI's client, which does not follow redirects, and which can send raw query strings."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, follow_redirects=False)

    def statuses(self, targets: Iterable[tuple[str, bytes]]) -> list[int]:
        """Get paths with raw query strings, bytes that httpx would escape; return the statuses."""
        assert self.portal, "the client is not entered"
        return [self.portal.call(self._status, path, query) for path, query in targets]

    async def _status(self, path: str, query: bytes) -> int:
        scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "root_path": "",
            "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query,
            "headers": [(b"host", b"testserver")], "client": ("testclient", 50_000),
            "server": ("testserver", 80), "state": self.app_state.copy(),
        }  # fmt: skip
        sent: list[Message] = []
        received: list[Message] = [{"type": "http.request", "body": b""}]

        async def receive() -> Message:
            # A client that never disconnects: a stream waits for that while it is being sent.
            return received.pop() if received else await asyncio.Future()

        async def send(message: Message) -> None:
            sent.append(message)

        try:
            await self.app(scope, receive, send)
        except Exception as error:
            error.add_note(f"while getting {path} with {query!r}")
            raise
        status: int = sent[0]["status"]
        return status
