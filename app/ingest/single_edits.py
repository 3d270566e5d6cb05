"""Edits of single articles: each is a load of one record, with a receipt of its own."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from app.article.hygiene import flags
from app.article.record import Record
from app.database.transactions import Session
from app.ingest.apply import enact, see, told, write
from app.ingest.batch_state import BatchState
from app.ingest.candidate import Candidate
from app.ingest.decide import OUTCOMES, WRITTEN, Decision, Policy, decide
from app.ingest.load_run import Run
from app.store import articles, existing_articles, loads
from app.store.article_writes import ArticleWrite
from app.store.articles import ArticleState
from app.store.loads import LoadOrigin


class NoSuchArticleError(Exception):
    """There is no article at `slug`; it may be at `now`."""

    def __init__(self, slug: str, now: str | None = None) -> None:
        super().__init__(slug)
        self.slug = slug
        self.now = now


class EditRefusedError(Exception):
    """The edit does not go in. `outcome` is one of a load's, and the message says why."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


class Present(NamedTuple):
    """An article as an edit finds it, and a digest of all of that."""

    state: ArticleState
    etag: str


def put(run: Run, slug: str, revise: Callable[[Present | None], Record], origin: LoadOrigin) -> int:
    """Let what `revise` makes of the article at `slug`, or of nothing, stand from now on.

    Return the number of the receipt. What `revise` raises goes through, and nothing has changed.
    Raises EditRefusedError, DatabaseUnavailableError.
    """
    with run.database.writing() as session:
        scene, there = _look(session, slug)
        new = Candidate.of(revise(_present(session, there)))
        see(session, scene, [new], Policy())
        decision = _fresh(scene, new) if there is None else _revised(scene, there, new)
        if decision.outcome not in WRITTEN | {"unchanged"}:
            raise EditRefusedError(decision.outcome, decision.reason or "")
        enact(scene, decision)
        return _finish(session, scene, decision, origin, run.clock())


def withdraw(
    run: Run,
    slug: str,
    reason: str | None,
    check: Callable[[Present | None], object],
    origin: LoadOrigin,
) -> int:
    """Withdraw the article at `slug`, and return the number of the receipt.

    `check` may raise. Raises NoSuchArticleError, DatabaseUnavailableError.
    """
    with run.database.writing() as session:
        scene, there, present = _known(session, slug, check)
        decision = Decision("unchanged", Candidate.of(present.state.record), there)
        now = run.clock()
        if not there.existing.withdrawn:
            decision = decision._replace(outcome="withdrawn", reason=reason)
            scene.withdraw(there, ArticleState(present.state.record, now, reason))
        return _finish(session, scene, decision, origin, now)


def restore(
    run: Run, slug: str, check: Callable[[Present | None], object], origin: LoadOrigin
) -> int:
    """Bring back the article at `slug`, and return the number of the receipt.

    `check` may raise. Raises NoSuchArticleError, DatabaseUnavailableError.
    """
    with run.database.writing() as session:
        scene, there, present = _known(session, slug, check)
        decision = Decision("unchanged", Candidate.of(present.state.record), there)
        if there.existing.withdrawn:
            decision = decision._replace(outcome="restored")
            enact(scene, decision)
        return _finish(session, scene, decision, origin, run.clock())


def present(session: Session, slug: str) -> Present | None:
    """Return the article at `slug` with what an If-Match must name."""
    return _present(session, _look(session, slug)[1])


def _look(session: Session, slug: str) -> tuple[BatchState, ArticleWrite | None]:
    scene = BatchState()
    scene.add(existing_articles.by_slug(session, {slug}))
    return scene, scene.at(slug)


def _present(session: Session, draft: ArticleWrite | None) -> Present | None:
    if draft is None or draft.id is None:
        return None
    state = articles.current_states(session, {draft.id})[draft.id]
    standing = "withdrawn" if draft.existing.withdrawn else "standing"
    return Present(state, f'"{draft.existing.digest[:32]}-{standing}"')


def _known(
    session: Session, slug: str, check: Callable[[Present | None], object]
) -> tuple[BatchState, ArticleWrite, Present]:
    scene, there = _look(session, slug)
    present = _present(session, there)
    check(present)
    if there is None or present is None:
        raise NoSuchArticleError(slug)
    return scene, there, present


def _fresh(scene: BatchState, new: Candidate) -> Decision:
    """Decide about a record for a slug at which there is nothing: it touches no other article."""
    decision = decide(scene, new, Policy())
    if decision.outcome == "created" or decision.article is None:
        return decision
    other = decision.article.existing
    reason = f"its story is that of another article, /news/{other.slug}, which had that slug or has"
    return decision._replace(outcome="conflict", reason=f"{reason} that source")


def _revised(scene: BatchState, there: ArticleWrite, new: Candidate) -> Decision:
    """Decide about an edit of the article `there`, which may give it another slug or source."""
    old, updated_at = there.existing, new.record.updated_at
    if old.digest == new.digest and not old.withdrawn:
        return Decision("unchanged", new, there)
    if reason := _against(scene, there, new):
        return Decision("conflict", new, there, reason)
    if updated_at < old.updated_at:
        return Decision("skipped_stale", new, there, "updated_at is earlier than the article's")
    if updated_at == old.updated_at:
        return Decision("conflict", new, there, "updated_at is the article's: nobody would notice")
    if new.record.slug != old.slug:
        return Decision("moved", new, there, f"from /news/{old.slug}")
    return Decision("updated", new, there)


def _against(scene: BatchState, there: ArticleWrite, new: Candidate) -> str | None:
    """Say why the article `there` cannot become `new`."""
    if there.existing.withdrawn:
        return "the article is withdrawn: restore it first"
    for other in scene.at(new.record.slug), scene.telling(new.key) if new.key else None:
        if other is not None and other is not there:
            return f"/news/{other.existing.slug} is another article, with that slug or source"
    return None


def _finish(
    session: Session, scene: BatchState, decision: Decision, origin: LoadOrigin, now: datetime
) -> int:
    """Write the edit and its receipt, the number of which is returned."""
    load_id = loads.begin(session, origin, {}, now)
    write(session, scene, load_id, now)
    odd = flags(decision.new.record) if decision.outcome in WRITTEN else ()
    result = told(1, 1, None, decision, odd)
    loads.add_results(session, load_id, [result])
    summary = {**dict.fromkeys(OUTCOMES, 0), decision.outcome: 1}
    loads.update_progress(session, load_id, summary, origin.size, now)
    return load_id
