"""Bodies that would run something in a browser, were they not sanitised, and how to show them."""

import json
from typing import Any

from app.records import Record, parse_record
from app.representations import FORMATS, Site, links_of
from conftest import SEED, SEED_SITE

SITE = Site(SEED_SITE, "Slugline")
SEEDED: dict[str, Any] = json.loads(SEED.read_text())
BY_NAME = {form.name: form for form in FORMATS}

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "<a href='jav&#x09;ascript:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "![x](javascript:alert(1))",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=x></object><embed src=x>",
    "<form action=x><button formaction=javascript:alert(1)>x</button></form>",
    "<base href=//evil.example><meta http-equiv=refresh content=0>",
    "<style>*{display:none}</style><link rel=stylesheet href=x>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<a href=https://x.example target=_blank onclick=alert(1)>x</a>",
    '<img src="x` `<script>alert(1)</script>"` `>',
    "<table><td background=javascript:alert(1)>x",
    '[x](https://x.example "onmouseover=alert(1) \\" onmouseover=alert(1)")',
]


def story(**fields: object) -> Record:
    """Return the seed with other fields."""
    return parse_record({**SEEDED, **fields})


def shown(record: Record, name: str) -> str:
    """Return `record` in the format of that name."""
    return BY_NAME[name].represent(record, links_of(record, SITE)).decode()
