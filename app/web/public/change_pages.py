"""Pages of the public change feed: read from memory where possible, waited for, and as JSON."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from fastapi.concurrency import run_in_threadpool

from app.article.timestamps import format_instant
from app.representations.article import article_links, article_path, json_record
from app.store import change_log as store
from app.store.change_log import PublicChange
from app.store.listing import pages
from app.web.state import AppState

RECORDS_AT_MOST: Final = 100
"""How many changes a page has at most if it includes their articles."""

POLL_SECONDS: Final = 1
"""How often a waiting request checks whether the server is stopping."""


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Changes in order, the number to continue from, and whether there are more after it."""

    changes: list[PublicChange]
    last: int
    more: bool


async def wait_for_page(state: AppState, since: int, limit: int, seconds: int) -> ChangesPage:
    """Return the changes after `since`; if there are none, wait for some for up to `seconds`."""
    deadline = time.monotonic() + seconds
    page = await read_page(state, since, limit)
    # Changes that are not public wake the request, too; `last` moves past them.
    while not page.changes and not state.stopping.is_set():
        left = deadline - time.monotonic()
        if left <= 0:
            break
        await state.broadcast.wait(page.last, min(left, POLL_SECONDS))
        page = await read_page(state, page.last, limit)
    return page


async def read_page(state: AppState, since: int, limit: int) -> ChangesPage:
    """Return the changes after `since`, without a database query if they are all in memory."""
    held = state.broadcast.since(since)
    if held is None:
        return await run_in_threadpool(query_page, state, since, limit)
    changes, last = held
    return _cut(changes, last, limit)


def query_page(state: AppState, since: int, limit: int) -> ChangesPage:
    """Return the changes after `since` from the database."""
    with state.database.reading() as session:
        newest = store.last_seq(session.connection())
        found = store.public_since(session, since, limit=limit + 1)
    return _cut(found, max(newest, since), limit)


def iter_pages(
    state: AppState, since: int, limit: int | None, page_size: int
) -> Iterator[ChangesPage]:
    """Yield all changes after `since`, at most `limit` of them, in pages from the database."""
    more, left = True, limit
    while more and left != 0:
        page = query_page(state, since, page_size if left is None else min(left, page_size))
        yield page
        since, more = page.last, page.more
        left = None if left is None else left - len(page.changes)


def _cut(found: list[PublicChange], newest: int, limit: int) -> ChangesPage:
    if len(found) > limit:
        return ChangesPage(found[:limit], found[limit - 1].seq, more=True)
    return ChangesPage(found, newest, more=False)


def to_json(
    state: AppState, changes: list[PublicChange], *, with_records: bool
) -> list[dict[str, Any]]:
    """Return the changes as JSON objects.

    `record` is the article as it is now, or null if it no longer exists.
    """
    objects: list[dict[str, Any]] = [
        {
            "seq": change.seq,
            "kind": change.kind,
            "slug": change.slug,
            **({"previous_slug": change.previous_slug} if change.kind == "moved" else {}),
            "url": state.site.base_url + article_path(change.slug),
            "at": format_instant(change.at),
        }
        for change in changes
    ]
    if with_records and changes:
        slugs = sorted({change.slug for change in changes})
        with state.database.reading() as session:
            found = pages.find_by_slugs(session.connection(), slugs)
        for each in objects:
            record = found.get(each["slug"])
            each["record"] = (
                None
                if record is None
                else json_record.fields(record, article_links(record, state.site))
            )
    return objects
