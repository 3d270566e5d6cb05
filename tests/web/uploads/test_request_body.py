"""Request bodies (I-02, I-03, I-19, I-22): decompressed, limited, split into files, hashed."""

import asyncio
import gzip
import hashlib
import io
import json
import os
import threading
import tracemalloc
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
import zstandard
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from app.feeds import MalformedFeedError, UnsupportedFeedError, read_all
from app.web.uploads.decompression import MAX_ZSTD_WINDOW, UnknownCodingError
from app.web.uploads.multipart import MAX_FILES
from app.web.uploads.request_body import (
    FeedTooLargeError,
    Upload,
    open_upload,
    receive,
)
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
    with open_upload(io.BytesIO(body), limit, **headers) as upload:
        return upload, [source.stream.read() for source in upload.sources]


def form_contents(*files: File) -> tuple[Upload, list[bytes]]:
    return contents(form(*files), content_type=FORM)


def test_a_plain_body_is_not_copied() -> None:
    body = io.BytesIO(GOOD)
    with open_upload(body, LIMIT) as upload:
        [source] = upload.sources
        assert source.stream is body
        assert body.tell() == 0
        assert (source.file, source.format, upload.file) == (None, "json", None)
        assert (upload.size, upload.sha256) == (len(GOOD), hashlib.sha256(GOOD).hexdigest())
    assert body.closed


@pytest.mark.parametrize(
    ("compressed", "coding"),
    [
        (gzip.compress(GOOD), "gzip"),
        (gzip.compress(GOOD[:9]) + gzip.compress(GOOD[9:]), "x-gzip"),
        (zstd(GOOD), "zstd"),
        (zstd(GOOD[:9]) + zstd(b"") + zstd(GOOD[9:], write_checksum=True), "ZSTD "),
        (b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + zstd(GOOD), "zstd"),  # a skippable frame first
    ],
)
def test_i02_compressed_bodies_are_decompressed(compressed: bytes, coding: str) -> None:
    upload, [plain] = contents(compressed, content_encoding=coding)
    assert plain == GOOD
    assert (upload.size, upload.sha256) == (len(GOOD), hashlib.sha256(GOOD).hexdigest())
    if compressed[0] != 0x50:
        assert contents(compressed)[1] == [GOOD]  # by its first bytes


@pytest.mark.parametrize("padding", [1, 511, 200_000])
def test_i02_gzip_may_be_padded_with_nul_bytes(padding: int) -> None:
    """As tapes and tools that write whole blocks leave it; gzip(1) and Python read it, too."""
    padded = gzip.compress(GOOD) + bytes(padding)
    for coding in "gzip", "":
        upload, [plain] = contents(padded, content_encoding=coding)
        assert (plain, upload.size) == (GOOD, len(GOOD))
    for garbage in b"x", b"\x00x", b"\x1f", b"\x1f\x8b":
        with pytest.raises(MalformedFeedError, match="gzip"):
            contents(padded + garbage, content_encoding="gzip")


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_i03_broken_compressed_data_is_malformed(coding: str) -> None:
    noise = os.urandom(300_000)
    whole = {
        "gzip": gzip.compress(noise) + gzip.compress(GOOD),
        "zstd": zstd(noise) + zstd(GOOD),
    }[coding]
    for broken in (*(whole[:-cut] for cut in (1, 9, 50, 200_000)), b"hello", whole + b"more"):
        with pytest.raises(MalformedFeedError, match=coding):
            contents(broken, content_encoding=coding)


@given(st.data())
def test_i03_zstd_data_truncated_anywhere_is_malformed(data: st.DataObject) -> None:
    plain = data.draw(st.binary(max_size=300)) * data.draw(st.sampled_from([1, 900]))
    checked = data.draw(st.booleans())
    compressed = zstd(plain, write_checksum=checked)
    with pytest.raises(MalformedFeedError):
        contents(
            compressed[: data.draw(st.integers(1, len(compressed) - 1))], content_encoding="zstd"
        )


@pytest.mark.parametrize("kept", range(1, 14))
def test_i03_zstd_data_with_any_part_of_a_further_frame_is_malformed(kept: int) -> None:
    whole = zstd(GOOD, write_checksum=True)
    with pytest.raises(MalformedFeedError, match="zstd"):
        contents(whole + whole[:kept], content_encoding="zstd")


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_i19_a_decompression_bomb_is_stopped_at_the_limit_in_bounded_memory(pack: Any) -> None:
    bomb = pack(b" " * 300_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(FeedTooLargeError):
            contents(bomb)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_i19_zstd_data_with_a_window_larger_than_the_rfc_allows_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    wide = compressor.compress(GOOD) + compressor.flush()
    assert zstandard.get_frame_parameters(wide).window_size > MAX_ZSTD_WINDOW
    with pytest.raises(MalformedFeedError, match="unsupported zstd"):
        contents(wide)


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "deflate", "x" * 999])
def test_i02_other_content_codings_are_refused(coding: str) -> None:
    with pytest.raises(UnknownCodingError) as caught:
        contents(GOOD, content_encoding=coding)
    assert len(str(caught.value)) < 100


def test_i02_each_file_of_a_form_is_a_feed_of_its_own_format() -> None:
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


def test_i02_a_form_with_one_file_has_the_digest_of_that_file() -> None:
    upload, _ = form_contents(("näme \\\\ 1.json", "", GOOD))
    assert upload.sha256 == hashlib.sha256(GOOD).hexdigest()
    assert upload.file == upload.sources[0].file == "näme \\ 1.json"


def test_the_digest_of_several_files_covers_their_names_and_boundaries() -> None:
    forms = [
        form_contents(("a", "", b"[]"), ("b", "", b"[] ")),
        form_contents(("a", "", b"[] "), ("b", "", b"[]")),
        form_contents(("a", "", b"[]"), ("c", "", b"[] ")),
        form_contents(("b", "", b"[] "), ("a", "", b"[]")),
    ]
    assert len({upload.sha256 for upload, _ in forms}) == len(forms)
    assert forms[0][0].sha256 == form_contents(("a", "", b"[]"), ("b", "", b"[] "))[0].sha256


def test_i02_a_form_may_be_compressed_as_a_whole() -> None:
    body = gzip.compress(form(("a.json", "", GOOD)))
    assert contents(body, content_type=FORM, content_encoding="gzip")[1] == [GOOD]


def test_i02_an_unsupported_file_refuses_the_form_and_a_malformed_one_only_itself() -> None:
    with pytest.raises(UnsupportedFeedError):
        form_contents(("a.json", "", GOOD), ("b.png", "image/png", b"PNG"))
    body = form(("a.json", "", GOOD), ("b", "", b"#"), ("c", "", b""))
    with open_upload(io.BytesIO(body), LIMIT, content_type=FORM) as upload:
        assert [each.file for each in read_all(upload.sources)] == ["a.json", "b", "c"]
    with pytest.raises(MalformedFeedError):
        form_contents(("b", "", b"#"))


FIELD = b'--xyz\r\nContent-Disposition: form-data; name="mode"\r\n\r\natomic\r\n--xyz--\r\n'


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"", FORM, "truncated"),
        (b"hello", FORM, "not multipart/form-data"),
        (form(("a", "", GOOD), end=b""), FORM, "truncated"),
        (form(("a", "", GOOD))[:80], FORM, "truncated"),
        (b"--xyz--\r\n", FORM, ""),
        (form(("", "", b"")), FORM, "the form has no file"),
        (form(("", "", b"x")), FORM, "a file in the form has no name"),
        (FIELD, FORM, "the form field 'mode' is not a file"),
        (form(("a", "", GOOD)), "multipart/form-data", "has no boundary"),
        (form(("a", "", GOOD)), "multipart/form-data; boundary=" + "x" * 500, "not multipart"),
        (
            form(*[("a", "", b"[]")] * (MAX_FILES + 1)),
            FORM,
            f"the form has more than {MAX_FILES} files",
        ),
        (
            form(("a", "text/plain\r\nContent-Transfer-Encoding: base64", GOOD)),
            FORM,
            "has a Content-Transfer-Encoding",
        ),
        (form(("a", "x" * 99_999, GOOD)), FORM, "Maximum header size"),
    ],
)
def test_i03_a_broken_form_is_malformed_and_the_reason_is_given(
    body: bytes, content_type: str, reason: str
) -> None:
    with pytest.raises(MalformedFeedError) as caught:
        contents(body, content_type=content_type)
    assert reason in caught.value.reason
    assert len(caught.value.reason) < 200


def test_i03_the_limit_bounds_the_decompressed_bytes_of_all_files_together() -> None:
    body = form(*((f"{n}", "", gzip.compress(b"[" + b" " * 400 + b"]")) for n in range(3)))
    assert len(contents(body, limit=1_300, content_type=FORM)[1]) == 3
    with pytest.raises(FeedTooLargeError):
        contents(body, limit=1_100, content_type=FORM)


def test_i22_long_file_names_are_shortened() -> None:
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
def test_only_declared_exceptions_are_raised_whatever_the_body(
    body: bytes, kind: str, coding: str
) -> None:
    try:
        with open_upload(io.BytesIO(body), 10**6, content_type=kind, content_encoding=coding) as up:
            list(read_all(up.sources))
    except (MalformedFeedError, UnsupportedFeedError):
        pass


def test_i02_a_form_is_loaded_over_http(site: Site) -> None:
    body = form(("a.json", "", GOOD), ("b.rss", "application/rss+xml", RSS))
    answer = site.load(body, **{"Content-Type": FORM})
    assert answer.status_code == 200, answer.text
    assert [each["slug"] for each in answer.json()["results"]] == ["a-story", "another"]
    assert site.get("/news/another.md").text.endswith("\n\nText.\n")


def test_i03_a_broken_form_is_400_and_another_multipart_type_415(site: Site) -> None:
    assert site.load(b"hello", **{"Content-Type": FORM}).status_code == 400
    refused = site.load(b"hello", **{"Content-Type": "multipart/mixed; boundary=xyz"})
    assert refused.status_code == 415
    assert "multipart/form-data" in refused.headers["accept"]
    assert "application/rss+xml" in refused.headers["accept"]


def test_i02_a_chunked_zstd_body_is_loaded(site: Site) -> None:
    compressed = zstd(RSS)
    chunks = (compressed[at : at + 10] for at in range(0, len(compressed), 10))
    headers = {**site.authorized, "Content-Encoding": "zstd", "Content-Type": "text/xml"}
    answer = site.client.post("/admin/loads", content=chunks, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["load"]["size"] == len(RSS)


def test_i19_a_large_body_is_written_to_disk_by_worker_threads_and_not_kept_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk_writers = []

    class Recording(SpooledTemporaryFile[bytes]):
        def write(self, data: Any) -> int:
            written = super().write(data)
            if self._rolled:  # type: ignore[attr-defined] # of the standard library
                disk_writers.append(threading.get_ident())
            return written

    chunk, count = b"x" * 50_000, 600

    async def receive_chunks() -> int:
        chunks = iter(range(count))

        async def next_message() -> dict[str, Any]:
            more = next(chunks) < count - 1
            return {"type": "http.request", "body": chunk, "more_body": more}

        request = Request({"type": "http", "method": "POST", "headers": []}, next_message)
        with await receive(request, count * len(chunk)) as body:
            return body.seek(0, 2)

    monkeypatch.setattr("app.web.uploads.request_body.SpooledTemporaryFile", Recording)
    tracemalloc.start()
    try:
        size = asyncio.run(receive_chunks())
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()
    assert size == count * len(chunk)
    assert disk_writers
    assert threading.get_ident() not in disk_writers
    assert len(disk_writers) <= size // 500_000
