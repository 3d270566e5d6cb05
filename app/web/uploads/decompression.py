"""The content codings that a request body may have, each with its streaming decoder.

Decoders yield small chunks, so that a caller can enforce a limit on the decompressed size.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

import zstandard

from app.feeds import MalformedFeedError

CHUNK_BYTES: Final = 64 << 10

_GZIP: Final = zlib.MAX_WBITS | 16

# RFC 9659, section 3: "A decoder MUST support a Window_Size of 8 MB, and an encoder MUST NOT
# generate" a larger one. A frame with a larger window could demand gigabytes of memory.
MAX_ZSTD_WINDOW: Final = 8 << 20

# Appended to a zstd body: if its content is decoded last, the frames before it were complete.
_SENTINEL: Final = b"the frames before this one are whole"
_SENTINEL_FRAME: Final = zstandard.ZstdCompressor(write_checksum=True).compress(_SENTINEL)


@dataclass(frozen=True, slots=True)
class Decoder:
    """One content coding: its decompressor, its magic number, and its names in HTTP."""

    decompress: Callable[[BinaryIO], Iterator[bytes]]
    magic: bytes
    names: tuple[str, ...]


def _gunzip(body: BinaryIO) -> Iterator[bytes]:
    """Yield what the gzip members in `body` hold; NUL bytes after a member are padding."""
    # Not `gzip.GzipFile`: it accepts reserved flags, which RFC 1952 section 2.3.1.2 forbids.
    member = zlib.decompressobj(_GZIP)
    has_started = False
    try:
        while compressed := body.read(CHUNK_BYTES):
            while compressed:
                if member.eof:
                    compressed = compressed.lstrip(b"\0")
                    if not compressed:
                        break
                    member = zlib.decompressobj(_GZIP)  # section 2.2: one or more members
                has_started = True
                yield member.decompress(compressed, CHUNK_BYTES)
                compressed = member.unconsumed_tail or member.unused_data
    except zlib.error as error:
        raise MalformedFeedError(1, 1, f"invalid gzip data: {error}") from None
    if has_started and not member.eof:
        raise MalformedFeedError(1, 1, "the gzip data is truncated")


class _WithSentinel:
    """A zstd body followed by _SENTINEL_FRAME, as a readable file.

    The last chunk of the body and the sentinel come from one `read`: a decoder that gets the start
    of a frame, and then a complete other frame, silently forgets the start.
    """

    def __init__(self, body: BinaryIO) -> None:
        self._body = body
        self._next = body.read(CHUNK_BYTES)
        self._sentinel = _SENTINEL_FRAME

    def read(self, size: int) -> bytes:
        """Return about `size` bytes, or b"" at the end."""
        chunk, self._next = self._next, self._body.read(size)
        if not self._next:
            chunk, self._sentinel = chunk + self._sentinel, b""
        return chunk


def _unzstd(body: BinaryIO) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW)
    held = b""
    try:
        # RFC 8878, section 3: "Zstandard compressed data is made up of one or more frames".
        with decompressor.stream_reader(_WithSentinel(body), read_across_frames=True) as reader:  # type: ignore[arg-type] # it only reads
            while chunk := reader.read(CHUNK_BYTES):
                held += chunk
                yield held[: -len(_SENTINEL)]
                held = held[-len(_SENTINEL) :]
    except zstandard.ZstdError as error:
        raise MalformedFeedError(1, 1, f"invalid or unsupported zstd data: {error}") from None
    if held != _SENTINEL:
        raise MalformedFeedError(1, 1, "the zstd data is truncated")


DECODERS: Final[Mapping[str, Decoder]] = {
    # RFC 9110, section 8.4.1.3: "A recipient SHOULD consider 'x-gzip' to be equivalent to 'gzip'."
    "gzip": Decoder(_gunzip, b"\x1f\x8b", ("gzip", "x-gzip")),
    "zstd": Decoder(_unzstd, b"\x28\xb5\x2f\xfd", ("zstd",)),
}
DECODER_BY_NAME: Final[Mapping[str, Decoder]] = {
    name: decoder for decoder in DECODERS.values() for name in decoder.names
}


def decoder_for(content_encoding: str, body: BinaryIO) -> Decoder | None:
    """Return the decoder that `body` needs, None if it is not compressed.

    Where `content_encoding` names no coding, the magic number at the start of `body` decides.
    Raises UnknownCodingError.
    """
    coding = content_encoding.strip().lower()
    if coding in {"", "identity"}:
        head = body.read(4)
        body.seek(0)
        return next((each for each in DECODERS.values() if head.startswith(each.magic)), None)
    if coding not in DECODER_BY_NAME:
        raise UnknownCodingError(coding)
    return DECODER_BY_NAME[coding]


class UnknownCodingError(Exception):
    """The body has a content coding that is not supported."""

    def __init__(self, coding: str) -> None:
        super().__init__(f"the content coding {coding[:40]!r} is not supported")
