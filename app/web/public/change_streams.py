"""The public change feed as streams: all changes as NDJSON, and new ones as server-sent events."""

import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Final

from app.web.public import change_pages
from app.web.public.change_pages import POLL_SECONDS, RECORDS_AT_MOST
from app.web.state import AppState

HEARTBEAT_SECONDS: Final = 15
RETRY_MILLISECONDS: Final = 2_000
PAGE_SIZE: Final = 1_000


def ndjson_lines(
    state: AppState, since: int, limit: int | None, *, with_records: bool
) -> Iterator[str]:
    """Yield the changes after `since` up to now, at most `limit` of them, one on a line."""
    page_size = RECORDS_AT_MOST if with_records else PAGE_SIZE
    for page in change_pages.iter_pages(state, since, limit, page_size):
        changes = change_pages.to_json(state, page.changes, with_records=with_records)
        yield "".join(json.dumps(change, ensure_ascii=False) + "\n" for change in changes)


async def events(state: AppState, since: int) -> AsyncGenerator[str]:
    """Yield the changes after `since` and then new ones as they happen (HTML, section 9.2).

    Ends when the server stops, or when the database has been replaced by another.
    """
    # The first id comes at once: a client cut off before the first event resumes from it.
    yield f"retry: {RETRY_MILLISECONDS}\nid: {since}\n\n"
    silent = 0
    while not state.stopping.is_set():
        page = await change_pages.read_page(state, since, PAGE_SIZE)
        since = page.last
        if page.changes:
            silent = 0
            changes = change_pages.to_json(state, page.changes, with_records=False)
            yield "".join(map(_to_event, changes))
        elif not page.more and not await state.broadcast.wait(since, POLL_SECONDS):
            if state.broadcast.last < since:
                return
            silent += POLL_SECONDS
            if silent >= HEARTBEAT_SECONDS:
                silent = 0
                yield f":\nid: {since}\n\n"


def _to_event(change: dict[str, Any]) -> str:
    data = json.dumps(change, ensure_ascii=False)
    return f"id: {change['seq']}\nevent: {change['kind']}\ndata: {data}\n\n"
