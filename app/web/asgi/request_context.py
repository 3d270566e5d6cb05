"""The context of a request under `/admin`: its id, the client's address, the operator.

The id is appended to every line that is logged while the request is served, in worker threads too.
"""

import logging
import re
import secrets
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request

Scope = MutableMapping[str, Any]

HEADER: Final = b"x-request-id"

# A token (RFC 9110 section 5.6.2), short enough for a log line. Other ids are not accepted.
_VALID_ID: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_STATE_KEY: Final = "request_context"

_current_id: ContextVar[str] = ContextVar("request_id", default="")


@dataclass(slots=True)
class RequestContext:
    """What is known of a request. `operator` is empty until a token has been verified."""

    request_id: str
    address: str
    operator: str = ""


def get_request_context(request: Request) -> RequestContext:
    """Return the context of `request`, whose path is under `/admin`."""
    context = request.scope["state"][_STATE_KEY]
    assert isinstance(context, RequestContext)  # noqa: S101 - `request_context` put it there
    return context


@contextmanager
def request_context(scope: Scope) -> Iterator[RequestContext]:
    """Yield a new context, and put its id into every log line until the block ends."""
    context = RequestContext(_id_for(scope["headers"]), (scope.get("client") or ("", 0))[0])
    scope.setdefault("state", {})[_STATE_KEY] = context
    token = _current_id.set(context.request_id)
    yield context
    # Not reset after an exception: what the server logs of it belongs to this request, too.
    _current_id.reset(token)


def current_id() -> str:
    """Return the id of the request that is being served here, or "" outside of any."""
    return _current_id.get()


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to each record, and appends it to the message. For handlers."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change `record` once, however many handlers see it. Return True."""
        if not hasattr(record, "request_id"):
            request_id = current_id()
            record.__dict__["request_id"] = request_id
            if request_id:
                record.msg, record.args = f"{record.getMessage()} [request {request_id}]", None
        return True


_FILTER: Final = RequestIdFilter()  # one object, which a handler takes once only


def install() -> None:
    """Add the filter to the handlers through which this process logs by now.

    They are those of the root logger, of uvicorn, and logging's last resort, which prints warnings
    where nothing else is configured.
    """
    for name in ("", "uvicorn", "uvicorn.error", "uvicorn.access"):
        for handler in logging.getLogger(name).handlers:
            handler.addFilter(_FILTER)
    if logging.lastResort:
        logging.lastResort.addFilter(_FILTER)


def _id_for(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the client's own X-Request-ID where there is one and it is valid, else a new id."""
    sent = [value for name, value in headers if name == HEADER]
    if len(sent) == 1 and _VALID_ID.fullmatch(sent[0]):
        return sent[0].decode()
    return secrets.token_hex(8)
