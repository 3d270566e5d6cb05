"""Reading what somebody types to search: any text means something, and none is an error.

Words must all be there, in any of their forms that the site's languages have; "words in quotation
marks" must stand together as they are; `elect*` is how a word begins; `-word` must not be there.
A piece of text without blanks between its words, such as AT&T or a word of Chinese, is found where
its parts stand together.
"""

import re
from typing import Final

from app.search import analyzer
from app.search.analyzer import SearchTerm

TERMS_AT_MOST: Final = 20
SHORTEST_BEGINNING: Final = 2
"""A shorter beginning than this is taken for the word: too many words begin so."""

_PIECE: Final = re.compile(
    r"(?P<minus>(?<!\S)[-\u2212])?(?:[\"\u201c\u201d](?P<phrase>[^\"\u201c\u201d]*)(?:[\"\u201c\u201d]|\Z)|(?P<word>[^\s\"\u201c\u201d]+))"
)


def parse(text: str, languages: tuple[str, ...]) -> tuple[SearchTerm, ...]:
    """Return what `text` asks for, TERMS_AT_MOST of it; nothing where it has no words to find."""
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
    line = analyzer.tokenize(text)
    if not line:
        return None
    whole = " ".join(line)
    if exact:
        return SearchTerm((whole,), excluded=excluded)
    if text.endswith("*") and len(line[-1]) >= SHORTEST_BEGINNING:
        return SearchTerm((whole,), prefix=True, excluded=excluded)
    if len(line) > 1:
        return SearchTerm((whole,), excluded=excluded)
    return SearchTerm(analyzer.variants(text, languages), excluded=excluded)
