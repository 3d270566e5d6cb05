"""`/admin/actions`: what operators did, for operators."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from app.auth.tokens import SCOPES, Operator
from app.store import audit_log
from app.store.audit_log import StoredAuditEntry
from app.web.admin.authentication import require_scope
from app.web.methods import readable
from app.web.openapi import admin_operations
from app.web.state import NoStore, StateDep

MAX_PAGE_SIZE: Final = 1_000
_LARGEST: Final = 2**63 - 1

AnyOperator = Annotated[Operator, Depends(require_scope(*SCOPES))]


class Actions(BaseModel):
    """Actions, the newest first. `next` is where older ones are, if there are any."""

    actions: list[StoredAuditEntry]
    next: str | None


def router() -> APIRouter:
    """Return the route of the audit."""
    routes = APIRouter(prefix="/admin/actions", tags=["operators"], dependencies=[NoStore])
    readable(routes, "", _actions, admin_operations.admin_read())
    return routes


def _actions(
    _operator: AnyOperator,
    service: StateDep,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = 100,
) -> Actions:
    """List what operators did, the newest first, before the action `before` where it is given.

    Each POST, PUT, PATCH and DELETE under `/admin` is one, whatever it came to; `outcome` is the
    answer's status, and the load that it names. The command line's are among them.
    """
    with service.database.reading() as session:
        page = audit_log.newest(session, before=before, limit=limit + 1)
    shown = page[:limit]
    more = f"/admin/actions?before={shown[-1].id}&limit={limit}" if len(page) > limit else None
    return Actions(actions=shown, next=more)
