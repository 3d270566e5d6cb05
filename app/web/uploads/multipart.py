"""The files of a form: `multipart/form-data` (RFC 7578), taken apart as it is read."""

from collections.abc import Iterable
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, NamedTuple, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.feeds import MalformedFeedError
from app.text import excerpt

MULTIPART: Final = "multipart/form-data"
MAX_FILES: Final = 100
"""How many files one form may have: each is an open file here."""

_IN_MEMORY: Final = 64 << 10
_AS_IT_IS: Final = frozenset({b"binary", b"8bit", b"7bit"})


class FormPart(NamedTuple):
    """A file of a form, or a whole body, which has no name: its name, Content-Type and bytes."""

    file: str | None
    content_type: str | None
    stream: BinaryIO


def parse_form(chunks: Iterable[bytes], content_type: str, files: ExitStack) -> list[FormPart]:
    """Return the files of the form in `chunks`, which `files` closes.

    Raises MalformedFeedError for a form that is broken or has no file, and for one with fields
    that are no files: what they ask for would otherwise be left undone without a word.
    """
    form = _Form(content_type, files)
    try:
        for chunk in chunks:
            form.parser.write(chunk)
    except FormParserError as error:
        raise _broken(f"not {MULTIPART}: {excerpt(str(error))}") from None
    if not form.ended:
        raise _broken(f"the {MULTIPART} breaks off before its end")
    if not form.parts:
        raise _broken("there is no file in the form")
    for part in form.parts:
        part.stream.seek(0)
    return form.parts


class _Form:
    """Writes down what a parser finds."""

    def __init__(self, content_type: str, files: ExitStack) -> None:
        self.parts: list[FormPart] = []
        self.ended = False
        self._files = files
        self._fields: dict[str, bytes] = {}
        self._name = self._value = bytearray()
        self._stream: BinaryIO | None = None
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise _broken(f"the {MULTIPART} has no boundary")
        try:
            self.parser = MultipartParser(boundary, {
                "on_part_begin": self._begin,
                "on_header_begin": self._begin_field,
                "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_field,
                "on_headers_finished": self._open,
                "on_part_data": self._write,
                "on_end": self._end,
            })  # fmt: skip
        except FormParserError as error:
            raise _broken(f"not {MULTIPART}: {excerpt(str(error))}") from None

    def _begin(self) -> None:
        self._fields = {}
        self._stream = None

    def _begin_field(self) -> None:
        self._name, self._value = bytearray(), bytearray()

    def _end_field(self) -> None:
        self._fields[self._name.decode("latin-1").lower()] = bytes(self._value)

    def _open(self) -> None:
        kind, options = parse_options_header(self._fields.get("content-disposition", b""))
        field = excerpt(options.get(b"name", b"").decode(errors="replace"))
        if kind != b"form-data" or b"filename" not in options:
            raise _broken(f"{field!r} in the form is no file; what a load is told is in its query")
        if self._fields.get("content-transfer-encoding", b"binary").lower() not in _AS_IT_IS:
            # RFC 7578, section 4.7: senders "SHOULD NOT generate any parts with" one.
            raise _broken(f"{field!r} in the form has a Content-Transfer-Encoding")
        name = options[b"filename"].decode(errors="replace")
        if not name:
            return  # what a browser sends for a form in which no file was chosen
        if len(self.parts) == MAX_FILES:
            raise _broken(f"a form may have {MAX_FILES} files")
        said = self._fields.get("content-type", b"").decode("latin-1")
        spool = self._files.enter_context(SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - it is
        self._stream = cast("BinaryIO", spool)
        self.parts.append(FormPart(name, said, self._stream))

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._stream is not None:
            self._stream.write(data[start:end])
        elif end > start:
            raise _broken("a file in the form has no name")

    def _end(self) -> None:
        self.ended = True


def _broken(reason: str) -> MalformedFeedError:
    return MalformedFeedError(1, 1, reason)
