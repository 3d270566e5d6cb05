"""A client of an application within this process, which waits for each answer as a whole.

The framework's own changes threads ten times for each request, so that an answer can be looked at
before it is complete. That takes longer than most answers do.
"""

import asyncio
from typing import Any, Final
from urllib.parse import unquote

import httpx2
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Message, Scope

ADDRESS: Final = ("testclient", 50_000)


class Client(TestClient):
    """The framework's client, but for how a request gets to the application."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, follow_redirects=False)
        self._transport = Direct(self)


class Direct(httpx2.BaseTransport):
    """Takes each request to the application of a client that is entered, in one step."""

    def __init__(self, client: TestClient) -> None:
        self._client = client

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer. What the application raises goes through."""
        portal = self._client.portal
        assert portal, "the client is not entered"
        url = request.url
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": request.method,
            "path": unquote(url.path),
            "raw_path": url.raw_path.split(b"?", 1)[0],
            "root_path": "",
            "scheme": url.scheme,
            "query_string": url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": ADDRESS,
            "server": [url.host, url.port or 80],
            "state": self._client.app_state.copy(),
        }
        start, body = portal.call(self._ask, scope, request.read())
        stream = httpx2.ByteStream(b"" if request.method == "HEAD" else body)
        return httpx2.Response(
            start["status"], headers=start["headers"], stream=stream, request=request
        )

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
