"""`/news/<slug>`: one address for an article, and one twin for each of its representations."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from app.negotiation import negotiate
from app.records import Record, is_slug
from app.representations import BY_MEDIA_TYPE, BY_SUFFIX, Format, links_of, path_of
from app.store import articles
from app.web import documents
from app.web.headers import article_headers, caching_headers, negotiation_headers
from app.web.problems import not_acceptable, not_found
from app.web.service import Served, Service


def router() -> APIRouter:
    """Return the routes of an article: they follow from the table of representations."""
    routes = APIRouter(tags=["articles"])
    # The twins come first, for `{slug}` of the bare URL would take their suffixes in.
    for form in BY_SUFFIX.values():
        path = f"/news/{{slug}}{form.suffix}"
        _read(routes, path, _twin(form), documents.twin(form))
    _read(routes, "/news/{slug}.html", _bare, documents.moved("The page is at the bare URL."))
    _read(routes, "/news/{slug}/", _bare, documents.moved("No path ends in a slash."))
    _read(routes, "/news/{slug}", _negotiated, documents.negotiated())
    return routes


def _read(
    routes: APIRouter, path: str, handler: Callable[..., Response], document: documents.Operation
) -> None:
    """Answer GET and HEAD at `path`. The server leaves the body of an answer to HEAD out."""
    routes.add_api_route(path, handler, methods=["GET"], response_class=Response, **document)
    routes.add_api_route(path, handler, methods=["HEAD"], include_in_schema=False)


def _negotiated(slug: str, request: Request, service: Served) -> Response:
    record = _published(service, slug)
    # RFC 9110 section 5.3: several lines of one field are one list.
    accept = ", ".join(request.headers.getlist("accept"))
    chosen = negotiate(accept, tuple(BY_MEDIA_TYPE))
    if chosen is None:
        raise not_acceptable(links_of(record, service.site))
    return _answer(request, service, record, BY_MEDIA_TYPE[chosen], negotiated=True)


def _twin(form: Format) -> Callable[..., Response]:
    def answer(slug: str, request: Request, service: Served) -> Response:
        return _answer(request, service, _published(service, slug), form, negotiated=False)

    return answer


def _bare(slug: str, request: Request) -> Response:
    # A path and no host: the client is already at the right one, whatever proxy stands between.
    query = f"?{request.url.query}" if request.url.query else ""
    headers = {"Location": quote(path_of(slug)) + query}
    return Response(
        status_code=HTTPStatus.PERMANENT_REDIRECT,
        headers=headers | caching_headers(308, "text/html", negotiated=False, caching="vary"),
    )


def _published(service: Service, slug: str) -> Record:
    if not is_slug(slug):
        raise not_found(slug)
    with service.database.reading() as session:
        record = articles.find(session, slug, service.clock())
    if record is None:
        raise not_found(slug)
    return record


def _answer(
    request: Request, service: Service, record: Record, form: Format, *, negotiated: bool
) -> Response:
    links = links_of(record, service.site)
    body = form.represent(record, links)
    caching = caching_headers(
        200,
        form.media_type,
        negotiated=negotiated,
        caching=service.settings.negotiation_cache,
        personal="authorization" in request.headers,
    )
    headers = article_headers(record, links, form, body, service.clock()) | caching
    if negotiated:
        headers |= negotiation_headers(record.slug, form)
    return Response(body, headers=headers)
