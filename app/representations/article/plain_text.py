"""Plain text: the title, the body without markup, its link targets, and the metadata."""

from collections.abc import Iterator, Sequence

from app.article import markdown
from app.article.record import Record
from app.article.timestamps import format_instant
from app.representations.article import text_renderer
from app.representations.links import Links


def render(record: Record, links: Links) -> bytes:
    """Return the article as UTF-8. `[n]` in the text refers to the n-th of the listed links."""
    title = " ".join(record.title.split())
    body = text_renderer.to_text(markdown.without_title(record.body_md, record.title), cite=True)
    parts = [title, record.summary, body.text, _listed(body.targets), *_facts(record, links)]
    return ("\n\n".join(part for part in parts if part) + "\n").encode()


def _listed(targets: Sequence[str]) -> str:
    return "\n".join(f"[{number}] {target}" for number, target in enumerate(targets, start=1))


def _facts(record: Record, links: Links) -> Iterator[str]:
    yield "\n".join(
        (
            "———",
            f"Published: {format_instant(record.published_at)}",
            f"Updated: {format_instant(record.updated_at)}",
            f"Language: {record.lang}",
            *([f"Source: {links.source}"] if links.source else []),
            f"URL: {links.url}",
        )
    )
    for label, names in ("Topics", record.topics), ("Entities", record.entities):
        if names:
            yield "\n".join((f"{label}:", *(f"  {name}" for name in names)))
