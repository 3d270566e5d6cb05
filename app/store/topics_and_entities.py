"""Topics and entities: the rows that articles link to, and the slug of each entity."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from slugify import slugify
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.article.record import SLUG_LENGTH
from app.database.dialects import allocate_ids, bulk_insert, is_any_of
from app.database.tables import Entity, Topic

_DIGEST_BYTES: Final = 5
_CUT: Final = SLUG_LENGTH - 2 * _DIGEST_BYTES - 1


def get_or_create_topics(session: Session, slugs: Iterable[str]) -> dict[str, int]:
    """Return the ids of topics by slug, after inserting those that are missing."""
    wanted = sorted(slugs)
    if not wanted:
        return {}
    known = session.execute(
        select(Topic.slug, Topic.id).where(is_any_of(session, Topic.slug, wanted))
    )
    found = {row[0]: row[1] for row in known}
    missing = [slug for slug in wanted if slug not in found]
    fresh = allocate_ids(session, Topic.__table__, len(missing))
    rows = list(zip(missing, fresh, strict=True))
    bulk_insert(session, Topic.__table__, ("slug", "id"), rows)
    return found | dict(rows)


def get_or_create_entities(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of entities by name, after inserting those that are missing."""
    wanted = sorted(names)
    if not wanted:
        return {}
    known = session.execute(
        select(Entity.name, Entity.id).where(is_any_of(session, Entity.name, wanted))
    )
    found = {row[0]: row[1] for row in known}
    missing = [name for name in wanted if name not in found]
    slugs = _slugs(session, missing)
    fresh = allocate_ids(session, Entity.__table__, len(missing))
    rows = [(name, slugs[name], i) for name, i in zip(missing, fresh, strict=True)]
    bulk_insert(session, Entity.__table__, ("name", "slug", "id"), rows)
    return found | dict(zip(missing, fresh, strict=True))


def entity_slugs(session: Session, names: Iterable[str]) -> dict[str, str]:
    """Return the slugs of existing entities, by name."""
    wanted = list(names)
    if not wanted:
        return {}
    found = select(Entity.name, Entity.slug).where(is_any_of(session, Entity.name, wanted))
    return {row[0]: row[1] for row in session.execute(found)}


def _slugs(session: Session, names: Iterable[str]) -> Mapping[str, str]:
    """Return an unused slug for each of `names`.

    If the slug made from a name is taken or empty, a digest of the name is appended.
    """
    plain = {name: slugify(name, max_length=SLUG_LENGTH) for name in names}
    if not plain:
        return {}
    there = select(Entity.slug).where(is_any_of(session, Entity.slug, set(plain.values())))
    taken = {"", *session.scalars(there)}
    for name, slug in plain.items():
        if slug in taken:
            digest = hashlib.blake2b(name.encode(), digest_size=_DIGEST_BYTES).hexdigest()
            plain[name] = f"{slug[:_CUT]}-{digest}".strip("-")
        taken.add(plain[name])
    return plain
