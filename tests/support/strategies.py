"""Records for property tests: any that the door would let in, as decoded JSON."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from app.article.record import ENTITY_LENGTH, is_slug
from app.article.timestamps import format_instant
from app.text import check_single_line

Strings = st.SearchStrategy[str]


def _is_line(text: str) -> bool:
    try:
        check_single_line(text)
    except ValueError:
        return False
    return True


# All that can be said in UTF-8. Asked for by that name, each process would try to encode every sign
# that there is, which takes a second.
SIGNS = st.characters(exclude_categories=["Cs"])

SLUGS = st.from_regex(
    r"[a-z0-9-]{1,20}(?:\.[a-z0-9-]{1,10})?", fullmatch=True, alphabet=SIGNS
).filter(is_slug)

# Everything but NUL and lone surrogates, which the door refuses.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80)
# Words, quotation marks and what means something to YAML, Markdown and HTML.
TRICKY = st.text(
    st.sampled_from("aZ09 \t-_*#`[](){}<>&\"'’“”:;|!?~@%\\/=+,.é中🙂\u200d\u00ad"), max_size=60
)
LINES = (TEXT | TRICKY).filter(_is_line)
ENTITIES = LINES.filter(lambda s: len(s) <= ENTITY_LENGTH)

INSTANTS = st.datetimes(
    # Off either end by two days, so that every one of them is an instant in any zone.
    min_value=datetime.min + timedelta(days=2),  # noqa: DTZ901 - the zone comes with `timezones`
    max_value=datetime.max - timedelta(days=2),  # noqa: DTZ901
    timezones=st.timezones(),
    allow_imaginary=False,
).map(lambda instant: instant.replace(fold=0))

# Headlines as they are written, and as they break formats.
TITLES = LINES | st.sampled_from(
    [
        'He said: "no" — it\'s #1',
        "It’s “quoted”, isn't it?",
        "- a dash, then: a colon",
        "# not a heading",
        "</script><script>alert(1)</script>",
        "5 < 6 && 7 > 2 &amp; *so* `on` [it](goes)",
        "true",
        "2026-07-01",
        "null",
        "~",
        "---",
        "[a, b]: {c: d}",
        "%TAG ! tag:example.org",
        "  spaces   all\taround  ",
        "中文標題：一個冒號",
        "נבחר \u202eevil\u202c ראש ממשלה",
        "👨\u200d👩\u200d👧 and a \u200bzero width",
    ]
)

LANGUAGES = st.sampled_from(["en", "zh-Hant-TW", "pt-BR", "es-419", "de-CH-1996", "x-own", "he"])
WEB_ADDRESSES = st.builds(
    "{}://{}/{}{}".format,
    st.sampled_from(["http", "https", "HTTPS"]),
    st.sampled_from(
        ["example.com", "EXAMPLE.com:443", "user@example.org", "[::1]:80", "пример.рф"]
    ),
    st.sampled_from(["", "a/", "Story.html", "%D0%BF/é", "a'(b)*"]),
    st.sampled_from(["", "?b=2&a=1", "?utm_source=x&id=3", "?q='%22", "#part"]),
)

# What stands in a line of Markdown: words, and every kind of mark-up.
_WORDS = st.sampled_from(
    ["plain words", "Größe 5 < 6", "a & b", "*em*", "**strong**", "~~gone~~", "`code <b>`",
     "[a link](https://example.org/a?b=1&c=2)", "[glued](https://example.org)next",
     "[relative](/there)", "[bad](javascript:alert(1))", "![picture](https://example.org/p.png)",
     "<https://example.org/auto>", "<b>bold</b>", "<span hidden>unseen</span>", "<!-- aside -->",
     "<br>", "\\*escaped\\*", "&copy; &lt;b&gt;", "中文，標點。", "👩\u200d🚀", "zero\u200bwidth",
     "note[^1]", "$5.00", "1. not a list", "snake_case_name"]
)  # fmt: skip
INLINE = st.lists(_WORDS | TRICKY.map(lambda s: s.replace("\n", " ")), max_size=4).map(" ".join)
_RAW_HTML = st.sampled_from(
    ["<div class='hidden md:block'>\n\nboxed\n\n</div>", "<script>\nalert(1)\n</script>",
     "<table><tr><td>raw<td>cell</table>", "<h1>raw heading</h1>", "<div hidden>\nunseen\n</div>",
     "<!-- a comment\n\nof two paragraphs -->", "<p title='<h1>'>attribute</p>", "<b>never closed",
     "</div>", "<iframe srcdoc='<p>x'></iframe>", "<details><summary>s</summary>\n\nd\n</details>",
     "<pre>raw\n  code</pre>", "<svg onload=alert(1)><text>x</text></svg>", "<p", "<p style='"]
)  # fmt: skip


def _blocks(inner: Strings) -> Strings:
    """Return a strategy of blocks that hold `inner`."""
    lists = st.lists(inner, min_size=1, max_size=3)
    return (
        st.builds(_indented, st.just("> "), st.just("> "), inner)
        | lists.map(lambda items: "\n".join(_indented("- ", "  ", item) for item in items))
        | lists.map(lambda items: "\n\n".join(_indented("1. ", "   ", item) for item in items))
    )


def _indented(first: str, further: str, text: str) -> str:
    return first + text.replace("\n", "\n" + further)


def _table(header: str, row: str) -> str:
    cells = [cell.replace("|", "\\|") for cell in (header, row)]
    return f"| {cells[0]} | right |\n|---|--:|\n| {cells[1]} | 1 |"


_LEAVES = (
    INLINE
    | st.builds("{} {}".format, st.integers(1, 6).map("#".__mul__), INLINE)
    | st.builds("{}\n{}".format, INLINE.filter(str.strip), st.sampled_from(["===", "---"]))
    | st.builds("```\n{}\n```".format, TRICKY)
    | st.builds(_table, INLINE, INLINE)
    | st.just("---")
    | st.just("[^1]: a note")
    | st.just("- [ ] to do\n- [x] done")
    | _RAW_HTML
)
BLOCKS = st.recursive(_LEAVES, _blocks, max_leaves=4)
BODIES = st.lists(BLOCKS, max_size=6).map("\n\n".join) | TEXT | TRICKY

_NAMES = st.sampled_from(["author", "word_count", "a/b~c", "extra", "claims", "Title", "é", ""])
EXTRAS = st.dictionaries(
    _NAMES,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | TRICKY,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TRICKY, inner, max_size=2),
        max_leaves=4,
    ),
    max_size=2,
)
ALTERNATES = st.dictionaries(st.sampled_from(["html", "amp", "a/b"]), TRICKY, max_size=2)

# What an export says of an article beside its record.
UPKEEPS = st.fixed_dictionaries(
    {},
    optional={"aliases": st.lists(SLUGS, max_size=3, unique=True)},
) | st.fixed_dictionaries(
    {"withdrawn_at": INSTANTS.map(format_instant)},
    optional={"aliases": st.lists(SLUGS, max_size=3, unique=True), "withdrawn_reason": TRICKY},
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Return article records as they come out of a feed: decoded JSON, valid, all kinds of odd."""
    title = draw(TITLES)
    body = draw(BODIES)
    if draw(st.booleans()):
        body = f"# {title}\n\n{body}"
    record: dict[str, Any] = {
        "slug": draw(SLUGS),
        "title": title,
        "body_md": body,
        "published_at": format_instant(draw(INSTANTS)),
        "updated_at": format_instant(draw(INSTANTS)),
        "lang": draw(LANGUAGES),
    }
    optional = {
        "summary": TITLES | TEXT,
        "canonical_source": st.none() | WEB_ADDRESSES,
        "topics": st.lists(SLUGS, max_size=3),
        "entities": st.lists(ENTITIES, max_size=3),
        "url": st.none() | TRICKY,
        "alternates": ALTERNATES,
    }
    for name, values in optional.items():
        if draw(st.booleans()):
            record[name] = draw(values)
    return record | draw(EXTRAS)
