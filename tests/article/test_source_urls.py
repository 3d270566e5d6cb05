"""Source URLs, I-11: which are valid, and which identify the same story."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.article.source_urls import (
    MAX_URL_BYTES,
    canonical_key,
    check_source_url,
    is_tracking_parameter,
)
from tests.support.site import DEPTH
from tests.support.strategies import SIGNS, WEB_ADDRESSES


@pytest.mark.parametrize(
    ("url", "key"),
    [
        # lower-case scheme and host, the rest unchanged
        ("https://example.com/a", "https://example.com/a"),
        ("HTTPS://EXAMPLE.com/A/b", "https://example.com/A/b"),
        ("HtTp://ExAmPlE.CoM/A?B=C", "http://example.com/A?B=C"),
        ("https://User:Pass@EXAMPLE.com/", "https://User:Pass@example.com"),
        ("https://a@b@EXAMPLE.com/", "https://a@b@example.com"),
        ("https://ПРИМЕР.рф/Путь", "https://пример.рф/Путь"),
        ("https://[2001:DB8::1]/x", "https://[2001:db8::1]/x"),
        ("https://example.com./x", "https://example.com./x"),
        ("https://example.com/%2Fa%2fB", "https://example.com/%2Fa%2fB"),
        # no default port
        ("https://example.com:443/a", "https://example.com/a"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("https://example.com:/a", "https://example.com/a"),
        ("https://example.com:0443/a", "https://example.com/a"),
        ("https://[::1]:443", "https://[::1]"),
        # ... and every other one
        ("https://example.com:80/a", "https://example.com:80/a"),
        ("http://example.com:443/a", "http://example.com:443/a"),
        ("https://example.com:8443/a", "https://example.com:8443/a"),
        ("https://u:443@example.com:08443/", "https://u:443@example.com:8443"),
        # no fragment
        ("https://example.com/a#part", "https://example.com/a"),
        ("https://example.com/a?b=1#c?d=2", "https://example.com/a?b=1"),
        ("https://example.com#/a/b", "https://example.com"),
        ("https://example.com/#", "https://example.com"),
        # no tracking parameters, in whatever case, with or without a value
        ("https://example.com/a?utm_source=x", "https://example.com/a"),
        ("https://example.com/a?utm_source=x&utm_medium=y&utm_whatever", "https://example.com/a"),
        ("https://example.com/a?id=1&utm_source=x&b=2", "https://example.com/a?b=2&id=1"),
        ("https://example.com/a?fbclid=x&gclid=y", "https://example.com/a"),
        ("https://example.com/a?mc_cid=x&mc_eid=y&igshid=z", "https://example.com/a"),
        ("https://example.com/a?UTM_Source=x&FBCLID=y&Gclid", "https://example.com/a"),
        # ... and nothing that only looks like one
        ("https://example.com/?utm=1", "https://example.com?utm=1"),
        ("https://example.com/?my_utm_source=1", "https://example.com?my_utm_source=1"),
        ("https://example.com/?fbclid2=1&xgclid=2", "https://example.com?fbclid2=1&xgclid=2"),
        ("https://example.com/?id=utm_source", "https://example.com?id=utm_source"),
        ("https://example.com/utm_source=x", "https://example.com/utm_source=x"),
        # the query sorted
        ("https://example.com/a?b=2&a=1", "https://example.com/a?a=1&b=2"),
        ("https://example.com/a?b=2&a=2&a=1&b=1", "https://example.com/a?a=1&a=2&b=1&b=2"),
        ("https://example.com/a?a=1&a=1", "https://example.com/a?a=1&a=1"),
        ("https://example.com/a?b&a=&c==", "https://example.com/a?a=&b&c=="),
        ("https://example.com/a?&&b=1&", "https://example.com/a?b=1"),
        ("https://example.com/a?", "https://example.com/a"),
        ("https://example.com/a?&", "https://example.com/a"),
        ("https://example.com/a?b=1?c=2", "https://example.com/a?b=1?c=2"),
        # trailing slashes trimmed
        ("https://example.com/", "https://example.com"),
        ("https://example.com", "https://example.com"),
        ("https://example.com/a/", "https://example.com/a"),
        ("https://example.com/a//", "https://example.com/a"),
        ("https://example.com//a/", "https://example.com//a"),
        ("https://example.com/a/?b=1", "https://example.com/a?b=1"),
        ("https://example.com/?b=/", "https://example.com?b=/"),
        # all of it
        (
            "HTTPS://WWW.Example.COM:443/Story/?utm_source=rss&id=7&a=1&gclid=x#comments",
            "https://www.example.com/Story?a=1&id=7",
        ),
    ],
)
def test_i11_the_canonical_key_is_the_normalised_url(url: str, key: str) -> None:
    assert canonical_key(check_source_url(url)) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://example.com/a", "https://example.com/a"),
        ("https://example.com/a", "https://www.example.com/a"),
        ("https://example.com/a", "https://example.com/A"),
        ("https://example.com/a", "https://example.com/a?b=1"),
        ("https://example.com/a?b=1", "https://example.com/a?b=2"),
        ("https://example.com/a?b=x", "https://example.com/a?b=X"),
        ("https://example.com/a", "https://example.com:444/a"),
        ("https://example.com/a", "https://user@example.com/a"),
    ],
)
def test_i11_different_urls_have_different_keys(one: str, other: str) -> None:
    assert canonical_key(one) != canonical_key(other)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://example.com/",
        "HTTPS://Example.com/",  # RFC 3986 section 3.1: schemes are case-insensitive
        "https://localhost:8000/a",
        "https://192.0.2.1/",
        "https://[2001:db8::1]:8443/a",
        "https://user:pass@example.com/",
        "https://example.com:1/",
        "https://example.com:65535/",
        "https://пример.рф/путь?ключ=значение",
        "https://xn--e1afmkfd.xn--p1ai/",
        "https://example.com/'(),;!$*[]~",
        "https://example.com/خانه\u200cها",  # contains a zero-width non-joiner
        "https://example.com/👩\u200d🚀",
        "https://example.com/%00%0D%0A",
        "https://example.com/" + "a" * (MAX_URL_BYTES - 20),
    ],
)
def test_an_absolute_http_url_is_valid(url: str) -> None:
    assert check_source_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        # not absolute URLs
        "", "/", "/a", "a", "a/b", "example.com", "www.example.com/a", "//example.com/a", "?a=1",
        "#a",
        "https:", "https:/", "https://", "https:///a", "https:example.com", "https:/example.com/a",
        "https://?a", "https://#a", "https://:80/", "https://user@/", "https://user:pass@:80/",
        # of another scheme
        "javascript:alert(1)", "JavaScript://example.com/%0Aalert(1)", "data:text/html,x",
        "ftp://a/",
        "file:///etc/passwd", "mailto:a@example.com", "blob:https://a/b", "view-source:https://a/",
        "feed:https://a/", "ws://a/", "urn:x:y", "://example.com", "htps://example.com",
        "1https://a/",
        # with an invalid port
        "https://example.com:0/", "https://example.com:65536/", "https://example.com:abc/",
        "https://example.com:-1/", "https://example.com:80:80/", "https://example.com:+80/",
        "https://example.com:٨٠/", "https://example.com:99999999999999999999/",
        # with an invalid host
        "https://[::1/", "https://::1]/", "https://[x]/", "https://[::1]x/", "https://[]/",
        "https://x[::1]/", "https://[::1]x:80/",
        "https://a]b/", "https://exa℀mple.com/", "https://a\uff0fb/",
        # with characters that must be encoded
        "https://example.com/a b", " https://example.com/", "https://example.com/ ", "https://a b/",
        "https://example.com/\r\nSet-Cookie: a=b", "https://exam\nple.com/",
        "https://example.com/a\tb",
        "https://example.com/\0", "https://example.com/\x7f", "https://example.com/\x85",
        "https://example.com/\xa0", 'https://example.com/"x', "https://example.com/<x>",
        "https://example.com\\@evil.example/", "https://example.com/`", "https://example.com/{x}",
        "https://example.com/a|b", "https://example.com/a^b", "https://example.com/\u2028",
        # with characters that are invisible or not allowed in XML
        "https://example.com/\u202egnp.exe", "https://example.com/\u2066",
        "https://exa\u200bmple.com/",
        "https://example.com/\u200e", "https://example.com/\ufeff", "https://example.com/\u2060",
        "https://example.com/\ufffe", "https://example.com/\ufdd0", "https://example.com/\ufffd",
        "https://example.com/\U0001fffe", "https://example.com/\U0010ffff",
        "https://example.com/\U000e0041",
        # too long
        "https://example.com/" + "a" * (MAX_URL_BYTES - 19),
        "https://example.com/" + "é" * MAX_URL_BYTES,
    ],
)  # fmt: skip
def test_an_invalid_source_url_is_rejected(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check_source_url(url)
    assert len(str(caught.value)) < 500


def test_i22_the_message_names_the_character_that_must_be_encoded() -> None:
    with pytest.raises(ValueError, match=r"^U\+0020 at character 21 must be percent-encoded$"):
        check_source_url("https://example.com/a b")


@pytest.mark.parametrize(
    ("pair", "tracks"),
    [
        ("utm_source=rss", True), ("utm_", True), ("UTM_CAMPAIGN=x", True), ("fbclid=1", True),
        ("gclid", True), ("mc_cid=1", True), ("mc_eid=1", True), ("IGSHID=1", True),
        ("utm=1", False), ("id=utm_source", False), ("", False), ("=utm_source", False),
        ("xfbclid=1", False), ("fbclidx=1", False), ("ref=rss", False),
    ],
)  # fmt: skip
def test_i11_a_tracking_parameter_is_recognised_by_its_name(pair: str, *, tracks: bool) -> None:
    assert is_tracking_parameter(pair) is tracks


def is_valid(url: str) -> bool:
    try:
        check_source_url(url)
    except ValueError:
        return False
    return True


# Built from significant pieces, so that many are valid URLs, and from any text.
PIECES = st.sampled_from(
    ["", "a", "B", "É", "İ", "Σ", "ß", "%41", "%zz", ".", "..", "/", "//", "?", "&", "=", "#", ":",
     "@", ":80", ":443", ":8080", "[::1]", "[v1.A:b]", "[fe80::1%25En0]", "utm_a=b", "&FBCLID",
     ";", "+", "'", "\u200d", "٣", "中"]
)  # fmt: skip
ADDRESSES = WEB_ADDRESSES | st.builds(
    "{}://{}{}".format,
    st.sampled_from(["http", "https", "HTTP", "ftp"]),
    st.lists(PIECES, max_size=4).map("".join),
    st.lists(PIECES, max_size=6).map("".join) | st.text(SIGNS, max_size=12),
)


@settings(max_examples=80 * DEPTH)
@given(ADDRESSES)
@example("http://[v1.A]/")
@example("https://a/;?;")
def test_i11_every_url_has_a_key_which_is_its_own_key(url: str) -> None:
    if is_valid(url):
        key = canonical_key(url)
        assert canonical_key(key) == key
        assert "#" not in key
        assert "?" in key or not key.endswith("/")
        assert key.startswith(("http://", "https://"))
        assert key.startswith("https") is url.lower().startswith("https")


@given(ADDRESSES.filter(is_valid), st.permutations(["utm_source=x", "fbclid=1", "Gclid"]))
def test_i11_tracking_parameters_and_fragments_do_not_change_the_key(
    url: str, extra: list[str]
) -> None:
    plain, _, _ = url.partition("#")
    tracked = plain + ("&" if "?" in plain else "?") + "&".join(extra) + "#part"
    assert canonical_key(tracked) == canonical_key(url)
