"""The words of a text: however it is taken apart to be read faster, it is read as a whole."""

import re
import unicodedata

import Stemmer
from hypothesis import given, settings
from hypothesis import strategies as st

from app.search import analyzer
from tests.support.site import DEPTH
from tests.support.strategies import SIGNS

ALPHABETS = (
    st.characters(min_codepoint=32, max_codepoint=126),
    st.characters(min_codepoint=0xA0, max_codepoint=0x24F),
    st.characters(min_codepoint=0x300, max_codepoint=0x36F),
    st.characters(min_codepoint=0x370, max_codepoint=0x6FF),
    st.characters(min_codepoint=0x900, max_codepoint=0xDFF),
    st.characters(min_codepoint=0x2000, max_codepoint=0x206F),
    st.characters(min_codepoint=0x4E00, max_codepoint=0x4EFF),
    st.characters(min_codepoint=0xFB00, max_codepoint=0xFB4F),
    SIGNS,
)
TEXTS = st.lists(
    st.sampled_from(ALPHABETS).flatmap(lambda signs: st.text(signs, min_size=1, max_size=24)),
    max_size=6,
).map("".join)


def folded(text: str) -> str:
    """Return `text` without case and diacritics, in the plainest way."""
    for sign in "\u2019\u2018\u201c\u201d\u2013\u2014\u2026\xa0":
        text = text.replace(sign, " ")
    marks = "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u064b-\u065f\u0670\u3099\u309a]"
    plain = re.sub(marks, "", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKD", plain)


@settings(max_examples=150 * DEPTH)
@given(TEXTS)
def test_l03_folding_by_pieces_equals_folding_a_whole_text(text: str) -> None:
    assert analyzer.fold(text) == folded(text)


@settings(max_examples=50 * DEPTH)
@given(TEXTS, TEXTS)
def test_l03_tokens_are_plain_and_those_of_joined_texts_are_the_tokens_of_each(
    one: str, other: str
) -> None:
    found = analyzer.tokenize(f"{one} {other}")
    assert found == analyzer.tokenize(one) + analyzer.tokenize(other)
    assert all(re.fullmatch("[a-z0-9]+", word) for word in found)


@settings(max_examples=50 * DEPTH)
@given(TEXTS, st.sampled_from(["en", "de-AT", "ja", "tlh"]))
def test_l03_a_text_is_indexed_with_all_its_tokens_followed_by_their_stems(
    text: str, language: str
) -> None:
    kept, found = analyzer.index_text(text, language).split(), analyzer.tokenize(text)
    assert kept[: len(found)] == found
    for word in found:
        spellings = analyzer.variants(word, (language,))
        assert any(each in kept for spelling in spellings for each in spelling.split())


LONG = st.builds(
    str.__mul__, st.sampled_from(["x", "\u00e9", "\u0434", "\u0915"]), st.integers(238, 243)
)
ENDINGS = st.sampled_from(["s", "ing ", "ungen.", "\u0430\u043c\u0438 ", "\u2014", ""])


@settings(max_examples=200 * DEPTH)
@given(
    st.lists(st.tuples(TEXTS | LONG, ENDINGS).map("".join), max_size=4).map("".join),
    st.sampled_from(["en", "de-AT", "pt-BR", "ru", "hi", "ja"]),
)
def test_l03_indexing_by_pieces_equals_indexing_a_whole_text(text: str, language: str) -> None:
    assert analyzer.index_text(text, language) == indexed_as_a_whole(text, language)


def indexed_as_a_whole(text: str, language: str) -> str:
    """Return what is to be kept of `text`, in the plainest way."""
    found, whole = analyzer.tokenize(text), folded(text)
    if language == "ja":  # which has no stems
        return " ".join(found)
    runs = re.findall(r"[^\W_]+(?:[^\W_]|[\u0900-\u0dff])*", whole)
    there = set(found) if whole.isascii() else set(runs)
    stemmer = Stemmer.Stemmer(language.partition("-")[0])
    stems = {stemmer.stemWord(word) for word in there} - there
    return " ".join(found + analyzer.tokenize(" ".join(sorted(stems))))
