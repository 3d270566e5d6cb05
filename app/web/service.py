"""What requests are answered with: the settings, the database, the site and the clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Annotated

from fastapi import Depends, Request, Response

from app.database import Database
from app.representations import Site
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """One running Slugline. `stopping` is set when it is about to end."""

    settings: Settings
    database: Database
    site: Site
    clock: Callable[[], datetime]
    stopping: Event = field(default_factory=Event)


def service_of(request: Request) -> Service:
    """Return the service that `request` came to."""
    service = request.app.state.service
    assert isinstance(service, Service)  # noqa: S101 - `create_app` put it there
    return service


Served = Annotated[Service, Depends(service_of)]


def _unstored(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"


Unstored = Depends(_unstored)
"""For routes whose answers nobody keeps."""
