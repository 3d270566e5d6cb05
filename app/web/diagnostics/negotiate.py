"""`/negotiate`: explains which representation an Accept header selects, as text and as JSON."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.http.accept import negotiate
from app.http.accept_explained import Explanation, Member, OfferScore, Rule, explain
from app.representations.article import BY_MEDIA_TYPE
from app.text import excerpt
from app.web.http_contract import HttpContract, Representation, Storage
from app.web.methods import readable
from app.web.openapi import document
from app.web.problems import Problem, problem_format
from app.web.request_headers import request_preferences
from app.web.response_headers import caching_headers, negotiation_headers
from app.web.responses import to_response
from app.web.state import AppState, StateDep

LONGEST: Final = 4_000
"""The longest Accept that is explained, in characters."""

_NAMED_HEADER: Final = HttpContract()
_OWN_HEADER: Final = HttpContract(Storage.NEVER)
_SLUG: Final = "{slug}"
_TOKEN_MARKS: Final = frozenset("!#$%&'*+-.^_`|~")  # RFC 9110 section 5.6.2


class ExpectedAnswer(BaseModel):
    """The response of any article's bare URL. `representation` is null if it is a 406."""

    status: int = Field(examples=[200])
    representation: str | None = Field(examples=["markdown"])
    rule: Rule | None
    reason: str
    headers: dict[str, str]


class NegotiationReport(BaseModel):
    """A negotiation, explained. `untold` members of a long list are not among `members`."""

    source: Literal["query", "request"]
    accept: str | None = Field(examples=["text/markdown, text/html;q=0.9"])
    members: tuple[Member, ...]
    untold: int
    representations: tuple[OfferScore, ...]
    answer: ExpectedAnswer


def router() -> APIRouter:
    """Return the route of `/negotiate`."""
    routes = APIRouter(tags=["articles"], default_response_class=Response)
    operation = document.explained(NegotiationReport, LONGEST)
    readable(routes, "/negotiate", _negotiate, operation)
    return routes


def _negotiate(request: Request, service: StateDep) -> Response:
    preferences = request_preferences(request.scope)
    named = parse_accept_query(request.scope["query_string"].decode("latin-1"))
    accept = preferences.accept or None if named is None else named
    if accept and len(accept) > LONGEST:
        detail = f"Accept is too long to be explained: at most {LONGEST:,} characters are allowed."
        raise Problem(HTTPStatus.BAD_REQUEST, detail)
    explanation = explain(accept, tuple(BY_MEDIA_TYPE))
    report = NegotiationReport(
        source="request" if named is None else "query",
        accept=accept,
        members=explanation.members,
        untold=explanation.untold,
        representations=explanation.standings,
        answer=_expected(explanation, accept or "", service),
    )
    # RFC 9110 section 12.4.1 allows a server to disregard Accept rather than answer 406. A client
    # that accepts neither media type may be asking for the explanation of just that header.
    media_type = negotiate(preferences.accept, tuple(_WRITERS)) or next(iter(_WRITERS))
    content_type, write = _WRITERS[media_type]
    # The explanation of the request's own header depends on more than the URL.
    contract = _OWN_HEADER if named is None else _NAMED_HEADER
    chosen = Representation(content_type, write(report), negotiated=True)
    return to_response(request, contract.response(service.freshness, preferences, chosen))


def parse_accept_query(query: str) -> str | None:
    """Return the value of Accept that `query` names, or None.

    Repeated values are lines of one header. Raises the 400 for any other parameter.
    """
    lines = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if unquote(name) != "accept":
            detail = f"The parameter {excerpt(unquote(name))!r} is unknown; the only one is accept."
            raise Problem(HTTPStatus.BAD_REQUEST, detail)
        lines.append(_decode(value))
    return ", ".join(lines) if lines else None


def _decode(value: str) -> str:
    """Decode a value in which `+` is a space, as in a form, or itself, as people type it.

    In Accept the two cannot be confused: a space is never valid inside a name such as
    `application/ld+json`, nor a plus next to a comma or a semicolon.
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
    subject = "The Accept of this request" if report.source == "request" else "Accept"
    read = [_member_line(member) for member in report.members] or ["  (empty)"]
    if report.untold:
        read.append(f"  and {report.untold} more")
    status = HTTPStatus(answer.status)
    lines = [
        f"{answer.representation or status.phrase}: {answer.reason}",
        "",
        f"{subject}, as parsed:",
        *read,
        "",
        "The weight of each representation:",
        *(_offer_line(standing) for standing in report.representations),
        "",
        "The response of an article's bare URL:",
        f"  {status.value} {status.phrase}",
        *(f"  {name}: {value}" for name, value in answer.headers.items()),
    ]
    return "\n".join([*lines, ""]).encode()


def _member_line(member: Member) -> str:
    if member.media_range is None:
        effect = "ignored, because it is malformed"
    elif member.decides:
        effect = f"{'decides' if member.q else 'excludes'} {', '.join(member.decides)}"
    elif member.matches:
        effect = f"matches {', '.join(member.matches)}, but others are more specific"
    else:
        effect = "matches nothing on offer"
    weight = "" if member.q is None else f"q={member.q:g}"
    bare = " (without its parameters)" if member.has_parameters else ""
    return f"  {member.position}. {member.text:<24} {weight:<7} {effect}{bare}"


def _offer_line(standing: OfferScore) -> str:
    name = f"  {BY_MEDIA_TYPE[standing.media_type].name:<10} {standing.media_type:<20}"
    by = "" if standing.decided_by is None else f", by number {standing.decided_by}"
    if not standing.q:
        return f"{name} not acceptable{by or ', because nothing matches it'}"
    return f"{name} q={standing.q:g}{by}{_LOST.get(standing.lost_by, '')}"


_LOST: Final[Mapping[Rule | None, str]] = {
    Rule.WEIGHT: ": lower than the winner",
    Rule.NAMED: ": matched only by a wildcard, while the winner is named",
    Rule.ORDER: ": listed after the winner",
    Rule.SITE: ": after the winner in the site's own order",
}

# Text comes first: it is for a person with curl, and for browsers, which accept anything.
_WRITERS: Final[Mapping[str, tuple[str, Callable[[NegotiationReport], bytes]]]] = {
    "text/plain": ("text/plain; charset=utf-8", _as_text),
    "application/json": ("application/json", _as_json),
}
