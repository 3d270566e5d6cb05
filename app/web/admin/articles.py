"""`/admin/articles/<slug>`: single articles, with their history, edited, withdrawn, restored."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import AfterValidator, BaseModel, JsonValue, TypeAdapter

from app.article.record import Record, check_exportable, is_slug, parse_record
from app.auth.tokens import Operator
from app.feeds.entries import ITEM_BYTES
from app.feeds.strict_json import decode
from app.http.merge_patch import merge_patch
from app.http.preconditions import check_writable
from app.ingest import single_edits
from app.ingest.load_run import LoadContext
from app.ingest.single_edits import CurrentArticle, NoSuchArticleError
from app.store import article_history
from app.store.article_history import History, PastChange, PastRevision
from app.store.loads import LoadOrigin
from app.text import check_storable
from app.web.admin.authentication import require_scope
from app.web.admin.load_receipts import LoadReport
from app.web.admin.loads import receipt_response
from app.web.asgi.request_context import current_id
from app.web.methods import readable
from app.web.openapi import admin_operations
from app.web.request_headers import request_preferences
from app.web.responses import no_store_response
from app.web.state import AppState, NoStore, StateDep
from app.web.uploads import request_body

MERGE_PATCH: Final = "application/merge-patch+json"
MAX_HISTORY_ENTRIES: Final = 100


def _known_slug(slug: str) -> str:
    if not is_slug(slug):
        raise NoSuchArticleError(slug)
    return slug


ArticleSlug = Annotated[str, Depends(_known_slug)]
Editor = Annotated[Operator, Depends(require_scope("edit"))]
Reason = Annotated[
    str | None,
    Query(max_length=1_000, description="Why; receipts tell it."),
    AfterValidator(lambda reason: reason and check_storable(reason)),
]


class ArticleReport(BaseModel):
    """An article as it is kept, and what it has been through, the newest first."""

    record: dict[str, JsonValue]
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    aliases: list[str]
    changes: list[PastChange]
    revisions: list[PastRevision]


_REPORT = TypeAdapter(ArticleReport)


def router() -> APIRouter:
    """Return the routes of single articles."""
    routes = APIRouter(prefix="/admin/articles", tags=["operators"], dependencies=[NoStore])
    readable(routes, "/{slug}", _article, admin_operations.stored_article(ArticleReport))
    for method, path, handler, body in (
        ("PUT", "/{slug}", _put, "application/json"),
        ("PATCH", "/{slug}", _patch, MERGE_PATCH),
        ("DELETE", "/{slug}", _withdraw, None),
        ("POST", "/{slug}/restore", _restore, None),
    ):
        routes.add_api_route(
            path, handler, methods=[method], **admin_operations.edit(LoadReport, body)
        )
    return routes


def _article(slug: ArticleSlug, _operator: Editor, service: StateDep) -> Response:
    """Return an article as it is kept, with its aliases, changes and revisions."""
    with service.database.reading() as session:
        present = single_edits.find_current_article(session, slug)
        if present is None:
            raise NoSuchArticleError(slug, article_history.current_slug(session, slug))
        history = article_history.history(session, slug, limit=MAX_HISTORY_ENTRIES)
    shown = _REPORT.dump_json(_told(present, history))
    return no_store_response(shown, fields={"ETag": present.etag})


def _told(present: CurrentArticle, history: History) -> ArticleReport:
    return ArticleReport(
        record=to_json_record(present.state.record),
        withdrawn_at=present.state.withdrawn_at,
        withdrawn_reason=present.state.withdrawn_reason,
        aliases=history.aliases,
        changes=history.changes,
        revisions=history.revisions,
    )


def to_json_record(record: Record) -> dict[str, Any]:
    """Return `record` as JSON that `parse_record` would make it of."""
    fields: dict[str, Any] = record.model_dump(mode="json", exclude={"claims", "extra"})
    return fields | record.claims.model_dump(exclude_defaults=True) | record.extra


def _loadable(value: object) -> Record:
    """Return `value` as a record that an export brings back. Raises InvalidRecordError."""
    record = parse_record(value)
    check_exportable(record)  # a patch may add to what is large already
    return record


async def _put(
    request: Request, slug: ArticleSlug, operator: Editor, service: StateDep
) -> Response:
    """Let the record in the body be the article at this slug: a new one, or in place of the old."""
    value, origin = await _body(request, "put", operator)

    def revise(present: CurrentArticle | None) -> Record:
        _check(request, present)
        record = _loadable(value)
        if record.slug != slug:
            raise single_edits.EditRefusedError(
                "rejected", "the record's slug is not the address's"
            )
        return record

    return await run_in_threadpool(
        _edited, service, partial(single_edits.put, slug=slug, revise=revise, origin=origin)
    )


async def _patch(
    request: Request, slug: ArticleSlug, operator: Editor, service: StateDep
) -> Response:
    """Change some fields of an article (RFC 7396). Without `updated_at` among them, that is now.

    Another slug renames it, and the old one leads there.
    """
    patch, origin = await _body(request, "patch", operator)

    def revise(present: CurrentArticle | None) -> Record:
        _check(request, present)
        if present is None:
            raise NoSuchArticleError(slug)
        before = present.state.record
        record = _loadable(merge_patch(to_json_record(before), patch))
        if record.digest == before.digest or (isinstance(patch, dict) and "updated_at" in patch):
            return record
        try:
            newer = max(service.clock(), before.updated_at + timedelta(microseconds=1))
        except OverflowError:
            raise single_edits.EditRefusedError(
                "conflict", "updated_at is the last there can be"
            ) from None
        return record.model_copy(update={"updated_at": newer})

    return await run_in_threadpool(
        _edited, service, partial(single_edits.put, slug=slug, revise=revise, origin=origin)
    )


def _withdraw(
    request: Request, slug: ArticleSlug, operator: Editor, service: StateDep, reason: Reason = None
) -> Response:
    """Withdraw an article: from now on it is 410, in every form. It can be restored."""
    origin = _origin("withdraw", b"", operator)
    check = partial(_check, request)
    return _edited(
        service,
        partial(single_edits.withdraw, slug=slug, reason=reason, check=check, origin=origin),
    )


def _restore(request: Request, slug: ArticleSlug, operator: Editor, service: StateDep) -> Response:
    """Bring back an article that was withdrawn."""
    origin = _origin("restore", b"", operator)
    check = partial(_check, request)
    return _edited(service, partial(single_edits.restore, slug=slug, check=check, origin=origin))


async def _body(request: Request, kind: str, operator: Operator) -> tuple[object, LoadOrigin]:
    """Return the JSON in the body. Raises FeedTooLargeError, MalformedFeedError, UnfitJsonError."""
    with await request_body.receive(request, ITEM_BYTES) as body:
        raw = body.read()
    return decode(raw), _origin(kind, raw, operator)


def _origin(kind: str, raw: bytes, operator: Operator) -> LoadOrigin:
    return LoadOrigin(
        kind, hashlib.sha256(raw).hexdigest(), len(raw), operator.name, request_id=current_id()
    )


def _check(request: Request, present: CurrentArticle | None) -> None:
    check_writable(request_preferences(request.scope).conditions, present.etag if present else None)


def _edited(service: AppState, edit: Callable[..., int]) -> Response:
    """Make an edit, and answer with its receipt."""
    try:
        load_id = edit(LoadContext(service.database, service.clock))
    finally:
        service.follower.invalidate_written()
    return receipt_response(service, load_id)
