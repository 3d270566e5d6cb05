"""`/health`: whether the process runs, and whether it can serve."""

import asyncio
from http import HTTPStatus
from typing import Final

from anyio import to_thread
from fastapi import APIRouter

from app.web.methods import readable
from app.web.openapi import document
from app.web.problems import Problem, unavailable
from app.web.state import NoStore, StateDep

TIMEOUT_SECONDS: Final = 5


def router() -> APIRouter:
    """Return the routes of the health checks."""
    routes = APIRouter(prefix="/health", tags=["health"], dependencies=[NoStore])
    for status, handler in (("live", _live), ("ready", _ready)):
        readable(routes, f"/{status}", handler, document.health(status))
    return routes


async def _live() -> dict[str, str]:  # async, to prove that the event loop runs
    """Report that the process runs, without checking anything else."""
    return {"status": "live"}


async def _ready(service: StateDep) -> dict[str, str]:
    """Report that articles can be served: the database answers with the current schema."""
    check = to_thread.run_sync(service.database.is_current, abandon_on_cancel=True)
    try:
        current = await asyncio.wait_for(check, TIMEOUT_SECONDS)
    except TimeoutError:
        raise unavailable() from None
    if not current:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The database's schema is not current.")
    return {"status": "ready"}
