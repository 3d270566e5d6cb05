"""Accept headers of browsers and libraries, and the contract's table of what each is answered."""

HTML = "text/html"

MARKDOWN = "text/markdown"

TEXT = "text/plain"

JSON = "application/json"

JSON_LD = "application/ld+json"

OFFERS = (HTML, MARKDOWN, TEXT, JSON, JSON_LD)

CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;"
    "q=0.8,application/signed-exchange;v=b3;q=0.7"
)

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"

EXPANDED = 'application/ld+json;profile="http://www.w3.org/ns/json-ld#expanded", text/html;q=0.5'

ACTIVITY = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'

NEGOTIATION_TABLE: list[tuple[str | None, str | None]] = [
    (None, HTML),
    ("", HTML),
    ("*/*", HTML),
    ("text/*", HTML),
    ("text/html, */*", HTML),
    (CHROME, HTML),
    (FIREFOX, HTML),
    (JAVA, HTML),
    (";;;,,/", HTML),
    ("text/markdown, text/html, */*", MARKDOWN),
    ("text/markdown, text/plain;q=0.9, */*;q=0.8", MARKDOWN),
    ("text/html;q=0.9, text/markdown", MARKDOWN),
    ("TEXT/MARKDOWN", MARKDOWN),
    ("text/markdown;charset=utf-8", MARKDOWN),
    ("text/markdown;variant=GFM", MARKDOWN),
    ("text/html, text/markdown", HTML),
    ("text/markdown;q=abc, text/html", HTML),
    ("application/pdf, */*;q=0.1", HTML),
    ("application/json, text/plain, */*", JSON),
    ("application/*", JSON),
    (EXPANDED, JSON_LD),
    (ACTIVITY, JSON_LD),
    ("text/html;q=0, */*", MARKDOWN),
    ("text/*;q=0.9, text/html;q=0.2, */*;q=0.1", MARKDOWN),
    ("text/html;q=0.1, text/markdown", MARKDOWN),
    ("application/pdf", None),
    ("*/*;q=0", None),
]
