"""A plain FastAPI handler that returns a constant: what the framework costs by itself.

It is written as FastAPI's tutorial writes it: a `def` route, which FastAPI runs in a thread, with
a return type. For a JSON body it returns the decoded object, which FastAPI encodes; for other
bodies the text, through the response class for it.
"""

import json
import os
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse

from benchmarks.client import Response


def constant(response: Response) -> FastAPI:
    """Return the application that gives the body of `response` for any article."""
    app = FastAPI()
    text = response.body.decode()
    if response.media_type.endswith("json"):
        value: dict[str, object] = json.loads(text)

        @app.get("/news/{slug}")
        def read_object(slug: str) -> dict[str, object]:  # noqa: ARG001 - part of the path
            return value

        return app
    response_class = HTMLResponse if response.media_type == "text/html" else PlainTextResponse

    @app.get("/news/{slug}", response_class=response_class)
    def read_text(slug: str) -> str:  # noqa: ARG001 - part of the path
        return text

    return app


def app_from_environment() -> FastAPI:
    """Return the application for the response in the file that BENCHMARK_RESPONSE names."""
    return constant(Response.from_json(Path(os.environ["BENCHMARK_RESPONSE"]).read_text()))
