"""Files of a form: `multipart/form-data` (RFC 7578), parsed as a stream."""

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
"""The number of files in one form; each is an open file of this process."""

_IN_MEMORY: Final = 64 << 10
_IDENTITY_ENCODINGS: Final = frozenset({b"binary", b"8bit", b"7bit"})


class FormPart(NamedTuple):
    """A file of a form with its name and Content-Type, or a whole body, which has no name."""

    file: str | None
    content_type: str | None
    stream: BinaryIO


def parse_form(chunks: Iterable[bytes], content_type: str, files: ExitStack) -> list[FormPart]:
    """Return the files of the form in `chunks`; `files` closes them.

    Raises MalformedFeedError for a malformed form, for one without a file, and for one with other
    fields: load parameters belong in the query, and ignoring them here would load something else
    than the client asked for.
    """
    form = _Form(content_type, files)
    try:
        for chunk in chunks:
            form.parser.write(chunk)
    except FormParserError as error:
        raise _malformed(f"not {MULTIPART}: {excerpt(str(error))}") from None
    if not form.is_complete:
        raise _malformed(f"the {MULTIPART} body is truncated")
    if not form.parts:
        raise _malformed("the form has no file")
    for part in form.parts:
        part.stream.seek(0)
    return form.parts


class _Form:
    """Collects the files that the parser's callbacks report."""

    def __init__(self, content_type: str, files: ExitStack) -> None:
        self.parts: list[FormPart] = []
        self.is_complete = False
        self._files = files
        self._headers: dict[str, bytes] = {}
        self._name = self._value = bytearray()
        self._stream: BinaryIO | None = None
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise _malformed(f"the {MULTIPART} Content-Type has no boundary")
        try:
            self.parser = MultipartParser(boundary, {
                "on_part_begin": self._begin_part,
                "on_header_begin": self._begin_header,
                "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._open_part,
                "on_part_data": self._write,
                "on_end": self._end,
            })  # fmt: skip
        except FormParserError as error:
            raise _malformed(f"not {MULTIPART}: {excerpt(str(error))}") from None

    def _begin_part(self) -> None:
        self._headers = {}
        self._stream = None

    def _begin_header(self) -> None:
        self._name, self._value = bytearray(), bytearray()

    def _end_header(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = bytes(self._value)

    def _open_part(self) -> None:
        disposition, options = parse_options_header(self._headers.get("content-disposition", b""))
        field = excerpt(options.get(b"name", b"").decode(errors="replace"))
        if disposition != b"form-data" or b"filename" not in options:
            raise _malformed(
                f"the form field {field!r} is not a file; load parameters belong in the query"
            )
        encoding = self._headers.get("content-transfer-encoding", b"binary")
        if encoding.lower() not in _IDENTITY_ENCODINGS:
            # RFC 7578, section 4.7: senders "SHOULD NOT generate any parts with" one.
            raise _malformed(f"the form field {field!r} has a Content-Transfer-Encoding")
        name = options[b"filename"].decode(errors="replace")
        if not name:
            return  # browsers send this for a form in which no file was chosen
        if len(self.parts) == MAX_FILES:
            raise _malformed(f"the form has more than {MAX_FILES} files")
        content_type = self._headers.get("content-type", b"").decode("latin-1")
        spool = self._files.enter_context(SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - entered here
        self._stream = cast("BinaryIO", spool)
        self.parts.append(FormPart(name, content_type, self._stream))

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._stream is not None:
            self._stream.write(data[start:end])
        elif end > start:
            raise _malformed("a file in the form has no name")

    def _end(self) -> None:
        self.is_complete = True


def _malformed(reason: str) -> MalformedFeedError:
    return MalformedFeedError(1, 1, reason)
