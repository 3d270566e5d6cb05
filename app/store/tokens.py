"""The bearer tokens of operators. Only their hashes are stored."""

from datetime import datetime

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from app.auth.tokens import LAST_USE_RESOLUTION, StoredToken
from app.database.tables import Token


def create(session: Session, token: StoredToken) -> bool:
    """Insert `token`. Return False if its name is taken."""
    if session.scalar(select(Token.id).where(Token.name == token.name)) is not None:
        return False
    row = {
        "id": token.id,
        "name": token.name,
        "hash": token.hash,
        "scopes": list(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
    }
    session.execute(insert(Token), [row])
    return True


def find(session: Session, token_id: str) -> StoredToken | None:
    """Return the token with that id, valid or not, or None."""
    token = session.get(Token, token_id)
    return None if token is None else _stored(token)


def list_all(session: Session) -> list[StoredToken]:
    """Return all tokens, the oldest first."""
    return [_stored(token) for token in session.scalars(select(Token).order_by(Token.created_at))]


def revoke(session: Session, name: str, now: datetime) -> bool:
    """Revoke the token with that name. Return False if no unrevoked token has it."""
    revoked = update(Token).where(Token.name == name, Token.revoked_at.is_(None))
    rows = session.scalars(revoked.values(revoked_at=now).returning(Token.id)).all()
    return bool(rows)


def record_use(session: Session, token_id: str, now: datetime) -> None:
    """Record that the token was used at `now`, at most once in USE_PERIOD over all processes."""
    due = or_(Token.last_used_at.is_(None), Token.last_used_at <= now - LAST_USE_RESOLUTION)
    session.execute(update(Token).where(Token.id == token_id, due).values(last_used_at=now))


def _stored(token: Token) -> StoredToken:
    return StoredToken(
        id=token.id,
        name=token.name,
        hash=token.hash,
        scopes=tuple(token.scopes),
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        last_used_at=token.last_used_at,
    )
