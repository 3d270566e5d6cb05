"""The outermost layer: gives out ready answers without routing, threads or SQL.

It answers GET and HEAD of articles: with what is remembered, else with what it has made in a
thread, once for all who ask for it at that time. What it cannot answer, and all the rest, it leaves
to the application, which builds the same answers.
"""

import asyncio
import logging
from asyncio import Future
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from app import codings
from app.answers import Answer, Memory
from app.conditions import Conditions, is_unmodified
from app.listings import BY_MEDIA_TYPE as LISTING_FORMS
from app.negotiation import negotiate
from app.representations import BY_MEDIA_TYPE
from app.web import listings
from app.web.articles import answer_at
from app.web.problems import Problem, form_of, problem_answer, unavailable
from app.web.service import Service

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# What is rare, or for one person alone, takes the ordinary way.
_ORDINARY: Final = frozenset({b"authorization", b"if-match", b"if-unmodified-since"})
_READING: Final = frozenset({"GET", "HEAD"})
_PREFIX: Final = "/news/"
_CHOICES: Final = 1_024
FIELDS_AT_MOST: Final = 128
FIELD_BYTES: Final = 32 << 10
ACCEPT_BYTES: Final = 4_000
"""How long Accept and Accept-Encoding may be: to weigh more members others would notice."""
ADDRESS_LENGTH: Final = 2_000
"""A longer address of a listing takes the ordinary way, and is not remembered."""

PATIENCE_SECONDS: Final = 15
"""How long a reader waits for a database that takes questions and does not answer."""

logger = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """What a GET or HEAD asks for, as far as a ready answer may depend on it."""

    path: str
    accept: bytes
    coding: str
    none_match: bytes | None
    modified_since: bytes | None


class Ready:
    """An ASGI application in front of `app`, which is `service`'s."""

    def __init__(self, app: Application, service: Service) -> None:
        self._app = app
        self._service = service
        self._making: dict[tuple[int, str, str, str], Future[Answer | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what is ready or can be made, or let the application answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            wanted = _wanted(scope)
        except _TooHeavyError:
            await _send(self._refusal(_TOO_HEAVY, scope["path"], b""), scope, send)
            return
        answer = None
        if wanted is not None:
            answer = self._find(wanted) or await self._made(wanted)
        if wanted is None or answer is None:
            await self._app(scope, receive, send)
        elif (wanted.none_match or wanted.modified_since) and _unmodified(wanted, answer):
            await send(answer.not_modified)
            await send(_EMPTY)
        else:
            await _send(answer, scope, send)

    def _find(self, wanted: Wanted) -> Answer | None:
        kind = _kind(wanted.path)
        for memory in kind.memories(self._service):
            shelf = memory.shelf(wanted.path)
            if shelf is not None:
                return shelf.find(kind.form(wanted.accept), wanted.coding)
        shelf = self._service.missing.shelf(wanted.path)
        if shelf is not None:
            return shelf.find(_form_of_problem(wanted.path, wanted.accept), codings.IDENTITY)
        return None

    async def _made(self, wanted: Wanted) -> Answer | None:
        """Have an answer made, or wait for one that is being made for somebody else."""
        kind = _kind(wanted.path)
        # What began before a write is not for those who came after it.
        epoch, form = kind.memories(self._service)[0].epoch, kind.form(wanted.accept)
        asked = wanted.path, form, wanted.coding
        key = epoch, *asked
        making = self._making.get(key)
        if making is None:
            # The event loop's own threads: a load, which is the application's, takes none of them.
            making = asyncio.get_running_loop().run_in_executor(
                None, kind.make, self._service, *asked
            )
            self._making[key] = making
            making.add_done_callback(partial(self._making.pop, key))
        try:
            # One that goes away leaves it to the others.
            return await asyncio.wait_for(asyncio.shield(making), PATIENCE_SECONDS)
        except TimeoutError:
            logger.warning("the database keeps a reader waiting")
            return self._refusal(unavailable(), wanted.path, wanted.accept)
        except Exception:  # noqa: BLE001 - the application meets it again, and knows what to say
            return None

    def _refusal(self, problem: Problem, path: str, accept: bytes) -> Answer:
        known = accept.decode("latin-1")
        return problem_answer(self._service, problem, path, known, personal=True)


_EMPTY: Final[Message] = {"type": "http.response.body", "body": b""}
_TOO_HEAVY: Final = Problem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"A request may have {FIELDS_AT_MOST} header fields of {FIELD_BYTES} bytes together,"
    f" {ACCEPT_BYTES} of them in Accept and in Accept-Encoding.",
)


class _TooHeavyError(Exception):
    """To read the fields of the request could take a time that others would notice."""


async def _send(answer: Answer, scope: Scope, send: Send) -> None:
    await send(answer.start)
    await send(_EMPTY if scope["method"] == "HEAD" else answer.body_message)


def _wanted(scope: Scope) -> Wanted | None:
    """Read a request, or return None for what is never answered from memory.

    Raises _TooHeavyError.
    """
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    if len(headers) > FIELDS_AT_MOST:
        raise _TooHeavyError
    accept = accept_encoding = b""
    none_match = modified_since = None
    ordinary = False
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
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
            ordinary = True
    if size > FIELD_BYTES or len(accept) > ACCEPT_BYTES or len(accept_encoding) > ACCEPT_BYTES:
        raise _TooHeavyError
    address = None if ordinary or scope["method"] not in _READING else _address(scope)
    if address is None:
        return None
    return Wanted(address, accept, _coding(accept_encoding), none_match, modified_since)


def _address(scope: Scope) -> str | None:
    """Return where a ready answer to the request may be kept, if anywhere."""
    path: str = scope["path"]
    if path.startswith(_PREFIX):
        return path  # of an article, which no query changes
    if not listings.is_listing(path):
        return None
    query: bytes = scope["query_string"]
    address = f"{path}?{query.decode('latin-1')}" if query else path
    return address if len(address) <= ADDRESS_LENGTH else None


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


def _form_of_problem(path: str, accept: bytes) -> str:
    return form_of(path, accept.decode("latin-1"))[0]


@lru_cache(_CHOICES)
def _form(accept: bytes) -> str:
    """Return the name of the form that `accept` gets, or "" where none is acceptable."""
    chosen = negotiate(accept.decode("latin-1"), tuple(BY_MEDIA_TYPE))
    return BY_MEDIA_TYPE[chosen].name if chosen else ""


@lru_cache(_CHOICES)
def _listing_form(accept: bytes) -> str:
    chosen = negotiate(accept.decode("latin-1"), listings.OFFERS)
    return LISTING_FORMS[chosen].name if chosen else ""


@lru_cache(_CHOICES)
def _coding(accept_encoding: bytes) -> str:
    return codings.choose(accept_encoding.decode("latin-1"))


class Kind(NamedTuple):
    """A kind of ready answers: where they are kept, which form Accept gets, and how one is made."""

    memories: Callable[[Service], tuple[Memory, ...]]
    form: Callable[[bytes], str]
    make: Callable[[Service, str, str, str], Answer | None]


_ARTICLES: Final = Kind(lambda service: (service.answers,), _form, answer_at)
_LISTINGS: Final = Kind(
    lambda service: (service.listings, service.searches), _listing_form, listings.answer_at
)


def _kind(path: str) -> Kind:
    return _ARTICLES if path.startswith(_PREFIX) else _LISTINGS
