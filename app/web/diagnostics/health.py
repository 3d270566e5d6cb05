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

PATIENCE_SECONDS: Final = 5


def router() -> APIRouter:
    """Return the routes for whoever watches the service."""
    routes = APIRouter(prefix="/health", tags=["health"], dependencies=[NoStore])
    for status, handler in (("live", _live), ("ready", _ready)):
        readable(routes, f"/{status}", handler, document.health(status))
    return routes


async def _live() -> dict[str, str]:  # in the event loop, to show that it turns
    """Say that the process runs. It asks nobody else."""
    return {"status": "live"}


async def _ready(service: StateDep) -> dict[str, str]:
    """Say that articles can be served: the database answers, and its schema is this version's."""
    asking = to_thread.run_sync(service.database.is_current, abandon_on_cancel=True)
    try:
        current = await asyncio.wait_for(asking, PATIENCE_SECONDS)
    except TimeoutError:
        raise unavailable() from None
    if not current:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The database's schema is not current.")
    return {"status": "ready"}
