"""Parsing of search queries. Every text is a valid query.

All words must occur, in any form that the stemmers of the site's languages know. "Words in quotes"
are a phrase, matched without stemming. `elect*` is a prefix, and `-word` excludes. A word that
becomes several tokens, such as AT&T or a Chinese word, is a phrase of them.
"""

import re
from typing import Final

from app.search import analyzer
from app.search.analyzer import SearchTerm

TERMS_AT_MOST: Final = 20
MIN_PREFIX_LENGTH: Final = 2
"""A shorter prefix would match too many words, and is searched as a word."""

_PIECE: Final = re.compile(
    r"(?P<minus>(?<!\S)[-\u2212])?(?:[\"\u201c\u201d](?P<phrase>[^\"\u201c\u201d]*)(?:[\"\u201c\u201d]|\Z)|(?P<word>[^\s\"\u201c\u201d]+))"
)


def parse(text: str, languages: tuple[str, ...]) -> tuple[SearchTerm, ...]:
    """Return the terms of a query, at most TERMS_AT_MOST; none if it only excludes."""
    found: dict[SearchTerm, None] = {}
    for match in _PIECE.finditer(text):
        term = _term(match, languages)
        if term is not None:
            found[term] = None
        if len(found) == TERMS_AT_MOST:
            break
    terms = tuple(found)
    return terms if any(not term.excluded for term in terms) else ()


def _term(match: re.Match[str], languages: tuple[str, ...]) -> SearchTerm | None:
    excluded = match["minus"] is not None
    exact = match["phrase"] is not None
    text = match["phrase"] if exact else match["word"]
    tokens = analyzer.tokenize(text)
    if not tokens:
        return None
    phrase = " ".join(tokens)
    if exact:
        return SearchTerm((phrase,), excluded=excluded)
    if text.endswith("*") and len(tokens[-1]) >= MIN_PREFIX_LENGTH:
        return SearchTerm((phrase,), prefix=True, excluded=excluded)
    if len(tokens) > 1:
        return SearchTerm((phrase,), excluded=excluded)
    return SearchTerm(analyzer.variants(text, languages), excluded=excluded)
