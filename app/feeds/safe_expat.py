"""Expat, set up for documents of strangers."""

import re
from collections.abc import Callable
from typing import Final
from xml.parsers import expat

from app.feeds.entries import MalformedFeedError
from app.text import excerpt

# Expat's own, and those of one byte for a character, for which Python gives it a table.
_ENCODING = re.compile(
    r"utf-?8|utf-?16(?:[bl]e)?|(?:us-)?ascii|iso-?8859-?\d{1,2}|latin-?\d"
    r"|(?:windows-?|cp)(?:125\d|866|874)|koi8-[ru]|mac(?:intosh|-?roman|-?cyrillic)",
    re.IGNORECASE | re.ASCII,
)
_BUFFER: Final = 64 << 10

# Takes a name and attributes. Names are local names, or namespace, local name and prefix, with
# newlines between.
StartTag = Callable[[str, dict[str, str]], None]


def create_parser(start: StartTag) -> expat.XMLParserType:
    """Return a parser that calls `start` at each start tag, and refuses what is not safe.

    Refused are encodings that it does not know, entities beyond XML's own five, and DTDs that
    declare anything: entity bombs and references to other documents are made of them. It never
    fetches anything.
    """
    parser = expat.ParserCreate(namespace_separator="\n")
    parser.namespace_prefixes = True
    parser.buffer_text = True
    parser.buffer_size = _BUFFER

    def declared(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and not _ENCODING.fullmatch(encoding):
            raise error_at(
                parser, f"the encoding {excerpt(encoding)!r} is not taken; UTF-8 always is"
            )

    def doctype(_name: str, _system: str | None, _public: str | None, internal: int) -> None:
        if internal:
            raise error_at(parser, "a DTD with declarations in it is not taken")

    def skipped(name: str, _parameter: int) -> None:
        raise error_at(parser, f"the entity {excerpt(name)!r} is not declared")

    parser.StartElementHandler = start
    parser.XmlDeclHandler = declared
    parser.StartDoctypeDeclHandler = doctype
    parser.SkippedEntityHandler = skipped
    return parser


def parse(parser: expat.XMLParserType, chunk: bytes, *, last: bool) -> None:
    """Give `parser` the next bytes. Raises MalformedFeedError where they are no XML."""
    try:
        parser.Parse(chunk, last)
    except expat.ExpatError as error:
        reason = f"not XML: {expat.ErrorString(error.code)}"
        raise MalformedFeedError(error.lineno, error.offset + 1, reason) from None
    except (LookupError, UnicodeError):
        raise error_at(parser, "the encoding is not known") from None


def error_at(parser: expat.XMLParserType, reason: str) -> MalformedFeedError:
    """Return an error at the place where `parser` is."""
    return MalformedFeedError(parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, reason)
