"""`/topics` and `/entities`: the terms that articles have; `/news/<slug>/related`, by those."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import AfterValidator, BeforeValidator, Field
from starlette.routing import BaseRoute, Route

from app.article.record import is_slug
from app.cache.response_cache import CachedResponse
from app.http import content_coding
from app.http.accept import negotiate
from app.http.query_params import (
    QueryParams,
    invalid_parameter,
    number_between,
    parse_pairs,
    valid_if,
    validate,
)
from app.representations.article import article_links, json_record
from app.representations.listing import vocabulary as forms
from app.representations.listing.vocabulary import VocabularyPage
from app.store.articles import AliasOrTombstone
from app.store.listing import related, vocabulary_pages
from app.web.problems import Problem
from app.web.public.articles import find_article
from app.web.public.listing_pages import VOCABULARIES
from app.web.redirects import redirect_response, without_slash
from app.web.request_headers import request_preferences
from app.web.response_headers import caching_headers, entity_tag, policy_headers
from app.web.responses import to_response
from app.web.state import AppState, get_state

LIMIT: Final = 50
LIMIT_AT_MOST: Final = 100
RELATED: Final = 10
PREFIX_LENGTH: Final = 100
_JSON: Final = "application/json"
_HTML: Final = "text/html"
_FORMS: Final[Mapping[str, Callable[[VocabularyPage], bytes]]] = {
    _HTML: forms.render_html,
    _JSON: forms.render_json,
}


def routes() -> list[BaseRoute]:
    """Return the routes, which are the framework's plain ones."""
    methods = ["GET", "HEAD"]
    paths = [f"/{name}{suffix}" for name in VOCABULARIES for suffix in ("", ".json")]
    return [
        *(Route(path, _vocabulary, methods=methods) for path in paths),
        Route("/news/{name}/related", _related, methods=methods),
        Route("/news/{name}/related.json", _related, methods=methods),
        *(Route(f"/{name}/", without_slash, methods=methods) for name in VOCABULARIES),
        Route("/news/{name}/related/", without_slash, methods=methods),
    ]


def _vocabulary(request: Request) -> Response:
    service = get_state(request)
    path, dot, _ = request.scope["path"].partition(".")
    kind = _JSON if dot else negotiate(request_preferences(request.scope).accept, tuple(_FORMS))
    if kind is None:
        choices = [
            (_HTML, service.site.base_url + path),
            (_JSON, f"{service.site.base_url}{path}.json"),
        ]
        detail = "The vocabulary has none of the media types that the request accepts."
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, detail, choices=choices)
    query = request.scope["query_string"].decode("latin-1")
    page = _page(service, path, validate(VocabularyParams, parse_pairs(query)))
    return _sent(request, _FORMS[kind](page), kind, negotiated=not dot)


def _check_prefix(text: str) -> str:
    if len(text) > PREFIX_LENGTH or "\0" in text:
        raise ValueError(f"must have at most {PREFIX_LENGTH} characters, and no NUL")
    return text


class VocabularyParams(QueryParams):
    """The query parameters of `/topics` and `/entities`."""

    prefix: Annotated[str, AfterValidator(_check_prefix)] = Field(
        "",
        description="The beginning of the name, regardless of case and diacritics.",
        examples=["tra"],
        json_schema_extra={"maxLength": PREFIX_LENGTH},
    )
    sort: Literal["name", "-articles"] = Field(
        "name", description="The order.", examples=["-articles"]
    )
    limit: Annotated[int, BeforeValidator(number_between(1, LIMIT_AT_MOST))] = Field(
        LIMIT,
        description="Terms per page.",
        examples=[10],
        json_schema_extra={"minimum": 1, "maximum": LIMIT_AT_MOST},
    )
    after: Annotated[str, AfterValidator(valid_if(is_slug, "slug"))] | None = Field(
        None,
        description="The slug after which the page begins, taken from `next` of another page.",
        examples=["cities"],
    )


def _page(service: AppState, path: str, params: VocabularyParams) -> VocabularyPage:
    name = path.strip("/")
    try:
        with service.database.reading() as session:
            found = vocabulary_pages.page(
                session,
                VOCABULARIES[name],
                prefix=params.prefix,
                sort=params.sort,
                after=params.after,
                count=params.limit + 1,
            )
    except vocabulary_pages.UnknownTermError:
        reason = "was not the last of a page; start again without it"
        raise invalid_parameter("after", reason) from None
    following = None
    if len(found) > params.limit:
        given = params.model_dump(exclude_unset=True)
        following = urlencode({**given, "after": found[params.limit - 1].slug})
    return VocabularyPage(
        site=service.site,
        path=path,
        title=name.capitalize(),
        entries=found[: params.limit],
        prefix=params.prefix,
        sort=params.sort,
        limit=params.limit,
        next=following,
    )


def _related(request: Request) -> Response:
    """Answer with the articles that are about the same, in JSON."""
    service = get_state(request)
    slug: str = request.path_params["name"]
    record = find_article(service, slug, service.clock())
    if isinstance(record, AliasOrTombstone):
        path = request.scope["path"].replace(f"/{slug}/", f"/{record.slug}/", 1)
        preferences = request_preferences(request.scope)
        moved = redirect_response(service, preferences, path, fresh_as=HTTPStatus.OK)
        return to_response(request, moved)
    with service.database.reading() as session:
        found = related.related(session, record, RELATED)
    items = []
    for each in found:
        shown = json_record.fields(each, article_links(each, service.site))
        del shown["body_md"]
        items.append(shown)
    body = json.dumps({"items": items}, ensure_ascii=False).encode()
    return _sent(request, body, _JSON, negotiated=False)


def _sent(request: Request, body: bytes, kind: str, *, negotiated: bool) -> Response:
    wished = request_preferences(request.scope)
    coding, packed = content_coding.encode(content_coding.choose(wished.accept_encoding), body)
    content_type = f"{kind}; charset=utf-8" if kind == _HTML else kind
    etag = entity_tag(content_type, coding, packed)
    fields = {
        "Content-Type": content_type,
        **({"Content-Encoding": coding} if coding != content_coding.IDENTITY else {}),
        "ETag": etag,
        **caching_headers(
            HTTPStatus.OK,
            kind,
            get_state(request).freshness,
            negotiated=negotiated,
            is_authorized=wished.is_authorized,
        ),
        **policy_headers(kind),
    }
    return to_response(request, CachedResponse(HTTPStatus.OK, fields, packed, etag=etag))
