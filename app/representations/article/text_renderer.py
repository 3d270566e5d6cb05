"""The body as plain text, rendered from Markdown events."""

import html
import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import nh3
from pyromark.event import Event

from app.article import markdown
from app.article.html_tokens import is_too_complex

_INDENT: Final = "    "
_CONTAINERS_INDENTED: Final = 8  # a limit, so that hostile nesting does not inflate the text
_BLOCK_TAG = re.compile(
    r"</?(?:address|article|aside|blockquote|br|d[dlt]|details|div|fig\w+|footer|h[1-6]|header|hr|li"
    r"|main|nav|ol|p|pre|section|summary|t[dhr]|table|ul)\b",
    re.IGNORECASE,
)
_ANY_TAG = re.compile(r"<[^<>]*>?")
_LISTED_TARGET = re.compile(r"(?:https?|mailto):", re.IGNORECASE)


class PlainText(NamedTuple):
    """A body without markup. `[n]` in the text refers to the n-th of `targets`, from 1."""

    text: str
    targets: tuple[str, ...]


def to_text(body: str, *, cite: bool = False) -> PlainText:
    """Return `body` as plain text: no markup, a blank line between blocks, a bullet before an item.

    With `cite` every link is followed by the number of its target.
    """
    writer = _TextWriter(cite=cite)
    for event in markdown.events(body):
        writer.write(event)
    writer.end_block()
    return PlainText("\n".join(writer.lines).strip("\n"), tuple(writer.targets))


def _tag(tag: object) -> tuple[str, object]:
    """Return the name of an element that starts or ends, and its attributes."""
    if isinstance(tag, dict):
        ((name, value),) = tag.items()
        return name, value
    return str(tag), None


def _words(markup: str) -> str:
    """Return the text of raw HTML on one line."""
    if is_too_complex(markup):
        return " ".join(_ANY_TAG.sub(" ", markup).split())
    # With no tag allowed, the sanitiser leaves the text. A space separates blocks, as on the page.
    markup = _BLOCK_TAG.sub(r" \g<0>", markup)
    return " ".join(html.unescape(nh3.clean(markup, tags=set())).split())


@dataclass
class _TextWriter:
    """Turns Markdown events into lines of text."""

    cite: bool
    lines: list[str] = field(default_factory=list)
    targets: dict[str, int] = field(default_factory=dict)
    inline: list[str] = field(default_factory=list)
    margins: list[list[str]] = field(default_factory=list)  # [first line, further lines]
    counters: list[int | None] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    links: list[tuple[str, int]] = field(default_factory=list)
    markup: list[str] | None = None

    def write(self, event: Event) -> None:
        if isinstance(event, str):
            self.mark(event)
            return
        ((kind, value),) = event.items()
        if kind == "Text":  # the most frequent event
            self.inline.append(str(value))
            return
        match kind:
            case "Code":
                self.inline.append(str(value))
            case "Start":
                self.start(*_tag(value))
            case "End":
                self.end(_tag(value)[0])
            case "Html" if self.markup is not None:
                self.markup.append(str(value))
            case "InlineHtml" if str(value)[:3].lower() == "<br":
                self.inline.append("\n")
            case "FootnoteReference":
                self.inline.append(f" (note {value})")
            case "TaskListMarker":
                self.inline.append("☑ " if value else "☐ ")

    def mark(self, event: str) -> None:
        match event:
            case "SoftBreak" | "HardBreak":
                self.inline.append(" " if event == "SoftBreak" else "\n")
            case "Rule":
                self.inline.append("———")
                self.end_block()

    def start(self, name: str, value: object) -> None:
        match name:
            case "Link" | "Image" if isinstance(value, dict):
                self.links.append((value["dest_url"], len(self.inline)))
            case "List":
                self.end_block(apart=not self.counters)
                if not self.counters:
                    self.separate()
                self.counters.append(value if isinstance(value, int) else None)
            case "Item":
                self.end_block(apart=False)
                number = self.counters[-1]
                marker = "• " if number is None else f"{number}. "
                self.counters[-1] = None if number is None else number + 1
                self.margins.append([marker, " " * len(marker)])
            case "BlockQuote":
                self.end_block()
                self.margins.append(["  ", "  "])
            case "FootnoteDefinition":
                self.end_block()
                self.margins.append([f"Note {value}: ", "  "])
            case "CodeBlock":
                self.end_block(apart=not self.counters)
                self.margins.append([_INDENT, _INDENT])
            case "HtmlBlock":
                self.end_block(apart=not self.counters)
                self.markup = []
            case "TableHead" | "TableRow":
                self.rows.append([])

    def end(self, name: str) -> None:
        match name:
            case "Paragraph" | "Heading":
                self.end_block()
            case "Link" | "Image":
                self.end_link(image=name == "Image")
            case "List":
                self.end_block(apart=False)
                self.counters.pop()
            case "Item":
                self.end_block(apart=False)
                self.margins.pop()
            case "BlockQuote" | "FootnoteDefinition":
                self.end_block()
                self.margins.pop()
            case "CodeBlock":
                self.end_block(verbatim=True)
                self.margins.pop()
            case "HtmlBlock":
                self.inline.append(_words("".join(self.markup or ())))
                self.markup = None
                self.end_block()
            case "TableCell":
                self.rows[-1].append("".join(self.inline).replace("\n", " "))
                self.inline.clear()
            case "Table":
                self.end_table()

    def end_link(self, *, image: bool) -> None:
        target, begin = self.links.pop()
        label = "".join(self.inline[begin:])
        if image:
            self.inline[begin:] = [f"(image: {label})" if label else "(image)"]
        if self.cite and _LISTED_TARGET.match(target) and label != target:
            number = self.targets.setdefault(target, len(self.targets) + 1)
            self.inline.append(f" [{number}]")

    def end_table(self) -> None:
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=False)]
        cells = ([cell.ljust(w) for cell, w in zip(row, widths, strict=False)] for row in self.rows)
        self.inline = ["\n".join("   ".join(row).rstrip() for row in cells)]
        self.rows.clear()
        self.end_block(verbatim=True)

    def end_block(self, *, apart: bool = True, verbatim: bool = False) -> None:
        text = "".join(self.inline)
        self.inline.clear()
        text = text.strip("\n") if verbatim else text.strip()
        if not text:
            return
        if apart:
            self.separate()
        if not self.margins and "\n" not in text:
            self.lines.append(text)
            return
        lines = text.split("\n")
        for line in lines:
            margin = "".join(first for first, _ in self.margins[-_CONTAINERS_INDENTED:])
            self.lines.append((margin + (line if verbatim else line.strip())).rstrip())
            if line is lines[0]:
                for container in self.margins:
                    container[0] = container[1]

    def separate(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")
