"""Who may do what under `/admin`: bearer tokens (RFC 6750) and their scopes."""

import hmac
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app import tokens
from app.store import tokens as stored_tokens
from app.tokens import Operator
from app.web.problems import Problem
from app.web.service import Served, Service

BOOTSTRAP: str = "bootstrap"
"""The name under which SLUGLINE_ADMIN_TOKEN appears in receipts."""

logger = logging.getLogger(__name__)

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token from `slugline tokens create`, or the one in SLUGLINE_ADMIN_TOKEN.",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def having(scope: str) -> Callable[..., Operator]:
    """Return a dependency: the operator behind the request, who must have `scope`."""

    def operator(credentials: Credentials, service: Served) -> Operator:
        if credentials is None:
            raise _unauthorized("This address is for operators: send a bearer token.", "")
        found = _operator(service, credentials.credentials)
        if found is None:
            logger.warning("an unknown, expired or revoked token was refused")
            raise _unauthorized("The token is unknown, expired or revoked.", "invalid_token")
        if scope not in found.scopes:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                f"The token lacks the scope '{scope}'.",
                headers={"WWW-Authenticate": _challenge("insufficient_scope", scope)},
            )
        return found

    return operator


def _operator(service: Service, token: str) -> Operator | None:
    bootstrap = service.settings.admin_token
    if bootstrap is not None and hmac.compare_digest(
        tokens.hash_of(token), tokens.hash_of(bootstrap.get_secret_value())
    ):
        return Operator(BOOTSTRAP, frozenset(tokens.SCOPES))
    token_id = tokens.id_of(token)
    if token_id is None:
        return None
    with service.database.reading() as session:
        kept = stored_tokens.find(session, token_id)
    if kept is None or not tokens.matches(token, kept.hash) or not kept.is_live(service.clock()):
        return None
    return Operator(kept.name, frozenset(kept.scopes))


def _unauthorized(detail: str, error: str) -> Problem:
    headers = {"WWW-Authenticate": _challenge(error)}
    return Problem(HTTPStatus.UNAUTHORIZED, detail, headers=headers)


def _challenge(error: str, scope: str = "") -> str:
    # RFC 6750 section 3.
    parts = [("realm", "slugline"), ("error", error), ("scope", scope)]
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parts if value)
