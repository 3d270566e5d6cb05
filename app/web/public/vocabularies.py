"""`/topics` and `/entities`, the terms of articles; `/news/<slug>/related`, similar articles."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import Field
from starlette.routing import BaseRoute, Route

from app.http.accept import negotiate
from app.http.query_params import (
    Between,
    OneOf,
    QueryParams,
    invalid_parameter,
    parse_pairs,
    validate,
)
from app.representations.article import article_links, json_record
from app.representations.listing import vocabulary
from app.representations.listing.vocabulary import VocabularyPage
from app.search.listing_params import Slug
from app.store.articles import AliasOrTombstone
from app.store.listing import related, vocabulary_pages
from app.web.http_contract import HttpContract, Representation
from app.web.problems import Problem
from app.web.public.articles import find_article
from app.web.public.listing_pages import VOCABULARIES
from app.web.redirects import redirect_response, without_slash
from app.web.request_headers import request_preferences
from app.web.responses import to_response
from app.web.state import AppState, get_state

RELATED_AT_MOST: Final = 10
_CONTRACT: Final = HttpContract()
_HTML: Final = "text/html"
_JSON: Final = "application/json"
_FORMATS: Final[Mapping[str, tuple[str, Callable[[VocabularyPage], bytes]]]] = {
    _HTML: ("text/html; charset=utf-8", vocabulary.render_html),
    _JSON: (_JSON, vocabulary.render_json),
}


class VocabularyParams(QueryParams):
    """The query parameters of a vocabulary."""

    prefix: str = Field(
        "",
        max_length=100,
        pattern=r"^[^\x00]*$",
        description="Terms whose names begin with this. Case and diacritics do not matter.",
        examples=["tra"],
    )
    sort: Annotated[str, OneOf(vocabulary_pages.SORTS)] = Field(
        vocabulary_pages.SORTS[0],
        description="The order of the terms: by name, or with the most articles first.",
        examples=["-articles"],
    )
    limit: Annotated[int, Between(1, 100)] = Field(
        50, description="The largest number of terms on a page.", examples=[10]
    )
    after: Slug | None = Field(
        None,
        description="Where the page begins: after the term with this slug, as the `next` link of"
        " the page before says. A slug that no term has is a 400.",
        examples=["cities"],
    )


def routes() -> list[BaseRoute]:
    """Return the routes of vocabularies and of related articles."""
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
    state = get_state(request)
    preferences = request_preferences(request.scope)
    path, suffix, _ = preferences.path.partition(".")
    media_type = _JSON if suffix else negotiate(preferences.accept, tuple(_FORMATS))
    if media_type is None:
        raise _not_acceptable(state.site.base_url + path)
    page = _page(state, path, validate(VocabularyParams, parse_pairs(preferences.query)))
    content_type, render = _FORMATS[media_type]
    chosen = Representation(content_type, render(page), negotiated=not suffix)
    return to_response(request, _CONTRACT.response(state.freshness, preferences, chosen))


def _not_acceptable(url: str) -> Problem:
    detail = "The vocabulary is not available in any media type that the request accepts."
    choices = [(_HTML, url), (_JSON, f"{url}.json")]
    return Problem(HTTPStatus.NOT_ACCEPTABLE, detail, choices=choices)


def _page(state: AppState, path: str, params: VocabularyParams) -> VocabularyPage:
    """Read a page of the vocabulary at `path`. Raises InvalidQueryError for an unknown `after`."""
    name = path.strip("/")
    try:
        with state.database.reading() as session:
            found = vocabulary_pages.page(
                session,
                VOCABULARIES[name],
                prefix=params.prefix,
                sort=params.sort,
                after=params.after,
                count=params.limit + 1,
            )
    except vocabulary_pages.UnknownTermError:
        raise invalid_parameter(
            "after", "is not the slug of a term; start again without it"
        ) from None
    following = None
    if len(found) > params.limit:
        given = params.model_dump(exclude_unset=True)
        following = urlencode({**given, "after": found[params.limit - 1].slug})
    return VocabularyPage(
        site=state.site,
        path=path,
        title=name.capitalize(),
        entries=found[: params.limit],
        prefix=params.prefix,
        sort=params.sort,
        limit=params.limit,
        next=following,
    )


def _related(request: Request) -> Response:
    """Return the articles that share topics and entities with another, as JSON without texts."""
    state = get_state(request)
    slug: str = request.path_params["name"]
    article = find_article(state, slug, state.clock())
    preferences = request_preferences(request.scope)
    if isinstance(article, AliasOrTombstone):
        path = request.scope["path"].replace(f"/{slug}/", f"/{article.slug}/", 1)
        moved = redirect_response(state, preferences, path, fresh_as=HTTPStatus.OK)
        return to_response(request, moved)
    with state.database.reading() as session:
        found = related.related(session, article.record, RELATED_AT_MOST)
    items = [json_record.fields(each, article_links(each, state.site)) for each in found]
    for item in items:
        del item["body_md"]
    body = json.dumps({"items": items}, ensure_ascii=False).encode()
    chosen = Representation(_JSON, body, negotiated=False)
    return to_response(request, _CONTRACT.response(state.freshness, preferences, chosen))
