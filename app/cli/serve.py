"""`slugline serve`: run the service under uvicorn."""

import importlib
import logging
import os
from typing import Annotated, Final

import typer
import uvicorn

from app.cli.errors import report_errors
from app.database.transactions import Database
from app.settings import read_settings

GRACE_SECONDS: Final = 8
"""How long requests may continue during shutdown: less than container runtimes allow.

A load stops after its current batch, and its receipt says so.
"""

_PROTOCOL_MODULE: Final = "app.web.asgi.uvicorn_protocol"

logger = logging.getLogger(__name__)


@report_errors
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="The number of processes.")] = 1,
    *,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log each request.")] = False,
) -> None:
    """Serve articles and the admin endpoints."""
    # Before workers start, so that an old schema or a bad setting is reported once, in one line.
    settings = read_settings()
    if port and "public_base_url" not in settings.model_fields_set:
        # Assume that readers are on this machine. Workers inherit the variable.
        os.environ["SLUGLINE_PUBLIC_BASE_URL"] = f"http://localhost:{port}"
    database = Database(settings.database_url)
    database.prepare()
    database.close()
    uvicorn.run(
        "app.main:app_from_environment",
        factory=True,
        http=http_protocol(),
        host=host,
        port=port,
        workers=workers,
        server_header=False,
        access_log=access_log,  # a log line costs three times as much as a cached response
        proxy_headers=True,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def http_protocol() -> str:
    """Return the protocol for uvicorn: its own where ours does not fit the installed version."""
    try:
        importlib.import_module(_PROTOCOL_MODULE)
    except ImportError as error:
        logger.warning("cached responses are served through ASGI, which is slower: %s", error)
        return "auto"
    return f"{_PROTOCOL_MODULE}:CachingProtocol"
