"""A client of an application within this process, which waits for each answer as a whole.

The framework's own changes threads ten times for each request, so that an answer can be looked at
before it is complete. That takes longer than most answers do.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote

import httpx2
from anyio.from_thread import BlockingPortal
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Message, Scope

ADDRESS: Final = ("testclient", 50_000)


class Client(TestClient):
    """The framework's client, but for how a request gets to the application."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, follow_redirects=False)
        self._transport = self._direct = Direct(self)

    def statuses(self, targets: Iterable[tuple[str, bytes]]) -> list[int]:
        """Get paths with their queries, which are bytes as somebody may send them; all in one step.

        Where an answer is a stream, it is read to its end.
        """
        return self._direct.statuses(targets)


class Direct(httpx2.BaseTransport):
    """Takes each request to the application of a client that is entered, in one step."""

    def __init__(self, client: TestClient) -> None:
        self._client = client

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer. What the application raises goes through."""
        url = request.url
        scope = {
            **self._scope(),
            "method": request.method,
            "path": unquote(url.path),
            "raw_path": url.raw_path.split(b"?", 1)[0],
            "scheme": url.scheme,
            "query_string": url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": [url.host, url.port or 80],
        }
        start, body = self._portal.call(self._ask, scope, request.read())
        stream = httpx2.ByteStream(b"" if request.method == "HEAD" else body)
        return httpx2.Response(
            start["status"], headers=start["headers"], stream=stream, request=request
        )

    def statuses(self, targets: Iterable[tuple[str, bytes]]) -> list[int]:
        """Return the status of each answer. What the application raises goes through."""
        named = [
            {**self._scope(), "path": path, "raw_path": path.encode(), "query_string": query}
            for path, query in targets
        ]

        async def status(scope: Scope) -> int:
            try:
                start, _ = await self._ask(scope, b"")
            except Exception as error:
                error.add_note(f"asked for {scope['path']} with {scope['query_string']!r}")
                raise
            found: int = start["status"]
            return found

        async def one_by_one() -> list[int]:
            return [await status(scope) for scope in named]

        return self._portal.call(one_by_one)

    @property
    def _portal(self) -> BlockingPortal:
        portal = self._client.portal
        assert portal, "the client is not entered"
        return portal

    def _scope(self) -> Scope:
        return {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "root_path": "",
            "scheme": "http",
            "headers": [(b"host", b"testserver")],
            "client": ADDRESS,
            "server": ["testserver", 80],
            "state": self._client.app_state.copy(),
        }

    async def _ask(self, scope: Scope, content: bytes) -> tuple[Message, bytes]:
        requests: list[Message] = [{"type": "http.request", "body": content}]
        sent: list[Any] = []
        complete = asyncio.Event()

        async def receive() -> Message:
            if requests:
                return requests.pop()
            await complete.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                complete.set()

        await self._client.app(scope, receive, send)
        start, *parts = sent
        assert complete.is_set()
        return start, b"".join(part.get("body", b"") for part in parts)
