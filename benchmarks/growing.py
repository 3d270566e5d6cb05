"""What readers ask of listings where there are few articles, and where there are many.

Every request goes the ordinary way: what is asked for with a name and a password is not remembered.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.contenders import Server
from benchmarks.exchange import HOST, NoAnswerError
from benchmarks.posting import AUTHORIZED
from benchmarks.verifying import WrongAnswerError

LIMIT: Final = 10
WORDS: Final = "energy+trade"
TIMEOUT_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Pages:
    """Milliseconds to the answers to one question, among few articles and among many."""

    few: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)


class _Reader:
    """Asks one server over one connection."""

    def __init__(self, server: Server) -> None:
        self._connection = HTTPConnection(HOST, server.port, timeout=TIMEOUT_SECONDS)

    def ask(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what is said, which has items. Raises NoAnswerError, WrongAnswerError."""
        said: Any = json.loads(self.answer(path))
        if not said["items"]:
            raise WrongAnswerError(f"{path} has no items")
        return said

    def timed(self, path: str, wanted: bytes) -> float:
        """Return how many milliseconds the answer takes, which is `wanted`."""
        began = time.perf_counter()
        given = self.answer(path)
        taken = time.perf_counter() - began
        if given != wanted:
            raise WrongAnswerError(f"{path} is answered otherwise than before")
        return taken * 1_000

    def answer(self, path: str) -> bytes:
        """Return the answer. Raises NoAnswerError, WrongAnswerError."""
        try:
            self._connection.request("GET", path, headers=AUTHORIZED)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            raise NoAnswerError(f"{path}: {error!r}") from error
        if answer.status != 200:
            raise WrongAnswerError(f"{path} is answered {answer.status}: {body[:300]!r}")
        return body


def _page(number: int) -> Callable[[_Reader], str]:
    def path(reader: _Reader) -> str:
        place = f"/news.json?limit={LIMIT}"
        for _ in range(number - 1):
            following = urlsplit(reader.ask(place)["next"])
            place = f"{following.path}?{following.query}"
        return place

    return path


def _of_the_commonest(vocabulary: str, more: str = "") -> Callable[[_Reader], str]:
    def path(reader: _Reader) -> str:
        (first,) = reader.ask(f"/{vocabulary}.json?sort=-articles&limit=1")["items"]
        return f"/{vocabulary}/{first['slug']}.json?limit={LIMIT}{more}"

    return path


def questions(articles: int) -> Mapping[str, Callable[[_Reader], str]]:
    """Return what is asked, where there are `articles` at least: by name, how to find its path."""
    last = articles // LIMIT - 1
    return {
        "first page": _page(1),
        f"page {last}": _page(last),
        "commonest topic": _of_the_commonest("topics"),
        "commonest entity": _of_the_commonest("entities"),
        "two words": lambda _: f"/news.json?limit={LIMIT}&q={WORDS}",
        "facets of the topic": _of_the_commonest("topics", "&include=facets"),
    }


def measure_pages(few: Server, many: Server, articles: int, times: int) -> dict[str, Pages]:
    """Ask both servers everything, one after the other, `times` times. `few` has `articles`.

    Raises NoAnswerError, WrongAnswerError.
    """
    readers: Sequence[_Reader] = (_Reader(few), _Reader(many))
    asked = questions(articles)
    measured = {name: Pages() for name in asked}
    for name, question in asked.items():
        paths = [question(reader) for reader in readers]
        for reader, path in zip(readers, paths, strict=True):
            reader.ask(path)  # so that there are items
        known = [
            (reader, path, reader.answer(path)) for reader, path in zip(readers, paths, strict=True)
        ]
        for _ in range(times):
            taken = [reader.timed(path, answer) for reader, path, answer in known]
            measured[name].few.append(taken[0])
            measured[name].many.append(taken[1])
    return measured
