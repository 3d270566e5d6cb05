"""What RSS, Atom and JSON Feed say alike: of the feed, and of an article in full."""

import re
from typing import Final

from app.hygiene import printable
from app.listings.listing import Listing
from app.records import Record
from app.representations import Links
from app.representations.page import body_html

# In what the sanitiser writes, each "<" begins a tag, and no attribute has a quotation mark in it.
_WITHIN: Final = re.compile('(<a (?:[a-z]+="[^"]*" )*?href=")(?=#)')


def title(listing: Listing) -> str:
    """Return what a reader calls the feed."""
    return printable(f"{listing.title} · {listing.site.name}")


def language(listing: Listing) -> str | None:
    """Return the language of the feed, where all of its articles are in one."""
    languages = {item.record.lang for item in listing.items}
    return languages.pop() if len(languages) == 1 else None


def content(record: Record, links: Links) -> str:
    """Return the body of a clean record, as HTML that is safe on a stranger's page.

    What leads to another place in the body leads to the article, for it stands among others here.
    """
    return _WITHIN.sub(lambda found: found[1] + links.url, body_html(record))
