"""Bearer tokens: how one is made, what is kept of it, and how it is recognised.

A token reads `slg_<id>_<secret>`. The id finds its row; of the secret only a hash is kept. It has
256 random bits, so a plain SHA-256 needs no salt and no stretching.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.text import check_single_line, check_storable

SCOPES: Final = ("load", "edit")
"""What a token may be allowed: to load feeds, and to edit single articles."""

BOOTSTRAP: Final = "bootstrap"
COMMAND_LINE: Final = "command line"
"""The names under which the bootstrap token and the command line appear in receipts and actions."""

MAX_NAME_LENGTH: Final = 100
LAST_USE_RESOLUTION: Final = timedelta(minutes=1)
"""How exact a token's last use is: it is written down once in that time."""

_PREFIX: Final = "slg"


class UnknownScopeError(ValueError):
    """A scope that no token can have."""


class TokenNameError(ValueError):
    """A name that no token can have."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who stands behind a request: the token's name and what it may do."""

    name: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What is kept of a token."""

    id: str
    name: str
    hash: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Say whether the token opens anything at `now`."""
        expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not expired

    def should_record_use(self, now: datetime) -> bool:
        """Say whether a use at `now` is worth writing down."""
        return self.last_used_at is None or self.last_used_at <= now - LAST_USE_RESOLUTION


def create_token() -> tuple[str, str]:
    """Return a new token's id and the token itself, which is shown once."""
    token_id = secrets.token_hex(6)
    return token_id, f"{_PREFIX}_{token_id}_{secrets.token_urlsafe(32)}"


def token_id_of(token: str) -> str | None:
    """Return the id that `token` carries, or None where it is none of ours."""
    prefix, _, rest = token.partition("_")
    token_id, separator, _ = rest.partition("_")
    return token_id if prefix == _PREFIX and separator and token_id.isalnum() else None


def hash_token(token: str) -> str:
    """Return what is kept of `token`."""
    return hashlib.sha256(token.encode()).hexdigest()


def matches(token: str, kept_hash: str) -> bool:
    """Say, in constant time, whether `kept_hash` was made of `token`."""
    return hmac.compare_digest(hash_token(token), kept_hash)


def validate_name(name: str) -> str:
    """Return `name`. Raises TokenNameError where no receipt could show whose it is."""
    if name.strip() in {BOOTSTRAP, COMMAND_LINE}:
        raise TokenNameError(f"{name.strip()!r} is no token's name: it stands for another operator")
    if len(name) > MAX_NAME_LENGTH:
        raise TokenNameError(f"a token's name has {MAX_NAME_LENGTH} characters at most")
    try:
        return check_storable(check_single_line(name))
    except ValueError as error:
        raise TokenNameError(f"a token needs a name that can be shown: {error}") from None


def validate_scopes(names: Iterable[str]) -> tuple[str, ...]:
    """Return `names` in the order of SCOPES. Raises UnknownScopeError."""
    wanted = set(names)
    if unknown := wanted.difference(SCOPES):
        raise UnknownScopeError(f"no such scope: {', '.join(sorted(unknown))}")
    return tuple(scope for scope in SCOPES if scope in wanted)
