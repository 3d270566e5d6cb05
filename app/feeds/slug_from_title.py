"""The slug of an article whose feed gives it none: made from the title, by one rule."""

from typing import Final

from slugify import slugify

from app.article.record import SLUG_LENGTH

# What stands beyond this in a title cannot reach a slug of SLUG_LENGTH characters.
_HEADLINE: Final = 2_000


def slug_from_title(title: str) -> str | None:
    """Return the slug for `title`, or None where nothing in it can be written in a-z and 0-9.

    Lower case, other scripts in Latin letters, apostrophes left out, everything else that is no
    letter and no digit a single '-', cut at SLUG_LENGTH characters. The same title always gives
    the same slug, however its apostrophes are typed.
    """
    typed = title[:_HEADLINE].replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    # The title is text, so "&amp;" in it is five characters and no ampersand.
    plain = slugify(typed, max_length=SLUG_LENGTH, entities=False, decimal=False, hexadecimal=False)
    return plain or None
