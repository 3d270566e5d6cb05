"""Where an article is, and what stands beside it: the one source of every link to it.

From a `Links` come the `Link` header, the page's `<link>` tags, the record's `url` and
`alternates`, and the URLs in the front matter, the text and the linked data.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol
from urllib.parse import quote

_KEPT_IN_URI: Final = "!#$%&'()*+,/:;=?@[]~"  # RFC 3986 section 2.2, and what is encoded already
_URI: Final = re.compile(f"[A-Za-z0-9_.{re.escape(_KEPT_IN_URI)}-]*")


@dataclass(frozen=True, slots=True)
class Site:
    """What the representations need to know of the site. `base_url` ends in no slash."""

    base_url: str
    name: str
    canonical: Literal["source", "self"] = "source"


class LinkedFormat(Protocol):
    """One form of something, as far as it is linked to."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def suffix(self) -> str:
        """What its address ends in, beyond the one at which it is negotiated."""

    @property
    def media_type(self) -> str:
        """What it is."""


class Alternate(NamedTuple):
    """One representation of an article: its name, media type and absolute URL."""

    name: str
    media_type: str
    url: str


class Links(NamedTuple):
    """The addresses of one article.

    `url` is where it is negotiated, `source` where the story came from, and `forms` are all its
    representations, in the site's order.
    """

    site: Site
    url: str
    source: str | None
    forms: Sequence[LinkedFormat]

    @property
    def alternates(self) -> tuple[Alternate, ...]:
        """All representations, in the site's order."""
        # Made when asked for: a listing of twenty articles has no use for the most of a hundred.
        return tuple([Alternate(f.name, f.media_type, self.url + f.suffix) for f in self.forms])

    @property
    def canonical(self) -> str:
        """What `rel=canonical` names (RFC 6596)."""
        return to_uri(self.source) if self.source and self.site.canonical == "source" else self.url

    def alternates_except(self, name: str) -> tuple[Alternate, ...]:
        """Return the alternates beside the representation called `name`."""
        return tuple(alternate for alternate in self.alternates if alternate.name != name)

    def urls_except(self, name: str) -> dict[str, str]:
        """Return the addresses of the representations beside the one called `name`, by theirs."""
        return {form.name: self.url + form.suffix for form in self.forms if form.name != name}


def to_uri(address: str) -> str:
    """Return `address` as a URI (RFC 3986), in ASCII, as a header field and a page can both say."""
    # Nearly all are so already, which is sooner seen than done again.
    return address if _URI.fullmatch(address) else quote(address, safe=_KEPT_IN_URI)
