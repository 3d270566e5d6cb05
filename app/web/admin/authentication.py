"""Authentication and authorization under `/admin`: bearer tokens (RFC 6750) and their scopes."""

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
    """Return a dependency: the authenticated operator, who must have one of `scopes`."""

    def operator(request: Request, credentials: Credentials, state: StateDep) -> Operator:
        if credentials is None:
            detail = "This URL requires a bearer token. Send it as `Authorization: Bearer <token>`."
            raise _unauthorized(detail)
        context = get_request_context(request)
        found = _authenticate(state, credentials.credentials, context.address)
        context.operator = found.name
        if found.scopes.isdisjoint(scopes):
            raise _forbidden(scopes)
        return found

    return operator


def _authenticate(state: AppState, token: str, address: str) -> Operator:
    """Return the operator whose token this is. Raises Problem: 401, or 429.

    A network with too many failed attempts is refused before its token is looked up, so that each
    further guess is cheap. Tokens that were valid recently are still looked up: an operator who
    shares an address with an attacker is not locked out.
    """
    if _is_bootstrap(state, token):
        return Operator(BOOTSTRAP, frozenset(tokens.SCOPES))
    now, network, token_hash = state.clock(), network_of(address), tokens.hash_token(token)
    seconds = state.failed_logins.retry_after(network, now)
    if seconds and token_hash not in state.valid_token_cache:
        raise _too_many_attempts(seconds)
    stored = _find_live(state, token, now)
    if stored is None:
        state.valid_token_cache.discard(token_hash)
        state.failed_logins.record_failure(network, now)
        logger.warning("refused an unknown, expired or revoked token from %s", excerpt(address))
        if seconds := state.failed_logins.retry_after(network, now):
            logger.warning("refusing tokens from %s for %d s", excerpt(network), seconds)
        raise _unauthorized("The token is unknown, expired or revoked.", "invalid_token")
    state.valid_token_cache.add(token_hash)
    return Operator(stored.name, frozenset(stored.scopes))


def _is_bootstrap(state: AppState, token: str) -> bool:
    bootstrap = state.settings.admin_token
    return bootstrap is not None and hmac.compare_digest(
        tokens.hash_token(token), tokens.hash_token(bootstrap.get_secret_value())
    )


def _find_live(state: AppState, token: str, now: datetime) -> StoredToken | None:
    """Return the stored token and record its use, or None if `token` is not valid at `now`."""
    token_id = tokens.token_id_of(token)
    if token_id is None:
        return None
    with state.database.reading() as session:
        stored = stored_tokens.find(session, token_id)
    if stored is None or not tokens.matches(token, stored.hash) or not stored.is_live(now):
        return None
    if stored.should_record_use(now):
        _record_use(state, stored, now)
    return stored


def _record_use(state: AppState, stored: StoredToken, now: datetime) -> None:
    """Record the use of a token, unless another transaction, such as a load, holds the lock."""
    try:
        with state.database.audit_transaction(timeout=0) as session:
            stored_tokens.record_use(session, stored.id, now)
    except DatabaseUnavailableError as error:
        logger.debug("the last use of a token was not recorded: %s", error)


def _unauthorized(detail: str, error: str = "") -> Problem:
    headers = {"WWW-Authenticate": _challenge(error)}
    return Problem(HTTPStatus.UNAUTHORIZED, detail, headers=headers)


def _forbidden(scopes: tuple[str, ...]) -> Problem:
    listed = " or ".join(f"'{scope}'" for scope in scopes)
    headers = {"WWW-Authenticate": _challenge("insufficient_scope", " ".join(scopes))}
    return Problem(HTTPStatus.FORBIDDEN, f"The token needs the scope {listed}.", headers=headers)


def _too_many_attempts(seconds: int) -> Problem:
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"Too many invalid tokens came from your network. Try again in {seconds} seconds.",
        headers={"Retry-After": str(seconds)},
    )


def _challenge(error: str, scope: str = "") -> str:
    # RFC 6750 section 3.
    attributes = [("realm", "slugline"), ("error", error), ("scope", scope)]
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in attributes if value)
