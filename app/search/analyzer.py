"""The words of a text as they are searched: one analysis for all databases.

A text becomes words of a-z and 0-9 with single blanks between them, which every database's own
parser reads alike, whatever its locale. Case and diacritics are folded; a letter beyond ASCII is
written as its number; each sign of a script that puts no blanks between words is a word of its own,
so that a piece of such a text is found as a phrase. Pure, but for tables filled on the way.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from app.search.stemmer import stem_cache

VERSION: Final = "1"
"""Changes with the analysis: what was indexed under another one is indexed anew."""

INDEXED_CHARACTERS: Final = 150_000
"""How much of a text is searched, from its beginning, as it is coded, with its stems.

A `tsvector` holds less than 1 MiB, with at most 1.7 bytes for each character: that is room for
three texts. PostgreSQL numbers 16,383 words of each.
"""

LONGEST: Final = 240
"""What is longer than this, as it is coded, is no word."""

# Combining marks that are diacritics: of Latin, Greek and Cyrillic, Hebrew points, Arabic vowels,
# and the voiced sound marks of kana. Those of Indic scripts spell the word.
_DIACRITICS: Final = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u064b-\u065f\u0670\u3099\u309a]"
)
# Thai, Lao, Tibetan, Myanmar, Khmer, kana, Han and Yi: no blanks between words.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48f\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
# What stands between words, and would become something within one.
_TYPOGRAPHIC: Final = "\u2019\u2018\u201c\u201d\u2013\u2014\u2026\xa0"
_BEYOND_ASCII: Final = re.compile("[^\x00-\x7f]+")
_SHORT: Final = 32
"""Pieces beyond ASCII that are no longer come again, and what becomes of them is kept."""

_PIECES: Final = 4_096
# Signs of ASCII: what stands in a word, in lower case, and blanks for all others.
_SEPARATED: Final = bytes(
    ord(sign.lower() if sign.isalnum() else " ") for sign in map(chr, range(128))
) + bytes(range(128, 256))
_RUN: Final = re.compile(r"[^\W_]+(?:[^\W_]|[\u0900-\u0dff])*")


class _Codes(dict[int, str]):
    """What stands for each character: a table that `str.translate` fills as it meets new ones."""

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
        return ""  # such as a soft hyphen, and what nobody sees
    if not character.isalnum() and category[0] != "M":
        return " "
    # It begins with a letter, so that no parser takes it for a number, and all are of one length,
    # so that none is the beginning of another one.
    code = f"z{ord(character):05x}"
    return f" {code} " if _UNSPACED.match(character) else code


_CODES: Final = _Codes()


class SearchTerm(NamedTuple):
    """One thing a search asks for: words in a row, any of the `variants` of one alone.

    `variants` are alternatives, each words with single blanks between them. With `prefix` the
    last word of it goes on as it likes; what is `excluded` must not be there.
    """

    variants: tuple[str, ...]
    prefix: bool = False
    excluded: bool = False


def fold(text: str) -> str:
    """Return `text` without its case and its diacritics."""
    if text.isascii():
        return text.lower()
    # Most of most texts is ASCII, and to look each sign of it up would take ten times as long.
    return _BEYOND_ASCII.sub(_folded, text.encode().lower().decode())


def _folded(match: re.Match[str]) -> str:
    piece = match[0]
    return _folded_short(piece) if len(piece) <= _SHORT else _fold(piece)


def _fold(piece: str) -> str:
    for sign in _TYPOGRAPHIC:
        piece = piece.replace(sign, " ")
    plain = _DIACRITICS.sub("", unicodedata.normalize("NFKD", piece).casefold())
    # What case folding makes may be decomposed once more.
    return unicodedata.normalize("NFKD", plain)


_folded_short: Final = lru_cache(_PIECES)(_fold)


def tokenize(text: str) -> list[str]:
    """Return the words of `text`, coded, in their order."""
    return _coded(fold(text))


def index_text(text: str, language: str) -> str:
    """Return what is kept of `text` to be searched: its words, and behind them their stems."""
    # A text is read in pieces, bytes between the signs of ASCII, and each of those that are more
    # than a word once. To fold and to code the text as a whole takes almost twice as long.
    pieces = text[:INDEXED_CHARACTERS].encode().translate(_SEPARATED).split()
    there = set(pieces)
    odd = {each: _piece(each) for each in there if not each.isascii() or len(each) > LONGEST}
    if odd:
        lines = {each: piece.line for each, piece in odd.items()}
        pieces = list(filter(None, map(lines.get, pieces, pieces)))
        there = _stemmed(there, odd)
    line = b" ".join(pieces).decode()
    if (stems := stem_cache(language)) is not None:
        # Without a step in Python for a word, of which most have come before.
        found = set(map(stems.__getitem__, there)) - there
        line = " ".join((line, *_coded(b" ".join(sorted(found)).decode()))).lstrip()
    return _cut(line)


class _Piece(NamedTuple):
    """A piece of a text, read: its words, coded, in a line, and those of which there are stems.

    It is `plain` where nothing beyond ASCII is left of it when it is folded.
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
    """Return the words of a text that have stems, from its `pieces` and what the `odd` ones are."""
    found = pieces - odd.keys()
    for piece in odd.values():
        found.update(piece.runs)
    if all(piece.plain for piece in odd.values()):
        return {word for word in found if len(word) <= LONGEST}
    return found


def _cut(line: str) -> str:
    if len(line) <= INDEXED_CHARACTERS:
        return line
    return line[:INDEXED_CHARACTERS].rpartition(" ")[0]


def variants(word: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words as which `word`, which stands alone, may be in the index."""
    folded = fold(word)
    known = [stems for stems in map(stem_cache, languages) if stems is not None]
    found = [folded, *(stems.stem(folded) for stems in known)]
    lines = (" ".join(tokenize(each)) for each in found)
    return tuple(dict.fromkeys(filter(None, lines)))


def highlight(
    text: str, terms: tuple[SearchTerm, ...], language: str
) -> Iterator[tuple[str, bool]]:
    """Yield `text` in pieces, and with each whether it is a word that `terms` ask for."""
    wanted = {word for term in terms for each in term.variants for word in each.split()}
    prefixes = tuple(term.variants[0].split()[-1] for term in terms if term.prefix)
    stems = stem_cache(language)
    end = 0
    for match in _SIGHT.finditer(text):
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


_SIGHT: Final = re.compile(
    rf"{_UNSPACED.pattern}|(?:(?!{_UNSPACED.pattern})[^\W_\u0300-\u036f][\u0300-\u036f]*)+"
)


def _coded(folded: str) -> list[str]:
    if not folded.isascii():
        folded = _BEYOND_ASCII.sub(lambda piece: piece[0].translate(_CODES), folded)
    found = folded.translate(_CODES).split()
    if max(map(len, found), default=0) > LONGEST:
        return [word for word in found if len(word) <= LONGEST]
    return found
