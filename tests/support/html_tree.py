"""Pages as trees, read with the standard library: no browser is needed to look inside."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)


@dataclass(eq=False)
class Node:
    """An element. `parent` is None at the top, whose name is empty."""

    name: str
    attributes: dict[str, str]
    parent: "Node | None" = None
    children: "list[Node | str]" = field(default_factory=list)

    def all(self, *names: str) -> "list[Node]":
        """Return the elements called one of `names`, or all, in the order of the document."""
        below = [child for child in self.children if isinstance(child, Node)]
        return [
            node
            for child in below
            for node in ([child] if not names or child.name in names else []) + child.all(*names)
        ]

    def classed(self, name: str) -> "list[Node]":
        """Return the elements of the class `name`."""
        return [node for node in self.all() if name in node.attributes.get("class", "").split()]

    def one(self, name: str, /, **attributes: str) -> "Node":
        """Return the only element called `name` that has these attributes."""
        wanted = attributes.items()
        (node,) = (node for node in self.all(name) if wanted <= node.attributes.items())
        return node

    @property
    def text(self) -> str:
        """The words of the element, as they stand in the source."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @property
    def words(self) -> str:
        """The words of the element, with white space collapsed as a browser does."""
        return " ".join(self.text.split())


class _Reader(HTMLParser):
    """Builds the tree, and takes no element whose end is missing or out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.root = self.open = Node("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        node = Node(tag, {name: value or "" for name, value in attrs}, self.open)
        self.open.children.append(node)
        if tag not in VOID:
            self.open = node

    def handle_endtag(self, tag: str) -> None:
        assert self.open.name == tag, f"</{tag}> ends <{self.open.name}>"
        assert self.open.parent is not None
        self.open = self.open.parent

    def handle_data(self, data: str) -> None:
        self.open.children.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"a processing instruction: {data}")


def read(page: bytes | str) -> Node:
    """Return the tree of `page`. Asserts that its elements are nested as they should be."""
    reader = _Reader()
    reader.feed(page.decode() if isinstance(page, bytes) else page)
    reader.close()
    assert reader.open is reader.root, f"<{reader.open.name}> is never closed"
    return reader.root
