"""`/admin/actions`: the audit log of what operators did."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from app.auth.tokens import SCOPES, Operator
from app.store import audit_log
from app.store.audit_log import StoredAuditEntry
from app.web.admin.authentication import require_scope
from app.web.admin.load_receipts import MAX_ID
from app.web.methods import readable
from app.web.openapi import admin_operations
from app.web.state import NoStore, StateDep

MAX_PAGE_SIZE: Final = 1_000

AnyOperator = Annotated[Operator, Depends(require_scope(*SCOPES))]


class Actions(BaseModel):
    """Actions, newest first. `next` is the URL of older ones, if there are any."""

    actions: list[StoredAuditEntry]
    next: str | None


def router() -> APIRouter:
    """Return the route of the audit log."""
    routes = APIRouter(prefix="/admin/actions", tags=["operators"], dependencies=[NoStore])
    readable(routes, "", _actions, admin_operations.admin_read())
    return routes


def _actions(
    _operator: AnyOperator,
    state: StateDep,
    before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = 100,
) -> Actions:
    """List the actions of operators, newest first, optionally those before the action `before`.

    Each POST, PUT, PATCH and DELETE under `/admin` is an action, successful or not, and so are the
    commands of the command line. `outcome` has the response's status and the load it created.
    """
    with state.database.reading() as session:
        entries = audit_log.newest(session, before=before, limit=limit + 1)
    page = entries[:limit]
    has_more = len(entries) > limit
    older = f"/admin/actions?before={page[-1].id}&limit={limit}" if has_more else None
    return Actions(actions=page, next=older)
