"""The codings that a feed may come packed in: each a row, with what unpacks it piece by piece.

However much a body unfolds to, it comes in small pieces, so that whoever counts them can stop.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

import zstandard

from app.feeds import MalformedFeedError

CHUNK_BYTES: Final = 64 << 10

# RFC 9659, section 3: "A decoder MUST support a Window_Size of 8 MB, and an encoder MUST NOT
# generate" a larger one. What asks for more could ask for gigabytes.
MAX_ZSTD_WINDOW: Final = 8 << 20

# A frame that is put behind the body. If what is in it comes out last, the one before it was whole.
_LAST_WORD: Final = b"the frames before this one are whole"
_LAST_FRAME: Final = zstandard.ZstdCompressor(write_checksum=True).compress(_LAST_WORD)


@dataclass(frozen=True, slots=True)
class Decoder:
    """How one coding is unpacked, and the bytes that every body in it begins with."""

    decompress: Callable[[BinaryIO], Iterator[bytes]]
    magic: bytes
    names: tuple[str, ...]


def _gunzipped(body: BinaryIO) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    begun = False
    try:
        while packed := body.read(CHUNK_BYTES):
            while packed:
                if member.eof:  # RFC 1952 section 2.2: a file is one or more members
                    member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
                begun = True
                yield member.decompress(packed, CHUNK_BYTES)
                packed = member.unconsumed_tail or member.unused_data
    except zlib.error as error:
        raise MalformedFeedError(1, 1, f"the body is no gzip: {error}") from None
    if begun and not member.eof:
        raise MalformedFeedError(1, 1, "the gzip breaks off before its end")


class _Followed:
    """A body with _LAST_FRAME behind it, to be read from.

    It comes in one piece with the end of the body: a decoder that has been given the head of a
    frame, and then all of another one, forgets the head.
    """

    def __init__(self, body: BinaryIO) -> None:
        self._body = body
        self._next = body.read(CHUNK_BYTES)
        self._rest = _LAST_FRAME

    def read(self, size: int) -> bytes:
        """Return some bytes more: about `size` of them, none at the end."""
        piece, self._next = self._next, self._body.read(size)
        if not self._next:
            piece, self._rest = piece + self._rest, b""
        return piece


def _unzstd(body: BinaryIO) -> Iterator[bytes]:
    unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW)
    held = b""
    try:
        # RFC 8878, section 3: "Zstandard compressed data is made up of one or more frames".
        with unpacker.stream_reader(_Followed(body), read_across_frames=True) as reader:  # type: ignore[arg-type] # it only reads
            while piece := reader.read(CHUNK_BYTES):
                held += piece
                yield held[: -len(_LAST_WORD)]
                held = held[-len(_LAST_WORD) :]
    except zstandard.ZstdError as error:
        raise MalformedFeedError(1, 1, f"the body is no zstd that is taken: {error}") from None
    if held != _LAST_WORD:
        raise MalformedFeedError(1, 1, "the zstd breaks off before its end")


DECODERS: Final[Mapping[str, Decoder]] = {
    # RFC 9110, section 8.4.1.3: "A recipient SHOULD consider 'x-gzip' to be equivalent to 'gzip'."
    "gzip": Decoder(_gunzipped, b"\x1f\x8b", ("gzip", "x-gzip")),
    "zstd": Decoder(_unzstd, b"\x28\xb5\x2f\xfd", ("zstd",)),
}
DECODER_BY_NAME: Final[Mapping[str, Decoder]] = {
    name: packing for packing in DECODERS.values() for name in packing.names
}


def detect_coding(head: bytes) -> Decoder | None:
    """Return the packing of a body that begins with `head`, None where it shows none."""
    return next((each for each in DECODERS.values() if head.startswith(each.magic)), None)
