"""`/topics` and `/entities`: the terms that articles have; `/news/<slug>/related`, by those."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response
from starlette.routing import BaseRoute, Route

from app import codings
from app.answers import Answer
from app.listings import vocabulary as forms
from app.listings.vocabulary import Entry, Vocabulary
from app.negotiation import negotiate
from app.records import is_slug
from app.representations import links_of, record_json
from app.selections import BadParameter, BadSelectionError
from app.store import articles, relating, terms
from app.texts import excerpt
from app.web.fields import wishes
from app.web.headers import caching_headers, entity_tag, policy_headers
from app.web.pages import VOCABULARIES
from app.web.problems import Problem, not_found
from app.web.sending import sent
from app.web.service import Service, service_of

LIMIT: Final = 50
LIMIT_AT_MOST: Final = 100
RELATED: Final = 10
PREFIX_LENGTH: Final = 100
_JSON: Final = "application/json"
_HTML: Final = "text/html"
_FORMS: Final[Mapping[str, Callable[[Vocabulary], bytes]]] = {
    _HTML: forms.as_html,
    _JSON: forms.as_json,
}
_PARAMETERS: Final = ("prefix", "sort", "limit", "after")


def routes() -> list[BaseRoute]:
    """Return the routes, which are the framework's plain ones."""
    methods = ["GET", "HEAD"]
    paths = [f"/{name}{suffix}" for name in VOCABULARIES for suffix in ("", ".json")]
    return [
        *(Route(path, _vocabulary, methods=methods) for path in paths),
        Route("/news/{name}/related", _related, methods=methods),
        Route("/news/{name}/related.json", _related, methods=methods),
    ]


def _vocabulary(request: Request) -> Response:
    service = service_of(request)
    path, dot, _ = request.scope["path"].partition(".")
    kind = _JSON if dot else negotiate(wishes(request.headers).accept, tuple(_FORMS))
    if kind is None:
        choices = [
            (_HTML, service.site.base_url + path),
            (_JSON, f"{service.site.base_url}{path}.json"),
        ]
        detail = "The vocabulary has none of the media types that the request accepts."
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, detail, choices=choices)
    page = _page(service, path, _asked(request))
    return _sent(request, _FORMS[kind](page), kind, negotiated=not dot)


def _asked(request: Request) -> dict[str, str]:
    """Read the query. Raises BadSelectionError."""
    asked: dict[str, str] = {}
    faults = []
    query = request.scope["query_string"].decode("latin-1")
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _PARAMETERS:
            reason = f"is unknown; there are {', '.join(_PARAMETERS)}"
            faults.append(BadParameter(excerpt(name), reason))
        elif name in asked:
            faults.append(BadParameter(name, "is given more than once"))
        elif wrong := _reason(name, value):
            faults.append(BadParameter(name, wrong))
        asked[name] = value
    if faults:
        raise BadSelectionError(tuple(faults[:20]))
    return asked


def _reason(name: str, value: str) -> str | None:
    """Say what is wrong with a parameter, if anything."""
    match name:
        case "limit" if not (
            value.isascii() and value.isdecimal() and 1 <= int(value[:9]) <= LIMIT_AT_MOST
        ):
            return f"must be a number from 1 to {LIMIT_AT_MOST}"
        case "sort" if value not in terms.SORTS:
            return f"is one of {', '.join(terms.SORTS)}"
        case "after" if not is_slug(value):
            return "is no slug"
        case "prefix" if len(value) > PREFIX_LENGTH or "\0" in value:
            return f"at most {PREFIX_LENGTH} characters are allowed, and no NUL"
    return None


def _page(service: Service, path: str, asked: Mapping[str, str]) -> Vocabulary:
    name = path.strip("/")
    prefix, sort = asked.get("prefix", ""), asked.get("sort", terms.SORTS[0])
    limit = int(asked.get("limit", LIMIT))
    with service.database.reading() as session:
        found = terms.page(
            session,
            VOCABULARIES[name],
            prefix=prefix,
            sort=sort,
            after=asked.get("after"),
            count=limit + 1,
        )
    following = None
    if len(found) > limit:
        following = urlencode({**asked, "after": found[limit - 1].slug})
    return Vocabulary(
        site=service.site,
        path=path,
        title=name.capitalize(),
        entries=[Entry(*entry) for entry in found[:limit]],
        prefix=prefix,
        sort=sort,
        limit=limit,
        next=following,
    )


def _related(request: Request) -> Response:
    """Answer with the articles that are about the same, in JSON."""
    service = service_of(request)
    slug: str = request.path_params["name"]
    record = None
    if is_slug(slug):
        now = service.clock()
        record = service.database.ask(lambda asked: articles.find(asked, slug, now))
    if record is None:
        raise not_found(slug)
    with service.database.reading() as session:
        found = relating.related(session, record, RELATED)
    items = []
    for each in found:
        shown = record_json.fields(each, links_of(each, service.site))
        del shown["body_md"]
        items.append(shown)
    body = json.dumps({"items": items}, ensure_ascii=False).encode()
    return _sent(request, body, _JSON, negotiated=False)


def _sent(request: Request, body: bytes, kind: str, *, negotiated: bool) -> Response:
    wished = wishes(request.headers)
    coding, packed = codings.encode(codings.choose(wished.accept_encoding), body)
    content_type = f"{kind}; charset=utf-8" if kind == _HTML else kind
    etag = entity_tag(content_type, coding, packed)
    fields = {
        "Content-Type": content_type,
        **({"Content-Encoding": coding} if coding != codings.IDENTITY else {}),
        "ETag": etag,
        **caching_headers(
            HTTPStatus.OK,
            kind,
            service_of(request).freshness,
            negotiated=negotiated,
            personal=wished.personal,
        ),
        **policy_headers(kind),
    }
    return sent(request, Answer(HTTPStatus.OK, fields, packed, etag=etag))
