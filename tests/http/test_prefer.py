"""Prefer (RFC 7240): lists over several lines, values, quoted strings, parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.prefer import parse_prefer

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True)
PREFERENCES = st.dictionaries(NAMES, st.text(st.characters(min_codepoint=32, max_codepoint=126)))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], {}),
        ([""], {}),
        (["respond-async"], {"respond-async": ""}),
        (["Respond-Async"], {"respond-async": ""}),
        (["respond-async, wait=10"], {"respond-async": "", "wait": "10"}),
        (["wait=10", "respond-async"], {"wait": "10", "respond-async": ""}),
        (["respond-async;q=1 ; x"], {"respond-async": ""}),
        (['foo="respond-async"'], {"foo": "respond-async"}),
        (['foo="a, respond-async", bar'], {"foo": "a, respond-async", "bar": ""}),
        ([r'foo = "a\"b\\c"; x="y,z"'], {"foo": 'a"b\\c'}),
        (['foo=""'], {"foo": ""}),
        (["wait=1, wait=2", "WAIT=3"], {"wait": "1"}),
        (["respond-async-not, x-respond-async"], {"respond-async-not": "", "x-respond-async": ""}),
        ([",, respond-async ,"], {"respond-async": ""}),
        (["respond async, =1, a b=2, wait=, x=1 2"], {}),
        (['foo="unclosed, respond-async'], {}),
    ],
)  # fmt: skip
def test_i19_preferences_are_read_as_rfc_7240_defines_them(
    lines: list[str], expected: dict[str, str]
) -> None:
    assert parse_prefer(lines) == expected


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@given(PREFERENCES, st.data())
def test_any_preferences_are_read_back_however_they_are_split_over_lines(
    preferences: dict[str, str], data: st.DataObject
) -> None:
    lines = [""]
    for name, value in preferences.items():
        parameter = data.draw(st.sampled_from(["", ";", "; p", ';p="x, y"']))
        member = f"{data.draw(st.sampled_from([name, name.upper()]))}={quoted(value)}{parameter}"
        if data.draw(st.booleans()):
            lines.append(member)
        else:
            lines[-1] += f" , {member}"
    assert parse_prefer(lines) == preferences


@given(st.lists(st.text(st.sampled_from('aB=;,"\\ \t\xff\n')) | st.text(), max_size=3))
def test_no_prefer_header_raises(lines: list[str]) -> None:
    assert all(name == name.lower() for name in parse_prefer(lines))
