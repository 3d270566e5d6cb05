"""The slug of an article whose feed format has none, derived from its title."""

from typing import Final

from slugify import slugify

from app.article.record import SLUG_LENGTH

# Anything beyond this cannot affect a slug of SLUG_LENGTH characters.
_TITLE_LENGTH: Final = 2_000


def slug_from_title(title: str) -> str | None:
    """Return the slug for `title`, or None if nothing in it can be written in a-z and 0-9.

    Letters become lower-case Latin ones and apostrophes are removed. Every other run of characters
    becomes one "-", and the slug is cut at SLUG_LENGTH. Typographic and ASCII apostrophes give the
    same slug.
    """
    typed = title[:_TITLE_LENGTH].replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    # The title is plain text, so "&amp;" in it is not an ampersand.
    plain = slugify(typed, max_length=SLUG_LENGTH, entities=False, decimal=False, hexadecimal=False)
    return plain or None
