"""The outermost layer: gives out ready answers without routing, threads or SQL.

It answers GET and HEAD of what is remembered, and leaves everything else to the application, which
answers with the same bytes and fields. Of requests that miss the same answer at the same time it
lets one through, and the others wait for what that one leaves behind.
"""

from asyncio import Event
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from app import codings
from app.answers import Answer, Memory
from app.conditions import Conditions, is_unmodified
from app.negotiation import negotiate
from app.representations import BY_MEDIA_TYPE
from app.web.problems import form_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# What is rare, or for one person alone, takes the ordinary way.
_ORDINARY: Final = frozenset({b"authorization", b"if-match", b"if-unmodified-since"})
_PREFIX: Final = "/news/"
_CHOICES: Final = 4_096
_LONGEST: Final = 512
"""A field with more bytes is read each time: what is remembered of choices is bounded, too."""


class Wanted(NamedTuple):
    """What a GET or HEAD asks for, as far as a ready answer may depend on it."""

    path: str
    accept: bytes
    coding: str
    none_match: bytes | None
    modified_since: bytes | None


class Ready:
    """An ASGI application in front of `app`, which fills `answers` and `missing`."""

    def __init__(self, app: Application, answers: Memory, missing: Memory) -> None:
        self._app = app
        self._answers = answers
        self._missing = missing
        self._making: dict[tuple[str, str, str], Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or let the application answer."""
        wanted = _wanted(scope)
        if wanted is None:
            await self._app(scope, receive, send)
            return
        answer = self._find(wanted)
        if answer is None:
            key = wanted.path, _form(wanted.accept), wanted.coding
            if key not in self._making:
                await self._make(key, scope, receive, send)
                return
            await self._making[key].wait()
            answer = self._find(wanted)
            if answer is None:  # there is none that may be kept
                await self._app(scope, receive, send)
                return
        if (wanted.none_match or wanted.modified_since) and _unmodified(wanted, answer):
            await send(answer.not_modified)
            await send(_EMPTY)
        else:
            await send(answer.start)
            await send(_EMPTY if scope["method"] == "HEAD" else answer.body_message)

    def _find(self, wanted: Wanted) -> Answer | None:
        shelf = self._answers.shelf(wanted.path)
        if shelf is not None:
            return shelf.find(_form(wanted.accept), wanted.coding)
        shelf = self._missing.shelf(wanted.path)
        if shelf is not None:
            return shelf.find(_form_of_problem(wanted.path, wanted.accept), codings.IDENTITY)
        return None

    async def _make(
        self, key: tuple[str, str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let the application answer, and those who want the same wait until it has begun to."""
        made = self._making[key] = Event()

        async def starting(message: Message) -> None:
            made.set()  # a client that reads slowly keeps nobody else waiting
            await send(message)

        try:
            await self._app(scope, receive, starting)
        finally:
            del self._making[key]
            made.set()


_EMPTY: Final[Message] = {"type": "http.response.body", "body": b""}


def _wanted(scope: Scope) -> Wanted | None:
    """Read a request, or return None for what is never answered from memory."""
    if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
        return None
    path: str = scope["path"]
    if not path.startswith(_PREFIX):
        return None
    accept = accept_encoding = b""
    none_match = modified_since = None
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    for name, value in headers:
        # RFC 9110 section 5.3: several lines of one field are one list.
        if name == b"accept":
            accept = accept + b", " + value if accept else value
        elif name == b"accept-encoding":
            accept_encoding = accept_encoding + b", " + value if accept_encoding else value
        elif name == b"if-none-match":
            none_match = none_match + b", " + value if none_match else value
        elif name == b"if-modified-since":
            modified_since = modified_since + b", " + value if modified_since else value
        elif name in _ORDINARY:
            return None
    return Wanted(path, accept, _coding(accept_encoding), none_match, modified_since)


def _unmodified(wanted: Wanted, answer: Answer) -> bool:
    """Say whether the client has `answer` already."""
    if not answer.etag:
        return False  # it says that there is nothing
    none_match, since = wanted.none_match, wanted.modified_since
    conditions = Conditions(
        if_none_match=none_match.decode("latin-1") if none_match is not None else None,
        if_modified_since=since.decode("latin-1") if since is not None else None,
    )
    return is_unmodified(conditions, answer.etag, answer.last_modified)


def _coding(accept_encoding: bytes) -> str:
    if len(accept_encoding) > _LONGEST:
        return codings.choose(accept_encoding.decode("latin-1"))
    return _known_coding(accept_encoding)


def _form(accept: bytes) -> str:
    return _known_form(accept) if len(accept) <= _LONGEST else _chosen(accept)


def _form_of_problem(path: str, accept: bytes) -> str:
    return form_of(path, accept.decode("latin-1"))[0]


def _chosen(accept: bytes) -> str:
    """Return the name of the form that `accept` gets, or "" where none is acceptable."""
    chosen = negotiate(accept.decode("latin-1"), tuple(BY_MEDIA_TYPE))
    return BY_MEDIA_TYPE[chosen].name if chosen else ""


_known_form = lru_cache(_CHOICES)(_chosen)


@lru_cache(_CHOICES)
def _known_coding(accept_encoding: bytes) -> str:
    return codings.choose(accept_encoding.decode("latin-1"))
