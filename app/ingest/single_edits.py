"""Edits of single articles. Each edit is a load of one record, with its own receipt."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from app.article.hygiene import flags
from app.article.record import Record
from app.database.transactions import Session
from app.ingest.apply import apply_decision, prefetch, record_result, write
from app.ingest.batch_state import BatchState
from app.ingest.candidate import Candidate
from app.ingest.decide import (
    DEFAULT_POLICY,
    OUTCOMES,
    WRITING_OUTCOMES,
    Decision,
    decide_edit,
    decide_new_article,
)
from app.ingest.load_run import LoadContext
from app.store import articles, existing_articles, loads
from app.store.article_writes import ArticleWrite
from app.store.articles import ArticleState
from app.store.loads import LoadOrigin


class NoSuchArticleError(Exception):
    """There is no article at `slug`. `now` is its present slug, if it has moved."""

    def __init__(self, slug: str, now: str | None = None) -> None:
        super().__init__(slug)
        self.slug = slug
        self.now = now


class EditRefusedError(Exception):
    """The edit was refused. `outcome` is a load's outcome; the message is the reason."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


class CurrentArticle(NamedTuple):
    """The article being edited, and the ETag that If-Match is compared with."""

    state: ArticleState
    etag: str


def put(
    context: LoadContext,
    slug: str,
    revise: Callable[[CurrentArticle | None], Record],
    origin: LoadOrigin,
) -> int:
    """Store the record that `revise` returns for the article at `slug` (None if there is none).

    Return the id of the receipt. An exception from `revise` passes through and nothing is changed.
    Raises EditRefusedError, DatabaseUnavailableError.
    """
    with context.database.writing() as session:
        state, article = _prefetch(session, slug)
        new = Candidate.from_record(revise(_current(session, article)))
        prefetch(session, state, [new], DEFAULT_POLICY)
        decision = (
            decide_new_article(state, new) if article is None else decide_edit(state, article, new)
        )
        if decision.outcome not in WRITING_OUTCOMES | {"unchanged"}:
            raise EditRefusedError(decision.outcome, decision.reason or "")
        apply_decision(state, decision)
        return _commit(session, state, decision, origin, context.clock())


def withdraw(
    context: LoadContext,
    slug: str,
    reason: str | None,
    check: Callable[[CurrentArticle | None], object],
    origin: LoadOrigin,
) -> int:
    """Withdraw the article at `slug` and return the id of the receipt.

    `check` may raise to stop the edit. Raises NoSuchArticleError, DatabaseUnavailableError.
    """
    with context.database.writing() as session:
        state, article, current = _find_checked(session, slug, check)
        decision = Decision("unchanged", Candidate.from_record(current.state.record), article)
        now = context.clock()
        if not article.existing.withdrawn:
            decision = decision._replace(outcome="withdrawn", reason=reason)
            state.withdraw(article, ArticleState(current.state.record, now, reason))
        return _commit(session, state, decision, origin, now)


def restore(
    context: LoadContext,
    slug: str,
    check: Callable[[CurrentArticle | None], object],
    origin: LoadOrigin,
) -> int:
    """Restore the withdrawn article at `slug` and return the id of the receipt.

    `check` may raise to stop the edit. Raises NoSuchArticleError, DatabaseUnavailableError.
    """
    with context.database.writing() as session:
        state, article, current = _find_checked(session, slug, check)
        decision = Decision("unchanged", Candidate.from_record(current.state.record), article)
        if article.existing.withdrawn:
            decision = decision._replace(outcome="restored")
            apply_decision(state, decision)
        return _commit(session, state, decision, origin, context.clock())


def find_current_article(session: Session, slug: str) -> CurrentArticle | None:
    """Return the article at `slug` with its entity tag, or None."""
    return _current(session, _prefetch(session, slug)[1])


def _prefetch(session: Session, slug: str) -> tuple[BatchState, ArticleWrite | None]:
    state = BatchState()
    state.add_articles(existing_articles.by_slug(session, {slug}))
    return state, state.by_slug(slug)


def _current(session: Session, article: ArticleWrite | None) -> CurrentArticle | None:
    if article is None or article.id is None:
        return None
    state = articles.current_states(session, {article.id})[article.id]
    status = "withdrawn" if article.existing.withdrawn else "standing"
    return CurrentArticle(state, f'"{article.existing.digest[:32]}-{status}"')


def _find_checked(
    session: Session, slug: str, check: Callable[[CurrentArticle | None], object]
) -> tuple[BatchState, ArticleWrite, CurrentArticle]:
    state, article = _prefetch(session, slug)
    current = _current(session, article)
    check(current)
    if article is None or current is None:
        raise NoSuchArticleError(slug)
    return state, article, current


def _commit(
    session: Session, state: BatchState, decision: Decision, origin: LoadOrigin, now: datetime
) -> int:
    """Write the edit and its receipt, and return the receipt's id."""
    load_id = loads.begin(session, origin, {}, now)
    write(session, state, load_id, now)
    found = flags(decision.new.record) if decision.outcome in WRITING_OUTCOMES else ()
    result = record_result(1, 1, None, decision, found)
    loads.add_results(session, load_id, [result])
    summary = {**dict.fromkeys(OUTCOMES, 0), decision.outcome: 1}
    loads.update_progress(session, load_id, summary, origin.size, now)
    return load_id
