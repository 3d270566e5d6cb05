"""Where an article is, and what stands beside it: the one source of every link to it.

From a `Links` come the `Link` header, the page's `<link>` tags, the record's `url` and
`alternates`, and the URLs in the front matter, the text and the linked data.
"""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

_KEPT_IN_URI: Final = "!#$%&'()*+,/:;=?@[]~"  # RFC 3986 section 2.2, and what is encoded already


@dataclass(frozen=True, slots=True)
class Site:
    """What the representations need to know of the site. `base_url` ends in no slash."""

    base_url: str
    name: str
    canonical: Literal["source", "self"] = "source"


class Alternate(NamedTuple):
    """One representation of an article: its name, media type and absolute URL."""

    name: str
    media_type: str
    url: str


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses of one article.

    `url` is where it is negotiated, `source` where the story came from, and `alternates` are all
    its representations, in the site's order.
    """

    site: Site
    url: str
    source: str | None
    alternates: tuple[Alternate, ...]

    @property
    def canonical(self) -> str:
        """What `rel=canonical` names (RFC 6596)."""
        return uri(self.source) if self.source and self.site.canonical == "source" else self.url

    def others(self, name: str) -> tuple[Alternate, ...]:
        """Return the alternates beside the representation called `name`."""
        return tuple(alternate for alternate in self.alternates if alternate.name != name)


def uri(address: str) -> str:
    """Return `address` as a URI (RFC 3986), in ASCII, as a header field and a page can both say."""
    return quote(address, safe=_KEPT_IN_URI)
