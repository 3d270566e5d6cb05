"""What is asked of a site, what came of it, and what came of all of it."""

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

    Questions with one `key` share what a cache has kept; `cold` is the first of them. Without a key
    the URL is as readers have it. `condition` is sent as If-None-Match; it is `foreign` where it
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
        """Return the path that is asked, for the article `slug`."""
        return article_path(slug, self.form if self.at_twin else HTML)

    @property
    def fields(self) -> Mapping[str, str]:
        """The header fields that it is asked with. A twin is asked as a browser asks."""
        wanted = HTML if self.at_twin else self.form
        fields = {"Accept": f"{wanted.media_type}, */*;q=0.1", "Accept-Encoding": self.coding}
        return fields | ({"If-None-Match": self.condition} if self.condition else {})

    def __str__(self) -> str:
        """Say in words what is asked."""
        twin = f"the twin {self.form.suffix}"
        where = twin if self.at_twin else f"the bare URL for {self.form.media_type}"
        return f"{self.method} of {where}{'' if self.coding == IDENTITY else f' in {self.coding}'}"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question about the article `slug`, and its answer.

    Names of `fields` are in lower case, several lines are joined, and `body` is as it came: nothing
    is decoded.
    """

    slug: str
    question: Probe
    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type that the answer claims, without parameters; "" where it claims none."""
        return self.fields.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def codings(self) -> tuple[str, ...]:
        """The codings that the answer claims, in the order in which they were applied."""
        return tuple(name.lower() for name in split_list(self.fields.get("content-encoding", "")))

    @property
    def etag(self) -> str:
        """The answer's ETag as it stands, "" where there is none."""
        return self.fields.get("etag", "")

    @property
    def is_sound(self) -> bool:
        """Whether it is the representation that was asked for: only then its fields are judged."""
        due = self.question.form.media_type
        return self.status == HTTPStatus.OK and self.media_type == due

    def __str__(self) -> str:
        """Say in words what was asked."""
        return str(self.question)


Judge = Callable[[Sequence[Exchange]], Iterable[str]]
"""From all exchanges to what is wrong in them, a clause each."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that may go wrong. `advice` says what it means, and what to do about it."""

    name: str
    judge: Judge
    advice: str


def split_list(field: str) -> tuple[str, ...]:
    """Return the members of a field that is a list."""
    return tuple(filter(None, (member.strip() for member in field.split(","))))
