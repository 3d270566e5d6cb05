"""Checks of headers; the expected values come from the code that sends them."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from app.deployment_check.exchanges import Check, Exchange, split_list
from app.representations.article import FORMATS, ArticleFormat, article_path
from app.web.response_headers import Freshness, caching_headers, negotiation_headers, policy_headers

_SAFE: Final = Freshness({HTTPStatus.OK: "max-age"}, vary_is_honoured=False)
_VARY: Final = Freshness({HTTPStatus.OK: "max-age"}, vary_is_honoured=True)


def _expected_caching(exchange: Exchange, freshness: Freshness) -> Mapping[str, str]:
    probe = exchange.question
    return caching_headers(
        HTTPStatus.OK,
        probe.form.media_type,
        freshness,
        negotiated=not probe.at_twin,
        is_authorized=False,
    )


def _sound(exchanges: Sequence[Exchange]) -> Iterator[Exchange]:
    return (each for each in exchanges if each.is_sound)


def _content_type(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _sound(exchanges):
        due, found = each.question.form.content_type, each.fields["content-type"]
        if "".join(found.lower().split()) != "".join(due.split()):
            yield f"{each} says {found!r} instead of {due!r}"


def _vary(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _sound(exchanges):
        found = {name.lower() for name in split_list(each.fields.get("vary", ""))}
        due = split_list(_expected_caching(each, _SAFE)["Vary"])
        missing = [name for name in due if name.lower() not in found]
        if missing and "*" not in found:
            yield f"{each} does not say that it varies with {' and '.join(missing)}"


def _content_location(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _sound(exchanges):
        if each.question.at_twin:
            continue
        (due,) = negotiation_headers(each.slug, each.question.form).values()
        found = each.fields.get("content-location")
        if found is None or urlsplit(found).path != due:
            yield f"{each} says {_quoted(found)}"


def _link(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _sound(exchanges):
        found = each.fields.get("link", "")
        others = (form for form in FORMATS if form is not each.question.form)
        missing = [form.name for form in others if not is_linked(found, each.slug, form)]
        if 'rel="canonical"' not in found:
            missing.append("canonical")
        if missing:
            yield f"{each} does not name {', '.join(missing)}"


def is_linked(link: str, slug: str, form: ArticleFormat) -> bool:
    """Return whether the Link header names the article's representation in `form`."""
    return f'{article_path(slug, form)}>; rel="alternate"; type="{form.media_type}"' in link


def _cache_control(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _sound(exchanges):
        found = each.fields.get("cache-control")
        names = {name.partition("=")[0].lower() for name in split_list(found or "")}
        if not any(
            set(split_list(_expected_caching(each, it)["Cache-Control"])) <= names
            for it in (_SAFE, _VARY)
        ):
            yield f"{each} says {_quoted(found)}"


def _cdn_cache_control(exchanges: Sequence[Exchange]) -> Iterator[str]:
    field = "CDN-Cache-Control"
    for each in _sound(exchanges):
        due, found = _expected_caching(each, _SAFE).get(field), each.fields.get(field.lower())
        shared = "public" in split_list(each.fields.get("cache-control", "").lower())
        if due and not shared and found != due:
            yield f"{each} says {_quoted(found)}"


def _policies(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _sound(exchanges):
        due = policy_headers(each.question.form.media_type)
        missing = [name for name in due if name.lower() not in each.fields]
        if missing:
            yield f"{each} comes without {', '.join(missing)}"


def _quoted(value: str | None) -> str:
    return "nothing" if value is None else repr(value)


CHECKS: Final = (
    Check(
        "Content-Type",
        _content_type,
        "Clients may decode the text with another charset, or not know its type. Pass the header"
        " unchanged.",
    ),
    Check(
        "Vary",
        _vary,
        "Caches and browsers behind it will mix up representations. Pass the header unchanged;"
        " names may be added to it.",
    ),
    Check(
        "Content-Location",
        _content_location,
        "Clients cannot find the address of the representation that they got. Pass the header"
        " unchanged.",
    ),
    Check(
        "Link",
        _link,
        "Agents do not find the other representations, nor search engines the canonical URL. Pass"
        " the header unchanged.",
    ),
    Check(
        "Cache-Control",
        _cache_control,
        "Caches store responses for longer or shorter than the site says, or share private ones:"
        " look for a setting such as a TTL that overrides the origin's, and turn it off.",
    ),
    Check(
        "CDN-Cache-Control",
        _cdn_cache_control,
        "A CDN that obeys only this header may now store what it should not. This is harmless if"
        " the cache that removes it is the only shared one and passes the negotiation checks.",
    ),
    Check(
        "Browser policies",
        _policies,
        "Browsers no longer know the security and sharing policies of the response. Pass these"
        " headers unchanged.",
    ),
)
