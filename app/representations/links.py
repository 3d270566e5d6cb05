"""The URLs of an article and of its representations.

All links to an article come from its `Links`: the `Link` header, the page's `<link>` tags, the
record's `url` and `alternates`, and the URLs in the front matter, the text and the JSON-LD.
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
    """The settings of the site that representations need. `base_url` has no trailing slash."""

    base_url: str
    name: str
    canonical: Literal["source", "self"] = "source"


class LinkedFormat(Protocol):
    """A format, as far as links to it need it."""

    @property
    def name(self) -> str:
        """The name of the format."""

    @property
    def suffix(self) -> str:
        """The end of its URL, after the negotiated URL."""

    @property
    def media_type(self) -> str:
        """The media type of the format."""


class Alternate(NamedTuple):
    """One representation of an article: its name, media type and absolute URL."""

    name: str
    media_type: str
    url: str


class Links(NamedTuple):
    """The URLs of one article.

    `url` is its negotiated URL, `source` that of the original story, and `forms` are all formats,
    in the site's order of preference.
    """

    site: Site
    url: str
    source: str | None
    forms: Sequence[LinkedFormat]

    @property
    def alternates(self) -> tuple[Alternate, ...]:
        """All representations, in the site's order of preference."""
        # Computed on demand, because listings do not need most of them.
        return tuple([Alternate(f.name, f.media_type, self.url + f.suffix) for f in self.forms])

    @property
    def canonical(self) -> str:
        """The target of `rel=canonical` (RFC 6596)."""
        return to_uri(self.source) if self.source and self.site.canonical == "source" else self.url

    def alternates_except(self, name: str) -> tuple[Alternate, ...]:
        """Return the alternates except the one called `name`."""
        return tuple(alternate for alternate in self.alternates if alternate.name != name)

    def urls_except(self, name: str) -> dict[str, str]:
        """Return the URLs of the representations by name, except the one called `name`."""
        return {form.name: self.url + form.suffix for form in self.forms if form.name != name}


def to_uri(address: str) -> str:
    """Return `address` as an ASCII URI (RFC 3986), valid in header fields and pages."""
    # Nearly all are valid already, which is faster to check than to quote.
    return address if _URI.fullmatch(address) else quote(address, safe=_KEPT_IN_URI)
