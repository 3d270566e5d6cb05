"""Text analysis for full-text search, the same for all databases.

A text becomes tokens of a-z and 0-9, separated by single spaces, which the parsers of all databases
read alike in any locale. Case and diacritics are folded. A letter outside ASCII is encoded by its
code point. Each character of a script written without spaces is a token, so that a word of such a
script is found as a phrase. Pure, except for caches.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from app.search.stemmer import stem_cache

INDEXED_CHARACTERS: Final = 150_000
"""How much of a text is indexed, from its beginning, counted in encoded tokens with their stems.

A `tsvector` holds less than 1 MiB and takes at most 1.7 bytes for each character: room for three
texts. PostgreSQL stores positions up to 16,383.
"""

MAX_TOKEN_LENGTH: Final = 240
"""Longer tokens are dropped."""

# Combining marks that are diacritics: of Latin, Greek and Cyrillic, Hebrew points, Arabic vowels,
# and the voiced sound marks of kana. Those of Indic scripts spell the word.
_DIACRITICS: Final = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u064b-\u065f\u0670\u3099\u309a]"
)
# Thai, Lao, Tibetan, Myanmar, Khmer, kana, Han and Yi: written without spaces.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48f\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
# These separate words, but normalise to characters that do not.
_TYPOGRAPHIC: Final = "\u2019\u2018\u201c\u201d\u2013\u2014\u2026\xa0"
_BEYOND_ASCII: Final = re.compile("[^\x00-\x7f]+")
_SHORT: Final = 32
"""Longer pieces outside ASCII are rare, and their analysis is not cached."""

_PIECES: Final = 4_096
# A table for bytes.translate: ASCII letters in lower case, digits, and spaces for the rest.
_SEPARATED: Final = bytes(
    ord(each.lower() if each.isalnum() else " ") for each in map(chr, range(128))
) + bytes(range(128, 256))
_RUN: Final = re.compile(r"[^\W_]+(?:[^\W_]|[\u0900-\u0dff])*")


class _Codes(dict[int, str]):
    """A table for `str.translate`: the encoding of each character, filled on access."""

    def __missing__(self, number: int) -> str:
        self[number] = code = _code(chr(number))
        return code


def _code(character: str) -> str:
    if character.isascii():
        return character if character.isalnum() else " "
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    category = unicodedata.category(character)
    if category == "Cf":
        return ""  # format characters, such as a soft hyphen
    if not character.isalnum() and category[0] != "M":
        return " "
    # It starts with a letter, so that no parser reads a number, and all have the same length, so
    # that none is a prefix of another.
    code = f"z{ord(character):05x}"
    return f" {code} " if _UNSPACED.match(character) else code


_CODES: Final = _Codes()


class SearchTerm(NamedTuple):
    """A term of a search: a phrase, or the variants of a word.

    `variants` are alternatives, each of tokens separated by single spaces. With `prefix`, the last
    token may continue. An `excluded` term must not occur.
    """

    variants: tuple[str, ...]
    prefix: bool = False
    excluded: bool = False


def fold(text: str) -> str:
    """Return `text` in lower case and without diacritics."""
    if text.isascii():
        return text.lower()
    # Most text is ASCII, for which a lookup of each character would take ten times as long.
    return _BEYOND_ASCII.sub(_folded, text.encode().lower().decode())


def _folded(match: re.Match[str]) -> str:
    piece = match[0]
    return _folded_short(piece) if len(piece) <= _SHORT else _fold(piece)


def _fold(piece: str) -> str:
    for separator in _TYPOGRAPHIC:
        piece = piece.replace(separator, " ")
    plain = _DIACRITICS.sub("", unicodedata.normalize("NFKD", piece).casefold())
    # Case folding may produce characters that decompose again.
    return unicodedata.normalize("NFKD", plain)


_folded_short: Final = lru_cache(_PIECES)(_fold)


def tokenize(text: str) -> list[str]:
    """Return the tokens of `text`, in order."""
    return _coded(fold(text))


def index_text(text: str, language: str) -> str:
    """Return the text to index: the tokens of `text`, followed by their stems."""
    # The text is split at ASCII separators, and each distinct piece outside ASCII is analysed once.
    # Folding and encoding the text as a whole takes almost twice as long.
    pieces = text[:INDEXED_CHARACTERS].encode().translate(_SEPARATED).split()
    there = set(pieces)
    odd = {
        each: _piece(each) for each in there if not each.isascii() or len(each) > MAX_TOKEN_LENGTH
    }
    if odd:
        lines = {each: piece.line for each, piece in odd.items()}
        pieces = list(filter(None, map(lines.get, pieces, pieces)))
        there = _stemmed(there, odd)
    line = b" ".join(pieces).decode()
    if (stems := stem_cache(language)) is not None:
        # `map` makes no Python call for a word whose stem is cached.
        found = set(map(stems.__getitem__, there)) - there
        line = " ".join((line, *_coded(b" ".join(sorted(found)).decode()))).lstrip()
    return _cut(line)


class _Piece(NamedTuple):
    """The analysis of a piece of text: its tokens as a line, and the words in it to stem.

    It is `plain` if it is ASCII after folding.
    """

    line: bytes
    runs: tuple[bytes, ...]
    plain: bool


def _piece(piece: bytes) -> _Piece:
    return _known_piece(piece) if len(piece) <= _SHORT else _read(piece)


def _read(piece: bytes) -> _Piece:
    folded = fold(piece.decode())
    runs = tuple(run.encode() for run in _RUN.findall(folded))
    return _Piece(" ".join(_coded(folded)).encode(), runs, folded.isascii())


_known_piece: Final = lru_cache(_PIECES)(_read)


def _stemmed(pieces: set[bytes], odd: dict[bytes, _Piece]) -> set[bytes]:
    """Return the words of a text to stem, from its `pieces` and the analysis of `odd` ones."""
    found = pieces - odd.keys()
    for piece in odd.values():
        found.update(piece.runs)
    if all(piece.plain for piece in odd.values()):
        return {word for word in found if len(word) <= MAX_TOKEN_LENGTH}
    return found


def _cut(line: str) -> str:
    if len(line) <= INDEXED_CHARACTERS:
        return line
    return line[:INDEXED_CHARACTERS].rpartition(" ")[0]


def variants(word: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tokens as which `word`, a single word, may be in the index: itself and stems."""
    folded = fold(word)
    known = [stems for stems in map(stem_cache, languages) if stems is not None]
    found = [folded, *(stems.stem(folded) for stems in known)]
    lines = (" ".join(tokenize(each)) for each in found)
    return tuple(dict.fromkeys(filter(None, lines)))


def highlight(
    text: str, terms: tuple[SearchTerm, ...], language: str
) -> Iterator[tuple[str, bool]]:
    """Yield `text` in pieces, each with whether it is a word that matches one of `terms`."""
    wanted = {word for term in terms for each in term.variants for word in each.split()}
    prefixes = tuple(term.variants[0].split()[-1] for term in terms if term.prefix)
    stems = stem_cache(language)
    end = 0
    for match in _WORD_OR_CHARACTER.finditer(text):
        folded = fold(match[0])
        coded = tokenize(match[0])
        stem = "" if stems is None else " ".join(_coded(stems.stem(folded)))
        hit = (
            any(word in wanted or (prefixes and word.startswith(prefixes)) for word in coded)
            or stem in wanted
        )
        if hit:
            if match.start() > end:
                yield text[end : match.start()], False
            yield match[0], True
            end = match.end()
    if end < len(text):
        yield text[end:], False


_WORD_OR_CHARACTER: Final = re.compile(
    rf"{_UNSPACED.pattern}|(?:(?!{_UNSPACED.pattern})[^\W_\u0300-\u036f][\u0300-\u036f]*)+"
)


def _coded(folded: str) -> list[str]:
    if not folded.isascii():
        folded = _BEYOND_ASCII.sub(lambda piece: piece[0].translate(_CODES), folded)
    found = folded.translate(_CODES).split()
    if max(map(len, found), default=0) > MAX_TOKEN_LENGTH:
        return [word for word in found if len(word) <= MAX_TOKEN_LENGTH]
    return found
