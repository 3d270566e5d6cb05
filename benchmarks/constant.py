"""A plain FastAPI handler that returns a constant: what the framework costs by itself.

It is written as FastAPI's own tutorial writes it: a `def` route, which FastAPI runs in a thread,
with a return type. Where Slugline's answer is JSON it returns the decoded object, for FastAPI to
encode; else the text, through the response class for it.
"""

import json
import os
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse

from benchmarks.exchange import Answer


def constant(answer: Answer) -> FastAPI:
    """Return the application that gives the body of `answer` for any article."""
    app = FastAPI()
    text = answer.body.decode()
    if answer.media_type in {"application/json", "application/ld+json"}:
        value: dict[str, object] = json.loads(text)

        @app.get("/news/{slug}")
        def read_object(slug: str) -> dict[str, object]:  # noqa: ARG001 - part of the path
            return value

        return app
    response = HTMLResponse if answer.media_type == "text/html" else PlainTextResponse

    @app.get("/news/{slug}", response_class=response)
    def read_text(slug: str) -> str:  # noqa: ARG001 - part of the path
        return text

    return app


def app_from_environment() -> FastAPI:
    """Return the application for the answer in the file that BENCHMARK_ANSWER names."""
    return constant(Answer.read(Path(os.environ["BENCHMARK_ANSWER"])))
