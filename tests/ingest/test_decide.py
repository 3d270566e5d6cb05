"""The outcome of a record, decided from the articles that it concerns."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.article.record import is_slug, parse_record
from app.ingest.batch_state import BatchState
from app.ingest.candidate import Candidate
from app.ingest.decide import (
    DEFAULT_POLICY,
    SUFFIX_DIGITS,
    WRITING_OUTCOMES,
    Policy,
    decide,
    slug_with_suffix,
)
from app.store.existing_articles import ExistingArticle
from tests.support.site import NOW
from tests.support.strategies import SIGNS

ONE, OTHER = "https://example.com/one", "https://example.com/other"


def incoming(slug: str = "a", source: str | None = ONE, hours: float = 0) -> Candidate:
    return Candidate.from_record(
        parse_record(
            {
                "slug": slug,
                "title": "A headline",
                "body_md": "Text.",
                "canonical_source": source,
                "published_at": NOW.isoformat(),
                "updated_at": (NOW + timedelta(hours=hours)).isoformat(),
                "lang": "en",
            }
        )
    )


def standing(new: Candidate, number: int = 1, **changed: object) -> ExistingArticle:
    found = ExistingArticle(number, new.record.slug, new.key, new.record.updated_at, new.digest)
    return replace(found, **changed)  # type: ignore[arg-type] # fields of it, by name


def scene(*there: ExistingArticle, former: dict[str, ExistingArticle] | None = None) -> BatchState:
    made = BatchState()
    made.add_articles(there)
    made.add_aliases(former or {})
    return made


@pytest.mark.parametrize(
    ("source", "digest", "age", "outcome"),
    [
        (ONE, "same", 0, "unchanged"),
        (ONE, "other", -1, "updated"),
        (ONE, "other", 1, "skipped_stale"),
        (ONE, "other", 0, "conflict"),
        (OTHER, "same", 0, "conflict"),
        (OTHER, "other", -1, "conflict"),
        (None, "other", -1, "updated"),
    ],
)
def test_i06_the_outcome_follows_from_source_content_and_age(
    source: str | None, digest: str, age: int, outcome: str
) -> None:
    new = incoming()
    old = standing(
        new,
        canonical_key=source,
        updated_at=new.record.updated_at + timedelta(hours=age),
        digest=new.digest if digest == "same" else "0" * 64,
    )
    assert decide(scene(old), new, DEFAULT_POLICY).outcome == outcome
    assert decide(BatchState(), new, DEFAULT_POLICY).outcome == "created"


@pytest.mark.parametrize(
    ("hours", "outcome"), [(1, "moved"), (0, "duplicate_of"), (-1, "duplicate_of")]
)
def test_i13_a_known_story_under_another_slug_moves_only_if_it_is_newer(
    hours: float, outcome: str
) -> None:
    old = standing(incoming("old"))
    decision = decide(scene(old), incoming("new", hours=hours), DEFAULT_POLICY)
    assert decision.outcome == outcome
    assert "/news/old" in (decision.reason or "")


def test_i12_a_taken_slug_is_a_conflict_or_gets_the_same_suffix_each_time() -> None:
    there, new = standing(incoming("a", OTHER)), incoming("a", ONE)
    assert decide(scene(there), new, DEFAULT_POLICY).outcome == "conflict"
    first = decide(scene(there), new, Policy(suffix=True))
    assert first.outcome == "created"
    assert first.new.record.slug == slug_with_suffix("a", ONE)
    again = scene(there, standing(first.new, 2))
    assert decide(again, new, Policy(suffix=True)).outcome == "unchanged"


def test_i12_a_story_at_another_slug_does_not_take_a_slug_in_use() -> None:
    there, story = standing(incoming("a", None)), standing(incoming("b", ONE), 2)
    decision = decide(scene(there, story), incoming("a", ONE, hours=1), DEFAULT_POLICY)
    assert decision.outcome == "conflict"
    assert "/news/b" in (decision.reason or "")


def test_i13_a_record_under_a_former_slug_does_not_create_a_second_article() -> None:
    now = standing(incoming("new", None))
    made = scene(former={"old": now})
    assert decide(made, incoming("old", None), DEFAULT_POLICY).outcome == "duplicate_of"
    assert decide(made, incoming("old", None, hours=1), DEFAULT_POLICY).outcome == "moved"
    assert decide(made, incoming("old", OTHER), DEFAULT_POLICY).outcome == "duplicate_of"
    known = scene(former={"old": standing(incoming("new", ONE))})
    assert decide(known, incoming("old", OTHER), DEFAULT_POLICY).outcome == "created"


@pytest.mark.parametrize(
    ("restore", "hours", "outcome"),
    [
        (False, 1, "conflict"),
        (True, 1, "restored"),
        (True, 0, "restored"),
        (True, -1, "skipped_stale"),
    ],
)
@pytest.mark.parametrize("slug", ["a", "b"])
def test_i14_a_withdrawn_article_is_restored_only_on_request(
    slug: str, hours: float, outcome: str, *, restore: bool
) -> None:
    gone = standing(incoming("a"), withdrawn=True)
    new = incoming(slug, hours=hours)
    assert decide(scene(gone), new, Policy(restore=restore)).outcome == outcome


@given(
    slug=st.from_regex(r"[a-z0-9]+(?:[-.][a-z0-9]+){0,9}", fullmatch=True, alphabet=SIGNS).filter(
        is_slug
    ),
    key=st.text(SIGNS, min_size=1),
)
def test_i12_a_suffixed_slug_is_valid_and_differs_by_story(slug: str, key: str) -> None:
    made = slug_with_suffix(slug, key)
    assert is_slug(made)
    assert made == slug_with_suffix(slug, key)
    assert made != slug_with_suffix(slug, key + "x")
    assert made.startswith(slug[: 80 - SUFFIX_DIGITS - 1].rstrip("-."))


def test_deciding_does_not_change_the_batch_state() -> None:
    made = scene(standing(incoming("a")))
    for new in incoming("a", hours=1), incoming("b", hours=1), incoming("c", OTHER):
        assert decide(made, new, DEFAULT_POLICY).outcome in WRITING_OUTCOMES
    assert (made.writes, made.events, made.aliases) == ([], [], {})
