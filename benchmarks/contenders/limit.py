"""The bare limit: an ASGI function that sends a response which Slugline has sent before.

No ASGI application answers faster under the same uvicorn: there is no routing, no request object,
no thread and no database.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from benchmarks.client import Response

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Callable[[], Awaitable[Message]], Send], Awaitable[None]]


def limit(response: Response) -> Application:
    """Return the application that sends `response` for every request."""
    fields = [(name.encode(), value.encode()) for name, value in response.application_fields]
    start = {"type": "http.response.start", "status": response.status, "headers": fields}
    body = {"type": "http.response.body", "body": response.body}

    async def application(scope: Message, _receive: object, send: Send) -> None:
        if scope["type"] == "http":
            await send(start)
            await send(body)

    return application


def app_from_environment() -> Application:
    """Return the application for the response in the file that BENCHMARK_RESPONSE names."""
    return limit(Response.from_json(Path(os.environ["BENCHMARK_RESPONSE"]).read_text()))
