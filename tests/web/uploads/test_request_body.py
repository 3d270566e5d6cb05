"""Bodies of requests, I-02, I-03, I-19 and I-22: packed, limited, taken apart, hashed."""

import gzip
import hashlib
import io
import json
import os
import tracemalloc
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from app.feeds import MalformedFeedError, UnsupportedFeedError, read_all
from app.web.uploads.decompression import MAX_ZSTD_WINDOW
from app.web.uploads.multipart import MAX_FILES
from app.web.uploads.request_body import FeedTooLargeError, UnknownCodingError, Upload, open_upload
from tests.support.site import Site

STORY = {
    "slug": "a-story",
    "title": "A story",
    "body_md": "Text.",
    "published_at": "2026-06-23T23:00:06Z",
    "updated_at": "2026-06-23T23:00:06Z",
    "lang": "en",
}
GOOD = json.dumps(STORY).encode()
RSS = b"""<rss><channel><item><title>Another</title><description>Text.</description>
<pubDate>Tue, 23 Jun 2026 23:00:06 GMT</pubDate></item></channel></rss>"""
LIMIT = 1_000_000
FORM = "multipart/form-data; boundary=xyz"

File = tuple[str, str, bytes]  # name, Content-Type, bytes


def form(*files: File, end: bytes = b"--xyz--\r\n") -> bytes:
    parts = (
        b'--xyz\r\nContent-Disposition: form-data; name="feed"; filename="%b"\r\n'
        b"Content-Type: %b\r\n\r\n%b\r\n" % (name.encode(), kind.encode(), content)
        for name, kind, content in files
    )
    return b"".join(parts) + end


def zstd(plain: bytes, **parameters: Any) -> bytes:
    return zstandard.ZstdCompressor(**parameters).compress(plain)


def contents(body: bytes, limit: int = LIMIT, **headers: str) -> tuple[Upload, list[bytes]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with open_upload(io.BytesIO(body), named, limit) as upload:
        return upload, [source.stream.read() for source in upload.sources]


def form_contents(*files: File) -> tuple[Upload, list[bytes]]:
    return contents(form(*files), content_type=FORM)


def test_a_plain_body_is_not_copied() -> None:
    body = io.BytesIO(GOOD)
    with open_upload(body, {}, LIMIT) as upload:
        [source] = upload.sources
        assert source.stream is body
        assert body.tell() == 0
        assert (source.file, source.format, upload.file) == (None, "json", None)
        assert (upload.size, upload.sha256) == (len(GOOD), hashlib.sha256(GOOD).hexdigest())
    assert not body.closed


@pytest.mark.parametrize(
    ("packed", "coding"),
    [
        (gzip.compress(GOOD), "gzip"),
        (gzip.compress(GOOD[:9]) + gzip.compress(GOOD[9:]), "x-gzip"),
        (zstd(GOOD), "zstd"),
        (zstd(GOOD[:9]) + zstd(b"") + zstd(GOOD[9:], write_checksum=True), "ZSTD "),
        (b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + zstd(GOOD), "zstd"),  # a skippable frame first
    ],
)
def test_i02_packed_bodies_are_unpacked(packed: bytes, coding: str) -> None:
    upload, [plain] = contents(packed, content_encoding=coding)
    assert plain == GOOD
    assert (upload.size, upload.sha256) == (len(GOOD), hashlib.sha256(GOOD).hexdigest())
    if packed[0] != 0x50:
        assert contents(packed)[1] == [GOOD]  # by its first bytes


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_i03_what_is_packed_and_broken_is_malformed(coding: str) -> None:
    noise = os.urandom(300_000)
    whole = {
        "gzip": gzip.compress(noise) + gzip.compress(GOOD),
        "zstd": zstd(noise) + zstd(GOOD),
    }[coding]
    for broken in (*(whole[:-cut] for cut in (1, 9, 50, 200_000)), b"hello", whole + b"more"):
        with pytest.raises(MalformedFeedError, match=coding):
            contents(broken, content_encoding=coding)


@given(st.data())
def test_i03_a_zstd_that_is_cut_anywhere_is_malformed(data: st.DataObject) -> None:
    plain = data.draw(st.binary(max_size=300)) * data.draw(st.sampled_from([1, 900]))
    checked = data.draw(st.booleans())
    packed = zstd(plain, write_checksum=checked)
    with pytest.raises(MalformedFeedError):
        contents(packed[: data.draw(st.integers(1, len(packed) - 1))], content_encoding="zstd")


@pytest.mark.parametrize("kept", range(1, 14))
def test_i03_a_zstd_is_malformed_however_little_there_is_of_its_last_frame(kept: int) -> None:
    whole = zstd(GOOD, write_checksum=True)
    with pytest.raises(MalformedFeedError, match="zstd"):
        contents(whole + whole[:kept], content_encoding="zstd")


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_i19_a_bomb_is_stopped_at_the_limit_and_takes_no_memory(pack: Any) -> None:
    bomb = pack(b" " * 300_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(FeedTooLargeError):
            contents(bomb)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_i19_a_zstd_that_asks_for_a_window_beyond_the_standard_is_not_taken() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    wide = compressor.compress(GOOD) + compressor.flush()
    assert zstandard.get_frame_parameters(wide).window_size > MAX_ZSTD_WINDOW
    with pytest.raises(MalformedFeedError, match="no zstd that is taken"):
        contents(wide)


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "deflate", "x" * 999])
def test_i02_other_codings_are_not_taken(coding: str) -> None:
    with pytest.raises(UnknownCodingError) as caught:
        contents(GOOD, content_encoding=coding)
    assert len(str(caught.value)) < 100


def test_i02_the_files_of_a_form_are_feeds_each_of_its_kind() -> None:
    upload, plain = form_contents(
        ("a.json", "application/json", GOOD),
        ("b.ndjson", "application/octet-stream", GOOD),
        ("c.rss", "application/rss+xml", RSS),
        ("d.json.gz", "application/gzip", gzip.compress(GOOD)),
        ("e.zst", "application/octet-stream", zstd(RSS)),
    )
    assert plain == [GOOD, GOOD, RSS, GOOD, RSS]
    assert [source.format for source in upload.sources] == ["json", "ndjson", "rss", "json", "rss"]
    assert upload.file == "a.json, b.ndjson, c.rss, d.json.gz, e.zst"
    assert upload.size == len(b"".join(plain))


def test_i02_a_form_of_one_file_is_that_file() -> None:
    upload, _ = form_contents(("näme \\\\ 1.json", "", GOOD))
    assert upload.sha256 == hashlib.sha256(GOOD).hexdigest()
    assert upload.file == upload.sources[0].file == "näme \\ 1.json"


def test_files_that_are_split_or_named_otherwise_have_another_digest() -> None:
    forms = [
        form_contents(("a", "", b"[]"), ("b", "", b"[] ")),
        form_contents(("a", "", b"[] "), ("b", "", b"[]")),
        form_contents(("a", "", b"[]"), ("c", "", b"[] ")),
        form_contents(("b", "", b"[] "), ("a", "", b"[]")),
    ]
    assert len({upload.sha256 for upload, _ in forms}) == len(forms)
    assert forms[0][0].sha256 == form_contents(("a", "", b"[]"), ("b", "", b"[] "))[0].sha256


def test_i02_a_form_may_be_packed_as_a_whole() -> None:
    body = gzip.compress(form(("a.json", "", GOOD)))
    assert contents(body, content_type=FORM, content_encoding="gzip")[1] == [GOOD]


def test_i02_a_file_of_no_kind_is_not_taken_and_one_that_is_broken_is_told_by_its_reader() -> None:
    with pytest.raises(UnsupportedFeedError):
        form_contents(("a.json", "", GOOD), ("b.png", "image/png", b"PNG"))
    body = form(("a.json", "", GOOD), ("b", "", b"#"), ("c", "", b""))
    with open_upload(io.BytesIO(body), {"content-type": FORM}, LIMIT) as upload:
        assert [each.file for each in read_all(upload.sources)] == ["a.json", "b", "c"]
    with pytest.raises(MalformedFeedError):
        form_contents(("b", "", b"#"))


FIELD = b'--xyz\r\nContent-Disposition: form-data; name="mode"\r\n\r\natomic\r\n--xyz--\r\n'


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"", FORM, "breaks off"),
        (b"hello", FORM, "not multipart/form-data"),
        (form(("a", "", GOOD), end=b""), FORM, "breaks off"),
        (form(("a", "", GOOD))[:80], FORM, "breaks off"),
        (b"--xyz--\r\n", FORM, ""),
        (form(("", "", b"")), FORM, "there is no file in the form"),
        (form(("", "", b"x")), FORM, "a file in the form has no name"),
        (FIELD, FORM, "'mode' in the form is no file"),
        (form(("a", "", GOOD)), "multipart/form-data", "has no boundary"),
        (form(("a", "", GOOD)), "multipart/form-data; boundary=" + "x" * 500, "not multipart"),
        (form(*[("a", "", b"[]")] * (MAX_FILES + 1)), FORM, f"a form may have {MAX_FILES} files"),
        (
            form(("a", "text/plain\r\nContent-Transfer-Encoding: base64", GOOD)),
            FORM,
            "has a Content-Transfer-Encoding",
        ),
        (form(("a", "x" * 99_999, GOOD)), FORM, "Maximum header size"),
    ],
)
def test_i03_a_form_that_is_broken_is_malformed(
    body: bytes, content_type: str, reason: str
) -> None:
    with pytest.raises(MalformedFeedError) as caught:
        contents(body, content_type=content_type)
    assert reason in caught.value.reason
    assert len(caught.value.reason) < 200


def test_i03_the_limit_is_for_all_files_together_and_for_what_they_unpack_to() -> None:
    body = form(*((f"{n}", "", gzip.compress(b"[" + b" " * 400 + b"]")) for n in range(3)))
    assert len(contents(body, limit=1_300, content_type=FORM)[1]) == 3
    with pytest.raises(FeedTooLargeError):
        contents(body, limit=1_100, content_type=FORM)


def test_i22_long_names_are_told_as_excerpts() -> None:
    upload, _ = form_contents(("a" * 500, "", GOOD), ("b\x1b[31m" * 50, "", GOOD))
    assert len(upload.file or "") < 70
    assert all(len(source.file or "") < 70 for source in upload.sources)
    assert "\x1b" not in str(upload)


@given(
    st.lists(
        st.sampled_from(
            [b"--xyz", b"--", b"\r\n", b"Content-Disposition: form-data; name=a; filename=b",
             b'Content-Disposition: form-data; filename="', b'"', b"Content-Type: text/xml", b":",
             b"\r\n\r\n", GOOD, RSS, b"\xff", b"\x00", gzip.compress(GOOD), zstd(GOOD)[:9]]
        ),
        max_size=12,
    ).map(b"".join)
    | st.binary(max_size=40),
    st.sampled_from([FORM, "", "multipart/form-data; boundary=", "application/json"]),
    st.sampled_from(["", "gzip", "zstd"]),
)  # fmt: skip
def test_no_body_raises_anything_that_is_not_declared(body: bytes, kind: str, coding: str) -> None:
    try:
        with open_upload(
            io.BytesIO(body), {"content-type": kind, "content-encoding": coding}, 10**6
        ) as up:
            list(read_all(up.sources))
    except (MalformedFeedError, UnsupportedFeedError):
        pass


def test_i02_files_of_a_form_are_loaded_over_http(site: Site) -> None:
    body = form(("a.json", "", GOOD), ("b.rss", "application/rss+xml", RSS))
    answer = site.load(body, **{"Content-Type": FORM})
    assert answer.status_code == 200, answer.text
    assert [each["slug"] for each in answer.json()["results"]] == ["a-story", "another"]
    assert site.get("/news/another.md").text.endswith("\n\nText.\n")


def test_i03_a_broken_form_is_400_and_another_kind_of_form_415(site: Site) -> None:
    assert site.load(b"hello", **{"Content-Type": FORM}).status_code == 400
    refused = site.load(b"hello", **{"Content-Type": "multipart/mixed; boundary=xyz"})
    assert refused.status_code == 415
    assert "multipart/form-data" in refused.headers["accept"]
    assert "application/rss+xml" in refused.headers["accept"]


def test_i02_a_zstd_that_comes_in_chunks_is_loaded(site: Site) -> None:
    packed = zstd(RSS)
    chunks = (packed[at : at + 10] for at in range(0, len(packed), 10))
    headers = {**site.authorized, "Content-Encoding": "zstd", "Content-Type": "text/xml"}
    answer = site.client.post("/admin/loads", content=chunks, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["load"]["size"] == len(RSS)
