"""Whether a contender's answer is what it must be. What is wrong is not worth timing."""

import gzip
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from benchmarks.cases import AFTERNOON, CONSTANT, LIMIT, LIMIT_AGAIN, NGINX, Case
from benchmarks.exchange import Answer, Ask, fetch

JSON: Final = frozenset({"application/json", "application/ld+json"})
LOADED: Final = (
    "slug", "title", "summary", "body_md", "canonical_source", "lang", "topics", "entities",
)  # fmt: skip
"""The fields that come back as they went in, from Slugline and from the afternoon version."""


class WrongAnswerError(Exception):
    """A contender answers something else than what is to be measured."""


def shortfall(case: Case, answer: Answer) -> str | None:
    """Return what Slugline's answer lacks for it to count as what `case` is about, or None.

    Raises WrongAnswerError for what no version of Slugline should answer.
    """
    coding = answer.header("content-encoding")
    if case.status == 304 and answer.status == 200:
        return "NOT ANSWERED WITH 304: the answer to a matching If-None-Match is 200"
    if answer.status != case.status:
        raise WrongAnswerError(f"Slugline answers {answer.status}, not {case.status}")
    if case.coding and coding is None:
        return f"NOT COMPRESSED: the answer to `Accept-Encoding: {case.coding}` has no coding"
    if coding != case.coding:
        raise WrongAnswerError(f"Slugline answers in the coding {coding}, not {case.coding}")
    return None


def check_slugline(case: Case, answer: Answer, plain: Answer, title: str) -> None:
    """Hold Slugline's answer against `plain`, its answer without a coding and without conditions.

    Raises WrongAnswerError.
    """
    wanted = case.ask.headers.get("Accept", plain.media_type)
    _same("media type", plain.media_type, wanted)
    if _words(title) not in _words(plain.body.decode()):
        raise WrongAnswerError("Slugline's answer lacks the title of the article")
    if case.status == 304:
        _same("body", answer.body, b"")
    elif case.coding == "gzip":
        _same("unpacked body", gzip.decompress(answer.body), plain.body)
    elif case.coding and len(answer.body) >= len(plain.body):
        raise WrongAnswerError(f"{case.coding} makes the answer no smaller")


def check_other(name: str, given: Answer, answer: Answer, title: str) -> None:
    """Hold the answer that another contender has `given` against Slugline's.

    Raises WrongAnswerError.
    """
    _same(f"status of {name}", given.status, answer.status)
    if name in {LIMIT, LIMIT_AGAIN, NGINX}:
        _same(f"body of {name}", given.body, answer.body)
        if different := _fields(given, name) ^ _fields(answer, name):
            raise WrongAnswerError(f"fields of {name} differ: {sorted(different)}")
    elif name == CONSTANT and answer.media_type in JSON:
        _same(f"object of {name}", json.loads(given.body), json.loads(answer.body))
    elif name == CONSTANT:
        _same(f"body of {name}", given.body, answer.body)
    elif name == AFTERNOON:
        _same(f"media type of {name}", given.media_type, answer.media_type)
        if _words(title) not in _words(given.body.decode()):
            raise WrongAnswerError(f"the answer of {name} lacks the title of the article")


def check_size(name: str, mean: float, given: Answer, tolerance: float) -> None:
    """Hold the mean size of the answers in a run against one that was looked at.

    Raises WrongAnswerError: a server that fails with a success under load is caught by this.
    """
    if abs(mean - given.size) > tolerance * given.size:
        raise WrongAnswerError(
            f"an answer of {name} has {mean:.0f} bytes under load, and {given.size} without"
        )


def check_counts(given: Mapping[str, int], wanted: Mapping[str, int]) -> None:
    """Hold the rows that a loader made in each table against those that it had to make.

    Raises WrongAnswerError.
    """
    for table, number in wanted.items():
        _same(f"rows made in {table}", given[table], number)


def check_article(port: int, record: Mapping[str, Any]) -> None:
    """Hold the article that a server gives as JSON against the record that was loaded.

    Raises WrongAnswerError, NoAnswerError.
    """
    given = fetch(port, Ask(f"/news/{record['slug']}.json"))
    _same("status of a loaded article", given.status, 200)
    article = json.loads(given.body)
    for name in LOADED:
        _same(f"{name} of a loaded article", article[name], record[name])
    for name in "published_at", "updated_at":
        # The afternoon version forgets the offset.
        instants = (datetime.fromisoformat(each[name]) for each in (article, record))
        _same(f"{name} of a loaded article", *(each.replace(tzinfo=None) for each in instants))


def _same(what: str, given: object, wanted: object) -> None:
    if given != wanted:
        raise WrongAnswerError(f"{what}: {given!r:.300} instead of {wanted!r:.300}")


def _fields(answer: Answer, name: str) -> set[tuple[str, str]]:
    """Return the header fields that must agree. nginx takes Last-Modified from its file."""
    left_out = {"last-modified"} if name == NGINX else set()
    fields = {(key.lower(), value) for key, value in answer.sent}
    return {field for field in fields if field[0] not in left_out}


def _words(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
