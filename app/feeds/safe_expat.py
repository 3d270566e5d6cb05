"""Expat configured for untrusted XML."""

import re
from collections.abc import Callable
from typing import Final
from xml.parsers import expat

from app.feeds.entries import MalformedFeedError
from app.text import excerpt

# The encodings that Expat knows, and single-byte ones, for which Python supplies a table.
_ENCODING = re.compile(
    r"utf-?8|utf-?16(?:[bl]e)?|(?:us-)?ascii|iso-?8859-?\d{1,2}|latin-?\d"
    r"|(?:windows-?|cp)(?:125\d|866|874)|koi8-[ru]|mac(?:intosh|-?roman|-?cyrillic)",
    re.IGNORECASE | re.ASCII,
)
_BUFFER: Final = 64 << 10

# Takes a name and attributes. A name is a local name, or namespace, local name and prefix with
# newlines between them.
StartElementHandler = Callable[[str, dict[str, str]], None]


def create_parser(start: StartElementHandler) -> expat.XMLParserType:
    """Return a parser that calls `start` for each start tag and rejects what is not safe.

    It rejects unknown encodings, entities other than XML's own five, and DTDs with declarations,
    which entity bombs and references to other documents need. It never fetches anything.
    """
    parser = expat.ParserCreate(namespace_separator="\n")
    parser.namespace_prefixes = True
    parser.buffer_text = True
    parser.buffer_size = _BUFFER

    def declared(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and not _ENCODING.fullmatch(encoding):
            raise error_at(
                parser, f"the encoding {excerpt(encoding)!r} is not supported; use UTF-8"
            )

    def doctype(_name: str, _system: str | None, _public: str | None, internal: int) -> None:
        if internal:
            raise error_at(parser, "a DTD with declarations is not allowed")

    def skipped(name: str, _parameter: int) -> None:
        raise error_at(parser, f"the entity {excerpt(name)!r} is not declared")

    parser.StartElementHandler = start
    parser.XmlDeclHandler = declared
    parser.StartDoctypeDeclHandler = doctype
    parser.SkippedEntityHandler = skipped
    return parser


def parse(parser: expat.XMLParserType, chunk: bytes, *, last: bool) -> None:
    """Parse the next bytes. Raises MalformedFeedError if they are not well-formed XML."""
    try:
        parser.Parse(chunk, last)
    except expat.ExpatError as error:
        reason = f"not XML: {expat.ErrorString(error.code)}"
        raise MalformedFeedError(error.lineno, error.offset + 1, reason) from None
    except (LookupError, UnicodeError):
        raise error_at(parser, "the encoding is not known") from None


def error_at(parser: expat.XMLParserType, reason: str) -> MalformedFeedError:
    """Return an error at the current position of `parser`."""
    return MalformedFeedError(parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, reason)
