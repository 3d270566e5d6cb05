"""Slugs that are made from titles: one rule, the same for every feed."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.article.record import is_slug
from app.feeds.slug_from_title import slug_from_title
from tests.support.paths import SEEDS as SEEDS_FOLDER
from tests.support.strategies import SIGNS

SEEDS = sorted(SEEDS_FOLDER.glob("*.txt"))


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name[:20])
def test_the_title_of_a_seed_gives_its_own_slug(seed: Path) -> None:
    record = json.loads(seed.read_bytes())
    assert slug_from_title(record["title"]) == record["slug"]


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("China's trials", "chinas-trials"),
        ("China’s trials", "chinas-trials"),
        ("Straße, Ünïcode & Co.", "strasse-unicode-co"),
        ("Москва 2025", "moskva-2025"),
        ("中国生物", "zhong-guo-sheng-wu"),
        ("release.md", "release-md"),
        ("5,215 trials: -- up", "5215-trials-up"),
        ("AT&amp;T", "at-amp-t"),
        ("a" * 79 + " b", "a" * 79),
        ("🎉 ?!", None),
        ("", None),
        ("\ud800\x00", None),
    ],
)
def test_slugs_are_latin_and_have_nothing_at_their_ends(title: str, slug: str | None) -> None:
    assert slug_from_title(title) == slug


@given(st.text(SIGNS, max_size=300) | st.text("aé中-.'’ \n", max_size=200))
def test_any_title_gives_a_slug_that_a_record_can_have_or_none(title: str) -> None:
    slug = slug_from_title(title)
    assert slug == slug_from_title(title)
    if slug is None:
        assert not any(character.isascii() and character.isalnum() for character in title)
    else:
        assert is_slug(slug)
        assert "." not in slug
        assert slug == slug.strip("-")
        assert slug_from_title(slug) == slug
