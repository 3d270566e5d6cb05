"""`/admin/articles/<slug>`: read an article with its history; put, patch, withdraw, restore it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import AfterValidator, BaseModel, JsonValue

from app.article.record import Record, check_exportable, is_slug, parse_record
from app.auth.tokens import Operator
from app.feeds import GENERIC_MEDIA_TYPES, ITEM_BYTES
from app.http.merge_patch import merge_patch
from app.http.preconditions import check_writable
from app.ingest import single_edits
from app.ingest.load_run import LoadContext
from app.ingest.single_edits import CurrentArticle, EditRefusedError, NoSuchArticleError
from app.store import article_history
from app.store.article_history import PastChange, PastRevision
from app.store.loads import LoadOrigin
from app.text import check_storable
from app.web.admin.authentication import require_scope
from app.web.admin.load_receipts import LoadReport
from app.web.admin.loads import receipt_response
from app.web.asgi.request_context import current_id
from app.web.methods import readable
from app.web.openapi import admin_operations
from app.web.request_headers import request_preferences
from app.web.responses import JSON, no_store_response
from app.web.state import AppState, NoStore, StateDep
from app.web.uploads.json_body import EMPTY_BODY, JsonBody, check_media_type, receive_json

PATCH_TYPES: Final = ("application/merge-patch+json", JSON)
MAX_HISTORY_ENTRIES: Final = 100


def _check_slug(slug: str) -> str:
    if not is_slug(slug):
        raise NoSuchArticleError(slug)
    return slug


ArticleSlug = Annotated[str, Depends(_check_slug)]
Editor = Annotated[Operator, Depends(require_scope("edit"))]
Reason = Annotated[
    str | None,
    Query(max_length=1_000, description="The reason, which receipts report."),
    AfterValidator(lambda reason: reason and check_storable(reason)),
]


class ArticleReport(BaseModel):
    """A stored article with its history, the newest first."""

    record: dict[str, JsonValue]
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    aliases: list[str]
    changes: list[PastChange]
    revisions: list[PastRevision]


def router() -> APIRouter:
    """Return the routes of single articles."""
    routes = APIRouter(prefix="/admin/articles", tags=["operators"], dependencies=[NoStore])
    readable(routes, "/{slug}", _article, admin_operations.stored_article(ArticleReport))
    for method, path, handler, body_types in (
        ("PUT", "/{slug}", _put, (JSON,)),
        ("PATCH", "/{slug}", _patch, PATCH_TYPES),
        ("DELETE", "/{slug}", _withdraw, ()),
        ("POST", "/{slug}/restore", _restore, ()),
    ):
        operation = admin_operations.edit(LoadReport, body_types)
        routes.add_api_route(path, handler, methods=[method], **operation)
    return routes


def _article(slug: ArticleSlug, _operator: Editor, state: StateDep) -> Response:
    """Return the stored article with its aliases, changes and revisions."""
    with state.database.reading() as session:
        current = single_edits.find_current_article(session, slug)
        if current is None:
            raise NoSuchArticleError(slug, article_history.current_slug(session, slug))
        history = article_history.history(session, slug, limit=MAX_HISTORY_ENTRIES)
    report = ArticleReport(
        record=to_json_record(current.state.record),
        withdrawn_at=current.state.withdrawn_at,
        withdrawn_reason=current.state.withdrawn_reason,
        aliases=history.aliases,
        changes=history.changes,
        revisions=history.revisions,
    )
    return no_store_response(report.model_dump_json().encode(), fields={"ETag": current.etag})


def to_json_record(record: Record) -> dict[str, Any]:
    """Return `record` as a JSON object from which `parse_record` makes an equal record."""
    fields: dict[str, Any] = record.model_dump(mode="json", exclude={"claims", "extra"})
    return fields | record.claims.model_dump(exclude_defaults=True) | record.extra


def _parse_record(value: object) -> Record:
    """Return `value` as a record that can be exported and loaded. Raises InvalidRecordError."""
    record = parse_record(value)
    check_exportable(record)  # a patch may enlarge a record beyond the limit
    return record


async def _put(request: Request, slug: ArticleSlug, operator: Editor, state: StateDep) -> Response:
    """Create the article at this slug, or replace it, with the record in the body."""
    check_media_type(request, (JSON,), tolerated=GENERIC_MEDIA_TYPES)
    body = await receive_json(request, ITEM_BYTES)

    def revise(current: CurrentArticle | None) -> Record:
        _check_preconditions(request, current)
        record = _parse_record(body.value)
        if record.slug != slug:
            raise EditRefusedError("rejected", "the record's slug differs from the URL's slug")
        return record

    edit = partial(
        single_edits.put, slug=slug, revise=revise, origin=_origin("put", operator, body)
    )
    return await run_in_threadpool(_edit, state, edit)


async def _patch(
    request: Request, slug: ArticleSlug, operator: Editor, state: StateDep
) -> Response:
    """Change some fields of an article (RFC 7396); `updated_at` becomes now if it is not given.

    A new slug renames the article, and the old slug redirects to it.
    """
    check_media_type(request, PATCH_TYPES, header="Accept-Patch")
    body = await receive_json(request, ITEM_BYTES)

    def revise(current: CurrentArticle | None) -> Record:
        _check_preconditions(request, current)
        if current is None:
            raise NoSuchArticleError(slug)
        old = current.state.record
        new = _parse_record(merge_patch(to_json_record(old), body.value))
        sets_updated_at = isinstance(body.value, dict) and "updated_at" in body.value
        if new.digest == old.digest or sets_updated_at:
            return new
        return new.model_copy(update={"updated_at": _after(old.updated_at, state.clock())})

    origin = _origin("patch", operator, body)
    edit = partial(single_edits.put, slug=slug, revise=revise, origin=origin)
    return await run_in_threadpool(_edit, state, edit)


def _after(updated_at: datetime, now: datetime) -> datetime:
    """Return `now`, or the next instant after `updated_at` if that is later."""
    try:
        return max(now, updated_at + timedelta(microseconds=1))
    except OverflowError:
        reason = "updated_at is already the latest instant that can be represented"
        raise EditRefusedError("conflict", reason) from None


def _withdraw(
    request: Request, slug: ArticleSlug, operator: Editor, state: StateDep, reason: Reason = None
) -> Response:
    """Withdraw an article: every representation becomes 410 until it is restored."""
    origin, check = _origin("withdraw", operator), partial(_check_preconditions, request)
    edit = partial(single_edits.withdraw, slug=slug, reason=reason, check=check, origin=origin)
    return _edit(state, edit)


def _restore(request: Request, slug: ArticleSlug, operator: Editor, state: StateDep) -> Response:
    """Restore an article that was withdrawn."""
    origin, check = _origin("restore", operator), partial(_check_preconditions, request)
    return _edit(state, partial(single_edits.restore, slug=slug, check=check, origin=origin))


def _origin(kind: str, operator: Operator, body: JsonBody = EMPTY_BODY) -> LoadOrigin:
    return LoadOrigin(kind, body.sha256, body.size, operator.name, request_id=current_id())


def _check_preconditions(request: Request, current: CurrentArticle | None) -> None:
    check_writable(request_preferences(request.scope).conditions, current.etag if current else None)


def _edit(state: AppState, edit: Callable[..., int]) -> Response:
    """Apply `edit` and return the response with its receipt."""
    try:
        load_id = edit(LoadContext(state.database, state.clock))
    finally:
        state.follower.invalidate_written()
    return receipt_response(state, load_id)
