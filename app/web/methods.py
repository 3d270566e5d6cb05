"""Which methods a path knows: for 405, for OPTIONS, and for a browser's preflight request."""

from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from starlette.routing import Match

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_READS: Final = ("GET", "HEAD")
_PREFLIGHT_SECONDS: Final = 86_400


def allowed(request: Request) -> tuple[str, ...]:
    """Return all methods of the request's path: of each of its routes, not of the first alone."""
    routes = request.app.router.routes
    known = tuple(
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    )
    return (*known, "OPTIONS") if known else ()


def options(request: Request, methods: tuple[str, ...]) -> Response:
    """Return the answer to OPTIONS: the path's methods, and to a preflight what it may do."""
    # RFC 9110 section 9.3.7; the CORS fields are those of the Fetch standard, section 3.2.
    response = Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(methods)})
    response.headers["Cache-Control"] = "no-store"
    readable = [method for method in methods if method in _READS]
    if readable and not request.url.path.startswith("/admin"):
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Methods"] = ", ".join(readable)
        response.headers["Access-Control-Allow-Headers"] = "*"
        response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    return response
