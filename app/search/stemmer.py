"""The stems of words, by Snowball's algorithms, kept for the words that come again."""

from functools import lru_cache
from threading import local
from typing import Final

import Stemmer

_OFTEN: Final = 32
"""Words that have no more bytes come again, and their stems are kept."""

_AT_MOST: Final = 16_384

# By the primary subtag of a language, the algorithm that Snowball has for it.
_ALGORITHMS: Final = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque",
    "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian", "no": "norwegian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


class StemCache(dict[bytes, bytes]):
    """The stem of each word in one language, in UTF-8, found out as it is asked for.

    To ask the stemmer takes several times as long, also where it keeps what it has met itself.
    """

    def __init__(self, algorithm: str) -> None:
        super().__init__()
        self._stemmer = Stemmer.Stemmer(algorithm, 0)

    def __missing__(self, word: bytes) -> bytes:
        stem: bytes = self._stemmer.stemWord(word)
        if len(word) <= _OFTEN:
            if len(self) >= _AT_MOST:
                self.clear()
            self[word] = stem
        return stem

    def stem(self, word: str) -> str:
        """Return the stem of one word."""
        return self[word.encode()].decode()


# A stemmer is not for several threads.
_KNOWN: Final = local()


def stem_cache(language: str) -> StemCache | None:
    """Return the stems in a language, given by its tag, or None where Snowball has none for it."""
    name = _algorithm(language)
    if name is None:
        return None
    known: dict[str, StemCache] = _KNOWN.__dict__
    if name not in known:
        known[name] = StemCache(name)
    return known[name]


@lru_cache(64)
def _algorithm(language: str) -> str | None:
    return _ALGORITHMS.get(language.partition("-")[0].lower())
