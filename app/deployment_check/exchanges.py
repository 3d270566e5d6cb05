"""Probes sent to a site, exchanges with it, and checks of these."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal

from app.http.content_coding import IDENTITY
from app.representations.article import FORMATS, ArticleFormat, article_path

HTML: Final = FORMATS[0]


@dataclass(frozen=True, slots=True)
class Probe:
    """One request for an article: at its bare URL, or `at_twin`, for the representation `form`.

    Probes with the same `key` share a cache entry; `cold` marks the first of them. Without a key
    the URL is the one readers use. `condition` is sent as If-None-Match; it is `foreign` if it
    is the ETag of another representation.
    """

    form: ArticleFormat
    at_twin: bool = False
    key: str = ""
    coding: str = IDENTITY
    cold: bool = False
    method: Literal["GET", "HEAD"] = "GET"
    condition: str = ""
    foreign: bool = False

    def path(self, slug: str) -> str:
        """Return the requested path for the article `slug`."""
        return article_path(slug, self.form if self.at_twin else HTML)

    @property
    def fields(self) -> Mapping[str, str]:
        """The request headers. A twin is requested as a browser does."""
        wanted = HTML if self.at_twin else self.form
        fields = {"Accept": f"{wanted.media_type}, */*;q=0.1", "Accept-Encoding": self.coding}
        return fields | ({"If-None-Match": self.condition} if self.condition else {})

    def __str__(self) -> str:
        """Describe the probe."""
        twin = f"the twin {self.form.suffix}"
        where = twin if self.at_twin else f"the bare URL for {self.form.media_type}"
        return f"{self.method} of {where}{'' if self.coding == IDENTITY else f' in {self.coding}'}"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A probe for the article `slug`, and the response to it.

    Names in `fields` are lower-case, repeated headers are joined, and `body` is not decoded.
    """

    slug: str
    question: Probe
    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type of the response, without parameters; "" if it has none."""
        return self.fields.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def codings(self) -> tuple[str, ...]:
        """The response's content codings, in the order in which they were applied."""
        return tuple(name.lower() for name in split_list(self.fields.get("content-encoding", "")))

    @property
    def etag(self) -> str:
        """The answer's ETag as it stands, "" where there is none."""
        return self.fields.get("etag", "")

    @property
    def is_sound(self) -> bool:
        """Whether it is the requested representation; only then are its headers judged."""
        due = self.question.form.media_type
        return self.status == HTTPStatus.OK and self.media_type == due

    def __str__(self) -> str:
        """Describe the probe."""
        return str(self.question)


Judge = Callable[[Sequence[Exchange]], Iterable[str]]
"""Returns what is wrong in the exchanges, one clause per fault."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `advice` explains what a fault means and how to fix it."""

    name: str
    judge: Judge
    advice: str


def split_list(field: str) -> tuple[str, ...]:
    """Return the members of a comma-separated header."""
    return tuple(filter(None, (member.strip() for member in field.split(","))))
