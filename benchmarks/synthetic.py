"""Synthetic article records: seeded, about 4 KB each, shaped like those of a real feed."""

import json
import random
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, Final

SEED: Final = 20_260_623
SITE: Final = "http://localhost:8000"
EARLIEST: Final = datetime(2021, 1, 1, tzinfo=UTC)
DAYS: Final = 1_800  # all of them past, so that every record is published
SLUG_STEM: Final = 70  # leaves room for the number that makes a slug unique
SENTENCES: Final = 6_000
WORDS: Final = Path(__file__).with_name("words.txt").read_text().split()
"""The common ones first: the n-th occurs about 1/n times as often, as words do in a language."""

FIRST_NAMES: Final = (
    "Amara André Beatriz Chen Émile Farida Gökhan Jürgen Kofi Lucía Mei Ólafur Søren"
)
LAST_NAMES: Final = (
    "Abebe Castañeda Dvořák Fischer Haddad Ito Müller Nguyễn O’Brien Petrov Weiß Zhao"
)
PLACES: Final = "Beijing Brussels Geneva Jakarta Lagos Lima Malmö Québec Reykjavík Tallinn Zürich"
BODIES: Final = "Agency Bank Council Court Group Institute Union University"
LANGUAGES: Final = ("en", "en", "en", "en", "en", "en", "en-GB", "de", "fr", "pt-BR")
Record = dict[str, Any]


class Vocabulary:
    """Words that are drawn as often as words of their rank in a language."""

    def __init__(self, rng: random.Random, members: Sequence[str]) -> None:
        self._rng, self._members = rng, members
        self._weights = list(accumulate(1 / rank for rank in range(1, len(members) + 1)))

    def draw(self, least: int, most: int) -> list[str]:
        """Return between `least` and `most` members, some of which may be the same."""
        number = self._rng.randint(least, most)
        return self._rng.choices(self._members, cum_weights=self._weights, k=number)


class Newsroom:
    """Writes the records of one run."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
        people = [f"{a} {b}" for a in FIRST_NAMES.split() for b in LAST_NAMES.split()]
        bodies = [f"{place} {word.capitalize()} {body}" for place in PLACES.split()
                  for word in WORDS[110:130] for body in BODIES.split()]  # fmt: skip
        entities = [*PLACES.split(), *people, *bodies]
        rng.shuffle(entities)
        self.words = Vocabulary(rng, WORDS)
        self.topics = Vocabulary(rng, [f"{a}-{b}" for a in WORDS[60:80] for b in WORDS[100:110]])
        self.entities = Vocabulary(rng, entities)
        self.sentences = [self._sentence() for _ in range(SENTENCES)]

    def _sentence(self) -> str:
        words = self.words.draw(8, 24)
        if self.rng.random() < 0.3:
            words[-1] = f"{self.rng.randint(2, 9_999):,} {words[-1]}"
        if self.rng.random() < 0.2:
            words[3] += ","
        text = " ".join(words).capitalize()
        return f"“{text},” he said." if self.rng.random() < 0.1 else f"{text}."

    def record(self, number: int) -> Record:
        """Return a record with the twelve fields of a real one."""
        title = " ".join(self.words.draw(7, 13)).capitalize()
        slug = f"{_slug(title)[:SLUG_STEM].rstrip('-')}-{number:06d}"
        published = EARLIEST + timedelta(seconds=self.rng.randrange(DAYS * 86_400))
        entities = list(dict.fromkeys(self.entities.draw(2, 8)))
        tracking = "?utm_source=rss_feed" if self.rng.random() < 0.5 else ""
        source = f"https://{_slug(entities[0])}.example/{published:%Y/%m}/{number}-{_slug(title)}"
        return _at(slug, source + tracking) | {
            "title": title,
            "summary": " ".join(self.rng.choices(self.sentences, k=2)),
            "body_md": f"# {title}\n\n" + "\n\n".join(self._blocks(entities)),
            "published_at": str(published),
            "updated_at": str(published + timedelta(microseconds=self.rng.randrange(10**10))),
            "lang": self.rng.choice(LANGUAGES),
            "topics": list(dict.fromkeys(self.topics.draw(1, 4))),
            "entities": entities,
        }

    def _blocks(self, entities: Sequence[str]) -> Iterator[str]:
        """Yield paragraphs under headings, some lists and some quotations."""
        for number in range(4):
            if number:
                yield f"## {' '.join(self.words.draw(2, 5)).capitalize()}"
            yield self._paragraph(self.rng.choice(entities))
            if self.rng.random() < 0.35:
                items = self.rng.choices(self.sentences, k=self.rng.randint(2, 4))
                yield "\n".join(f"- {item}" for item in items)
            elif self.rng.random() < 0.2:
                yield f"> {self.rng.choice(self.sentences)}"
            else:
                yield self._paragraph(self.rng.choice(entities))

    def _paragraph(self, entity: str) -> str:
        first, *rest = self.rng.choices(self.sentences, k=self.rng.randint(2, 3))
        label, [word] = " ".join(self.words.draw(3, 3)), self.words.draw(1, 1)
        url = f"https://news.example/{_slug(label)}/{self.rng.randrange(10**6)}?a=inline&b=a"
        return " ".join([first, f"In [{label}]({url}), **{entity}** called it *{word}*.", *rest])


def _at(slug: str, source: str) -> Record:
    """Return the fields of a record that are its own: its addresses and its source."""
    url = f"{SITE}/news/{slug}"
    suffixes = {"html": "", "markdown": ".md", "text": ".txt", "jsonld": ".jsonld"}
    alternates = {name: url + suffix for name, suffix in suffixes.items()}
    return {"slug": slug, "url": url, "alternates": alternates, "canonical_source": source}


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def records(count: int, seed: int = SEED) -> Iterator[Record]:
    """Yield `count` records. The first ones of a longer run are those of a shorter one."""
    room = Newsroom(seed)
    return (room.record(number) for number in range(count))


def line(record: Record) -> bytes:
    """Return a record as a line of NDJSON."""
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def shuffled(members: Iterable[str]) -> list[str]:
    """Return `members` in an order that is the same in every run."""
    order = list(members)
    random.Random(SEED).shuffle(order)  # noqa: S311 - repeatable, not secret
    return order


class LargeFeed:
    """An NDJSON feed of about `size` bytes, generated while it is sent.

    It repeats a thousand records, each time under other slugs and sources.
    """

    def __init__(self, size: int) -> None:
        self._originals = list(records(1_000))
        self.records = size * 1_000 // sum(len(line(record)) for record in self._originals)

    def __iter__(self) -> Iterator[bytes]:
        """Yield its lines, some 64 KB at a time."""
        numbers = iter(range(self.records))
        while some := list(islice(numbers, 16)):
            yield b"".join(line(self._record(number)) for number in some)

    def _record(self, number: int) -> Record:
        original = self._originals[number % 1_000]
        slug = f"{original['slug'][:SLUG_STEM]}-{number:07}"
        source = f"{original['canonical_source'].partition('?')[0]}/{number}"
        return original | _at(slug, source)
