"""Synthetic article records: seeded, about 4 KB each, shaped like those of a real feed.

`python benchmarks/synthetic.py 50000 > feed.ndjson` writes NDJSON. The first records of a longer
run are those of a shorter one.
"""

import argparse
import json
import random
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Final

SEED: Final = 20_260_623
SITE: Final = "http://localhost:8000"
EARLIEST: Final = datetime(2021, 1, 1, tzinfo=UTC)
DAYS: Final = 1_800  # all of it past, so that every record is published
SLUG_STEM: Final = 70  # leaves room for what makes a slug unique

_SENTENCES: Final = 6_000
_LEXICON: Final = """
the of to and in a for on that is said with as by was it at from has will its an be are were
which more than have new year after over company market report government percent first could
research people data about would up not been world energy trade growth policy two last into they
chief officials million plan industry price global public state demand months system technology
rules bank against court workers health supply power early during while study between investors
models climate security across announced drug trials patients regulator billion network software
researchers launch production exports costs deal election firm minister oil results rise train
vaccine water agency analysts battery carbon central chip city coastal construction court
currency decade deficit delayed developers disease drought electricity emissions engineers
factory farmers ferry fleet forecast freight grid harbour harvest hospital housing imports
inflation inquiry insurers lawmakers lending lithium machine manufacturers merger migration
mining museum nuclear orbit parliament pension pipeline pollution port privacy probe quantum
quarter railway reactor recall refinery reform refugees reserves rural sanctions satellite
semiconductor settlement shareholders shortage solar spending startup steel storage strike
subsidy summit tariff telescope tender tourism transport treaty union vehicle verdict volcano
wages warehouse wildfire wind
"""  # the common ones first
_WORDS: Final = tuple(_LEXICON.split())
_FIRST: Final = (
    "Amara", "André", "Beatriz", "Chen", "Dana", "Émile", "Farida", "Gökhan", "Hana", "Ingrid",
    "Jürgen", "Kofi", "Lucía", "Mei", "Nadia", "Ólafur", "Priya", "Quentin", "Rosa", "Søren",
)  # fmt: skip
_LAST: Final = (
    "Abebe", "Bianchi", "Castañeda", "Dvořák", "Eriksen", "Fischer", "Garzón", "Haddad", "Ito",
    "Jansen", "Kowalski", "Lindqvist", "Müller", "Nguyễn", "O’Brien", "Petrov", "Quispe", "Rossi",
    "Şahin", "Tanaka", "Usman", "Varga", "Weiß", "Xu", "Yılmaz", "Zhao",
)  # fmt: skip
_PLACES: Final = (
    "Beijing", "Brussels", "Geneva", "Guangdong", "Jakarta", "Lagos", "Lima", "Malmö", "Nairobi",
    "Osaka", "Québec", "Reykjavík", "São Paulo", "Shanghai", "Tallinn", "Washington", "Zürich",
)  # fmt: skip
_BODIES: Final = ("Agency", "Bank", "Council", "Court", "Group", "Institute", "Union", "University")
_LANGUAGES: Final = ("en", "en", "en", "en", "en", "en", "en-GB", "de", "fr", "pt-BR")


class _Vocabulary:
    """Things that occur as words do in a language: the n-th about 1/n times as often."""

    def __init__(self, members: Sequence[str]) -> None:
        self.members = members
        self.weights = list(accumulate(1 / rank for rank in range(1, len(members) + 1)))

    def draw(self, rng: random.Random, number: int) -> list[str]:
        """Return `number` members, of which some may be the same."""
        return rng.choices(self.members, cum_weights=self.weights, k=number)


@dataclass(frozen=True, slots=True)
class _Newsroom:
    """What the articles of one run are put together from."""

    rng: random.Random
    words: _Vocabulary
    topics: _Vocabulary
    entities: _Vocabulary
    sentences: tuple[str, ...]


def records(number: int, seed: int = SEED) -> Iterator[dict[str, object]]:
    """Yield `number` records as decoded JSON, each with the twelve fields of a real one."""
    room = _newsroom(random.Random(seed))  # noqa: S311 - to be repeated, not to be secret
    return (_record(room, index) for index in range(number))


def lines(number: int, seed: int = SEED) -> Iterator[bytes]:
    """Yield the records as lines of NDJSON."""
    for record in records(number, seed):
        yield json.dumps(record, ensure_ascii=False).encode() + b"\n"


def shuffled(members: Iterable[str], seed: int = SEED) -> list[str]:
    """Return `members` in an order that is the same in every run."""
    order = list(members)
    random.Random(seed).shuffle(order)  # noqa: S311 - to be repeated, not to be secret
    return order


def _newsroom(rng: random.Random) -> _Newsroom:
    words = _Vocabulary(_WORDS)
    topics = [f"{a}-{b}" for a in _WORDS[60:80] for b in _WORDS[100:110]]
    people = [f"{first} {last}" for first in _FIRST for last in _LAST]
    bodies = [f"{place} {_capital(word)} {b}" for place in _PLACES for word in _WORDS[110:130]
              for b in _BODIES]  # fmt: skip
    entities = [*_PLACES, *people, *bodies]
    rng.shuffle(entities)
    return _Newsroom(
        rng=rng,
        words=words,
        topics=_Vocabulary(topics),
        entities=_Vocabulary(entities),
        sentences=tuple(_sentence(rng, words) for _ in range(_SENTENCES)),
    )


def _sentence(rng: random.Random, vocabulary: _Vocabulary) -> str:
    words = vocabulary.draw(rng, rng.randint(8, 24))
    words[0] = _capital(words[0])
    if rng.random() < 0.3:
        words[-1] = f"{rng.randint(2, 9_999):,} {words[-1]}"
    if rng.random() < 0.2:
        words[3] += ","
    if rng.random() < 0.1:
        return f"“{' '.join(words)},” {rng.choice(_FIRST)} {rng.choice(_LAST)} said."
    return " ".join(words) + "."


def _record(room: _Newsroom, index: int) -> dict[str, object]:
    rng = room.rng
    title = _capital(" ".join(room.words.draw(rng, rng.randint(7, 13))))
    slug = f"{_slug(title)[:SLUG_STEM].rstrip('-')}-{index:06d}"
    published = EARLIEST + timedelta(seconds=rng.randrange(DAYS * 86_400))
    updated = published + timedelta(microseconds=rng.randrange(10**10))
    entities = list(dict.fromkeys(room.entities.draw(rng, rng.randint(2, 8))))
    url = f"{SITE}/news/{slug}"
    source = f"https://{_slug(entities[0])}.example/{published:%Y/%m}/{index}-{_slug(title)[:60]}"
    tracked = "?utm_source=rss_feed" if rng.random() < 0.5 else ""
    return {
        "slug": slug,
        "title": title,
        "summary": " ".join(rng.choices(room.sentences, k=2)),
        "body_md": _body(room, title, entities),
        "url": url,
        "canonical_source": source + tracked,
        "published_at": str(published),
        "updated_at": str(updated),
        "lang": rng.choice(_LANGUAGES),
        "topics": list(dict.fromkeys(room.topics.draw(rng, rng.randint(1, 4)))),
        "entities": entities,
        "alternates": {"html": url, "markdown": f"{url}.md", "text": f"{url}.txt",
                       "jsonld": f"{url}.jsonld"},
    }  # fmt: skip


def _body(room: _Newsroom, title: str, entities: Sequence[str]) -> str:
    """Return Markdown with the title on top, as feeds have it: paragraphs under headings."""
    rng = room.rng
    blocks = [f"# {title}"]
    for number in range(4):
        if number:
            blocks.append(f"## {_capital(' '.join(room.words.draw(rng, rng.randint(2, 5))))}")
        blocks.append(_paragraph(room, rng.choice(entities)))
        if rng.random() < 0.35:
            items = rng.choices(room.sentences, k=rng.randint(2, 4))
            blocks.append("\n".join(f"- {item}" for item in items))
        elif rng.random() < 0.2:
            blocks.append(f"> {rng.choice(room.sentences)}")
        else:
            blocks.append(_paragraph(room, rng.choice(entities)))
    return "\n\n".join(blocks)


def _paragraph(room: _Newsroom, entity: str) -> str:
    """Return two or three sentences, with a link, with strong and with emphasised words."""
    rng = room.rng
    said = rng.choices(room.sentences, k=rng.randint(2, 3))
    label = " ".join(room.words.draw(rng, 3))
    target = f"https://news.example/{_slug(label)}/{rng.randrange(10**6)}?module=inline&pgtype=a"
    said.insert(
        1, f"In [{label}]({target}), **{entity}** called it *{room.words.draw(rng, 1)[0]}*."
    )
    return " ".join(said)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def main() -> None:
    """Write as many records as the command line says."""
    parser = argparse.ArgumentParser(description="Write synthetic article records as NDJSON.")
    parser.add_argument("number", type=int, help="how many records")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed gives other records")
    arguments = parser.parse_args()
    for line in lines(arguments.number, arguments.seed):
        sys.stdout.buffer.write(line)


if __name__ == "__main__":
    main()
