"""A request under `/admin` while it is answered: its id, where it came from, who sent it.

The id is in every line that is logged on the way, in threads too.
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

# A token of RFC 9110 section 5.6.2, of a length that fits a line: others are not worth repeating.
_SANE: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")

_current: ContextVar[str] = ContextVar("request_id", default="")


@dataclass(slots=True)
class RequestContext:
    """What is known of a request. `operator` is empty until a token has said whose it is."""

    request_id: str
    address: str
    operator: str = ""


def get_request_context(request: Request) -> RequestContext:
    """Return what is known of `request`, which came to an address under `/admin`."""
    visit = request.scope["state"]["visit"]
    assert isinstance(visit, RequestContext)  # noqa: S101 - `visiting` put it there
    return visit


@contextmanager
def request_context(scope: Scope) -> Iterator[RequestContext]:
    """Yield a visit that begins, and say in what is logged until its end whose lines they are."""
    visit = RequestContext(_id_for(scope["headers"]), (scope.get("client") or ("", 0))[0])
    scope.setdefault("state", {})["visit"] = visit
    before = _current.set(visit.request_id)
    yield visit
    # Not where it failed: what the server says of that is a line of this request, too.
    _current.reset(before)


def current_id() -> str:
    """Return the id of the request that is being answered here, also in a thread."""
    return _current.get()


def install() -> None:
    """Have all loggers of this process say which request a line belongs to."""
    logging.setLogRecordFactory(_Line)


class _Line(logging.LogRecord):
    """A line of the log that ends in the id of the request it belongs to, if it does to any."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(*args, **kwargs)
        self.request_id = _current.get()

    def getMessage(self) -> str:  # noqa: N802 - the library's own
        """Return what was said, and in which request."""
        said = super().getMessage()
        return f"{said} [request {self.request_id}]" if self.request_id else said


def _id_for(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the client's own id where it sent one that can be repeated, else a new one."""
    sent = [value for name, value in headers if name == HEADER]
    if len(sent) == 1 and _SANE.fullmatch(sent[0]):
        return sent[0].decode()
    return secrets.token_hex(8)
