"""The methods that a path supports, for 405, OPTIONS and CORS preflight requests."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.routing import Match

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_READS: Final = ("GET", "HEAD")
_PREFLIGHT_SECONDS: Final = 86_400


def readable(
    routes: APIRouter, path: str, handler: Callable[..., Any], operation: Mapping[str, Any]
) -> None:
    """Add routes for GET and HEAD at `path`. The server drops the body of responses to HEAD."""
    routes.add_api_route(path, handler, methods=["GET"], **operation)
    head = {name: value for name, value in operation.items() if name == "response_class"}
    routes.add_api_route(path, handler, methods=["HEAD"], include_in_schema=False, **head)


def allowed(request: Request) -> tuple[str, ...]:
    """Return the methods of all routes that match the request's path, or () for an unknown path."""
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
    """Return the response to OPTIONS, and to a preflight request."""
    # RFC 9110 section 9.3.7; the CORS fields are those of the Fetch standard, section 3.2.
    response = Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(methods)})
    response.headers["Cache-Control"] = "no-store"
    readable = [method for method in methods if method in _READS]
    if not readable or request.scope["path"].startswith("/admin"):
        return response
    response.headers["Access-Control-Allow-Origin"] = "*"
    if "access-control-request-method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = ", ".join(readable)
        response.headers["Access-Control-Allow-Headers"] = "*"
        response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    return response
