"""`/negotiate`: why an Accept header gets the representation it gets, for people and programs."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.cache.response_cache import CachedResponse
from app.http import content_coding
from app.http.accept import negotiate
from app.http.accept_explained import Explanation, Member, OfferScore, Rule, explain
from app.representations.article import BY_MEDIA_TYPE
from app.text import excerpt
from app.web.methods import readable
from app.web.openapi import document
from app.web.problems import Problem, problem_format
from app.web.request_headers import request_preferences
from app.web.response_headers import (
    caching_headers,
    entity_tag,
    negotiation_headers,
    policy_headers,
)
from app.web.responses import to_response
from app.web.state import AppState, StateDep

LONGEST: Final = 4_000
"""How many characters of Accept are explained."""

_SLUG: Final = "{slug}"
_TOKEN_MARKS: Final = frozenset("!#$%&'*+-.^_`|~")  # RFC 9110 section 5.6.2


class ExpectedAnswer(BaseModel):
    """What any article's bare URL answers. `representation` is null where it is a 406."""

    status: int = Field(examples=[200])
    representation: str | None = Field(examples=["markdown"])
    rule: Rule | None
    reason: str
    headers: dict[str, str]


class NegotiationReport(BaseModel):
    """A negotiation, told. `untold` members of a long list are not among `members`."""

    source: Literal["query", "request"]
    accept: str | None = Field(examples=["text/markdown, text/html;q=0.9"])
    members: tuple[Member, ...]
    untold: int
    representations: tuple[OfferScore, ...]
    answer: ExpectedAnswer


def router() -> APIRouter:
    """Return the route of the explanation."""
    routes = APIRouter(tags=["articles"], default_response_class=Response)
    operation = document.explained(NegotiationReport, LONGEST)
    readable(routes, "/negotiate", _explained, operation)
    return routes


def _explained(request: Request, service: StateDep) -> Response:
    wished = request_preferences(request.scope)
    asked = asked_in(request.scope["query_string"].decode("latin-1"))
    accept = wished.accept or None if asked is None else asked
    if accept and len(accept) > LONGEST:
        detail = f"Accept has more characters than are explained: {LONGEST:,} at most."
        raise Problem(HTTPStatus.BAD_REQUEST, detail)
    explanation = explain(accept, tuple(BY_MEDIA_TYPE))
    report = NegotiationReport(
        source="request" if asked is None else "query",
        accept=accept,
        members=explanation.members,
        untold=explanation.untold,
        representations=explanation.standings,
        answer=_expected(explanation, accept or "", service),
    )
    # RFC 9110 section 12.4.1 allows to disregard the header rather than refuse. Who sends one that
    # takes neither form is told all the same: that may be just what they want explained.
    media_type = negotiate(wished.accept, tuple(_WRITERS)) or next(iter(_WRITERS))
    content_type, write = _WRITERS[media_type]
    coding, body = content_coding.encode(
        content_coding.choose(wished.accept_encoding), write(report)
    )
    etag = entity_tag(content_type, coding, body)
    # What the URL does not name is between this client and us: such an answer nobody keeps.
    is_authorized = wished.is_authorized or asked is None
    fields = {
        "Content-Type": content_type,
        **({"Content-Encoding": coding} if coding != content_coding.IDENTITY else {}),
        "ETag": etag,
        **policy_headers(media_type),
        **caching_headers(
            HTTPStatus.OK,
            media_type,
            service.freshness,
            negotiated=True,
            is_authorized=is_authorized,
        ),
    }
    return to_response(request, CachedResponse(HTTPStatus.OK, fields, body, etag=etag))


def asked_in(query: str) -> str | None:
    """Return the Accept that `query` names, None where it names none.

    Several are lines of one header. Raises the Problem that it names anything else.
    """
    lines = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if unquote(name) != "accept":
            detail = f"The parameter {excerpt(unquote(name))!r} is unknown; there is one: accept."
            raise Problem(HTTPStatus.BAD_REQUEST, detail)
        lines.append(_spelt(value))
    return ", ".join(lines) if lines else None


def _spelt(value: str) -> str:
    """Decode a value in which `+` may be a blank, as in a form, or itself, as people type it.

    In Accept the two are never in doubt: no blank is right within a name such as
    `application/ld+json`, and no plus beside a comma or a semicolon.
    """
    first, *rest = value.split("+")
    pieces = [unquote(first)]
    for right in map(unquote, rest):
        within = _ends_in_token(pieces[-1][-1:]) and _ends_in_token(right[:1])
        pieces += ["+" if within else " ", right]
    return "".join(pieces)


def _ends_in_token(character: str) -> bool:
    return character.isalnum() or character in _TOKEN_MARKS if character else False


def _expected(explanation: Explanation, accept: str, service: AppState) -> ExpectedAnswer:
    form = BY_MEDIA_TYPE.get(explanation.chosen or "")
    if form is None:
        status = HTTPStatus.NOT_ACCEPTABLE
        media_type, _ = problem_format(f"/news/{_SLUG}", accept)
        fields = {"Content-Type": media_type}
    else:
        status, media_type = HTTPStatus.OK, form.media_type
        fields = {"Content-Type": form.content_type, **negotiation_headers(_SLUG, form)}
    fields |= caching_headers(
        status, media_type, service.freshness, negotiated=True, is_authorized=False
    )
    return ExpectedAnswer(
        status=status.value,
        representation=form.name if form else None,
        rule=explanation.rule,
        reason=explanation.reason,
        headers=fields,
    )


def _as_json(report: NegotiationReport) -> bytes:
    return report.model_dump_json().encode()


def _as_text(report: NegotiationReport) -> bytes:
    answer = report.answer
    whose = "The Accept of this request" if report.source == "request" else "Accept"
    read = [_told(member) for member in report.members] or ["  there is nothing in it"]
    if report.untold:
        read.append(f"  and {report.untold} more")
    status = HTTPStatus(answer.status)
    lines = [
        f"{answer.representation or status.phrase}: {answer.reason}",
        "",
        f"{whose}, as it is read:",
        *read,
        "",
        "What that gives each representation:",
        *(_weighed(standing) for standing in report.representations),
        "",
        "What an article's bare URL answers:",
        f"  {status.value} {status.phrase}",
        *(f"  {name}: {value}" for name, value in answer.headers.items()),
    ]
    return "\n".join([*lines, ""]).encode()


def _told(member: Member) -> str:
    if member.media_range is None:
        said = "ignored, for it is malformed"
    elif member.decides:
        said = f"{'decides' if member.q else 'excludes'} {', '.join(member.decides)}"
    elif member.matches:
        said = f"matches {', '.join(member.matches)}, of which others say more"
    else:
        said = "matches nothing that is offered"
    weight = "" if member.q is None else f"q={member.q:g}"
    bare = " (without its parameters)" if member.has_parameters else ""
    return f"  {member.position}. {member.text:<24} {weight:<7} {said}{bare}"


def _weighed(standing: OfferScore) -> str:
    name = f"  {BY_MEDIA_TYPE[standing.media_type].name:<10} {standing.media_type:<20}"
    by = "" if standing.decided_by is None else f", by number {standing.decided_by}"
    if not standing.q:
        return f"{name} not acceptable{by or ', for nothing matches it'}"
    return f"{name} q={standing.q:g}{by}{_LOST.get(standing.lost_by, '')}"


_LOST: Final[Mapping[Rule | None, str]] = {
    Rule.WEIGHT: ": less than the winner",
    Rule.NAMED: ": matched by a wildcard only, while the winner is named",
    Rule.ORDER: ": listed behind the winner",
    Rule.SITE: ": behind the winner in the site's own order",
}

# The first is for a person with curl, and for a browser, which takes anything.
_WRITERS: Final[Mapping[str, tuple[str, Callable[[NegotiationReport], bytes]]]] = {
    "text/plain": ("text/plain; charset=utf-8", _as_text),
    "application/json": ("application/json", _as_json),
}
