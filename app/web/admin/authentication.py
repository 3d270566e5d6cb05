"""Who may do what under `/admin`: bearer tokens (RFC 6750) and their scopes."""

import hmac
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.auth import tokens
from app.auth.failed_logins import network_of
from app.auth.tokens import BOOTSTRAP, Operator, StoredToken
from app.database.transactions import DatabaseUnavailableError
from app.store import tokens as stored_tokens
from app.text import excerpt
from app.web.asgi.request_context import get_request_context
from app.web.problems import Problem
from app.web.state import AppState, StateDep

logger = logging.getLogger(__name__)

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token from `slugline tokens create`, or the one in SLUGLINE_ADMIN_TOKEN.",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def require_scope(*scopes: str) -> Callable[..., Operator]:
    """Return a dependency: the operator behind the request, who must have one of `scopes`."""

    def operator(request: Request, credentials: Credentials, service: StateDep) -> Operator:
        if credentials is None:
            raise _unauthorized("This address is for operators: send a bearer token.", "")
        visit = get_request_context(request)
        found = _operator(service, credentials.credentials, visit.address)
        visit.operator = found.name
        if found.scopes.isdisjoint(scopes):
            raise _forbidden(scopes)
        return found

    return operator


def _operator(service: AppState, token: str, address: str) -> Operator:
    """Return whose `token` is. Raises Problem where it is nobody's, or it is not looked at.

    A network that has sent too many wrong ones is refused before anybody asks whose the next one
    is, so that each costs the same little. Tokens that were right not long ago still are looked at:
    who shares an address with somebody who guesses is not locked out.
    """
    if _is_bootstrap(service, token):
        return Operator(BOOTSTRAP, frozenset(tokens.SCOPES))
    now, network, token_hash = service.clock(), network_of(address), tokens.hash_token(token)
    pause = service.failed_logins.retry_after(network, now)
    if pause and token_hash not in service.valid_token_cache:
        raise _too_many(pause)
    kept = _live(service, token, now)
    if kept is None:
        service.valid_token_cache.discard(token_hash)
        service.failed_logins.record_failure(network, now)
        logger.warning("an unknown, expired or revoked token from %s was refused", excerpt(address))
        if pause := service.failed_logins.retry_after(network, now):
            logger.warning("no more from %s is looked at for %d s", excerpt(network), pause)
        raise _unauthorized("The token is unknown, expired or revoked.", "invalid_token")
    service.valid_token_cache.add(token_hash)
    return Operator(kept.name, frozenset(kept.scopes))


def _is_bootstrap(service: AppState, token: str) -> bool:
    bootstrap = service.settings.admin_token
    return bootstrap is not None and hmac.compare_digest(
        tokens.hash_token(token), tokens.hash_token(bootstrap.get_secret_value())
    )


def _live(service: AppState, token: str, now: datetime) -> StoredToken | None:
    """Return what is kept of `token`, and note that it was used, where it opens anything."""
    token_id = tokens.token_id_of(token)
    if token_id is None:
        return None
    with service.database.reading() as session:
        kept = stored_tokens.find(session, token_id)
    if kept is None or not tokens.matches(token, kept.hash) or not kept.is_live(now):
        return None
    if kept.should_record_use(now):
        _note_use(service, kept, now)
    return kept


def _note_use(service: AppState, kept: StoredToken, now: datetime) -> None:
    """Note it if that can be done at once: a load that writes is nothing to wait for."""
    try:
        with service.database.audit_transaction(timeout=0) as session:
            stored_tokens.record_use(session, kept.id, now)
    except DatabaseUnavailableError as error:
        logger.debug("the use of a token is not noted: %s", error)


def _unauthorized(detail: str, error: str) -> Problem:
    headers = {"WWW-Authenticate": _challenge(error)}
    return Problem(HTTPStatus.UNAUTHORIZED, detail, headers=headers)


def _forbidden(scopes: tuple[str, ...]) -> Problem:
    named = " or ".join(f"'{scope}'" for scope in scopes)
    headers = {"WWW-Authenticate": _challenge("insufficient_scope", " ".join(scopes))}
    return Problem(HTTPStatus.FORBIDDEN, f"The token lacks the scope {named}.", headers=headers)


def _too_many(pause: int) -> Problem:
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"Too many wrong tokens came from your network. Try again in {pause} seconds.",
        headers={"Retry-After": str(pause)},
    )


def _challenge(error: str, scope: str = "") -> str:
    # RFC 6750 section 3.
    parts = [("realm", "slugline"), ("error", error), ("scope", scope)]
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parts if value)
