"""Bearer tokens: how they are created, hashed and recognised.

A token reads `slg_<id>_<secret>`. The id finds its row, which has a hash of the token only. The
secret has 256 random bits, so a plain SHA-256 needs neither salt nor stretching.
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
"""What a token can permit: to load feeds, and to edit single articles."""

BOOTSTRAP: Final = "bootstrap"
COMMAND_LINE: Final = "command line"
"""The names of the bootstrap token and the command line in receipts and the audit log."""

MAX_NAME_LENGTH: Final = 100
LAST_USE_RESOLUTION: Final = timedelta(minutes=1)
"""A token's last use is recorded at most once in this time."""

_PREFIX: Final = "slg"


class UnknownScopeError(ValueError):
    """A name that is not in SCOPES."""


class TokenNameError(ValueError):
    """A name that a token cannot have; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Operator:
    """The authenticated sender of a request: the name and the scopes of the token."""

    name: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token as the database has it. `hash` is that of `hash_token`."""

    id: str
    name: str
    hash: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Return whether the token is neither expired nor revoked at `now`."""
        is_expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not is_expired

    def should_record_use(self, now: datetime) -> bool:
        """Return whether the last recorded use is LAST_USE_RESOLUTION ago."""
        return self.last_used_at is None or self.last_used_at <= now - LAST_USE_RESOLUTION


def create_token() -> tuple[str, str]:
    """Return the id of a new token, and the token itself, which is shown only once."""
    token_id = secrets.token_hex(6)
    return token_id, f"{_PREFIX}_{token_id}_{secrets.token_urlsafe(32)}"


def token_id_of(token: str) -> str | None:
    """Return the id in `token`, or None if it does not have the form of a token."""
    prefix, _, rest = token.partition("_")
    token_id, separator, _ = rest.partition("_")
    return token_id if prefix == _PREFIX and separator and token_id.isalnum() else None


def hash_token(token: str) -> str:
    """Return the SHA-256 of `token`, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def matches(token: str, stored_hash: str) -> bool:
    """Return whether `stored_hash` is the hash of `token`, in constant time."""
    return hmac.compare_digest(hash_token(token), stored_hash)


def validate_name(name: str) -> str:
    """Return `name`. Raises TokenNameError if it is reserved, too long, or not printable."""
    if name.strip() in {BOOTSTRAP, COMMAND_LINE}:
        raise TokenNameError(f"the token name {name.strip()!r} is reserved for another operator")
    if len(name) > MAX_NAME_LENGTH:
        raise TokenNameError(f"a token name can have at most {MAX_NAME_LENGTH} characters")
    try:
        return check_storable(check_single_line(name))
    except ValueError as error:
        raise TokenNameError(f"invalid token name: {error}") from None


def validate_scopes(names: Iterable[str]) -> tuple[str, ...]:
    """Return `names` in the order of SCOPES. Raises UnknownScopeError."""
    requested = set(names)
    if unknown := requested.difference(SCOPES):
        raise UnknownScopeError(f"no such scope: {', '.join(sorted(unknown))}")
    return tuple(scope for scope in SCOPES if scope in requested)
