"""Reading a page of ours back: what a browser or a crawler would find in it."""

from html.parser import HTMLParser

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}


class Page(HTMLParser):
    """A parsed page: its elements in order, and the text of those that are asked for."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[list[str]] = []
        self.open: list[int] = []
        self.feed(html)
        self.close()
        assert not self.open, [self.elements[i] for i in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append([])
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for index in self.open:
            self.texts[index].append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str], str]]:
        """Return the attributes and the text of every element called `tag`."""
        return [
            (attributes, "".join(text))
            for (name, attributes), text in zip(self.elements, self.texts, strict=True)
            if name == tag
        ]

    def listed(self, name: str) -> list[str]:
        """Return the items of the list with that class."""
        found: list[str] = []
        inside = False
        for (tag, attributes), text in zip(self.elements, self.texts, strict=True):
            if tag == "ul" and "class" in attributes:
                inside = name in attributes["class"].split()
            elif inside and tag == "li":
                found.append("".join(text))
            elif tag in {"section", "nav"}:
                inside = False
        return found
