"""Content codings: who gets which, and that a body survives."""

import gzip

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.content_coding import CODINGS, IDENTITY, choose, encode
from tests.support.strategies import SIGNS

UNPACK = {"br": brotli.decompress, "gzip": gzip.decompress, IDENTITY: bytes}


@pytest.mark.parametrize(
    ("field", "coding"),
    [
        (None, IDENTITY),
        ("", IDENTITY),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0.5, gzip", "gzip"),
        ("br;q=0.5, gzip;q=0.5", "br"),
        ("*", "br"),
        ("*;q=0.1, br;q=0", "gzip"),
        ("identity, *;q=0", IDENTITY),
        ("identity;q=0.5, gzip;q=0.4", IDENTITY),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("gzip;q=0", IDENTITY),
        ("gzip;q=0, *", "br"),
        ("identity;q=0, *;q=0", IDENTITY),
        ("zstd, deflate", IDENTITY),
        ("gzip;q=abc", IDENTITY),
        ("gzip;q=2", IDENTITY),
        ("gzip;q=1.5", "gzip"),
        (";;,, gzip ; q=0.3 ,", "gzip"),
        ("gzip;q=0, gzip", "gzip"),
    ],
)
def test_e04_a_client_gets_the_coding_it_weighs_most(field: str | None, coding: str) -> None:
    assert choose(field) == coding


@given(st.text(SIGNS))
def test_e04_any_field_gets_some_coding(field: str) -> None:
    assert choose(field) in {*CODINGS, IDENTITY}


@given(st.binary(max_size=2_000) | st.text(SIGNS, max_size=50).map(lambda text: text.encode() * 40))
@pytest.mark.parametrize("coding", [*CODINGS, IDENTITY])
def test_e04_a_body_survives_its_coding_and_never_grows(coding: str, body: bytes) -> None:
    said, packed = encode(coding, body)
    assert said in {coding, IDENTITY}
    assert UNPACK[said](packed) == body
    assert len(packed) <= len(body)
    assert encode(coding, body) == (said, packed)  # the same bytes, and so the same ETag


def test_e03_a_gzip_says_nothing_of_when_it_was_made() -> None:
    _, packed = encode("gzip", b"word " * 200)
    assert packed[4:8] == b"\0\0\0\0"  # RFC 1952 section 2.3.1: MTIME, 0 for none
