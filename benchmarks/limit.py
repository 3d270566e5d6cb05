"""The limit: a bare ASGI function that sends bytes which Slugline has sent before.

Under the same uvicorn with the same settings no ASGI application answers an HTTP request faster
with those bytes: no routing, no request object, no thread, no database.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from benchmarks.exchange import Answer

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


def limit(answer: Answer) -> Application:
    """Return the application that gives `answer` to whatever it is asked."""
    start = {
        "type": "http.response.start",
        "status": answer.status,
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.sent
        ],
    }
    body = {"type": "http.response.body", "body": answer.body}

    async def application(
        scope: Message,
        _receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] == "http":
            await send(start)
            await send(body)

    return application


def app_from_environment() -> Application:
    """Return the limit for the answer in the file that BENCHMARK_ANSWER names."""
    return limit(Answer.read(Path(os.environ["BENCHMARK_ANSWER"])))
