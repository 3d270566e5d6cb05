"""`slugline check`: whether what stands in front of a site leaves its answers as they are."""

import secrets
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlsplit

import httpx2
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from app.article.record import is_slug
from app.cli.errors import errors, fail
from app.deployment_check import Finding, is_slugline, judge
from app.deployment_check.exchanges import Exchange, Probe
from app.deployment_check.probes import PARAMETER, follow_ups, openings
from app.representations.article import BY_SUFFIX, article_path
from app.text import excerpt

_TIMEOUT: Final = httpx2.Timeout(10)
_LARGEST: Final = 64 << 20
_PREFIX: Final = article_path("")


def check(
    url: Annotated[str, typer.Argument(help="An article, where its readers reach it.")],
) -> None:
    """Ask a site for an article in every way. Fails if anything in front changes the answers."""
    origin, slug = _article(url)
    agent = {"User-Agent": "slugline-check"}
    try:
        with httpx2.Client(base_url=origin, timeout=_TIMEOUT, headers=agent) as client:
            exchanges = tuple(_exchanges(client, slug))
    except httpx2.InvalidURL as error:
        fail(f"{excerpt(origin)} is no URL: {error}")
    except httpx2.HTTPError as error:
        fail(f"{origin} does not answer: {str(error) or type(error).__name__}")
    findings = judge(exchanges)
    _print(findings)
    wrong = sum(1 for finding in findings if finding.wrong)
    if wrong:
        fail(f"{wrong} of {len(findings)} checks found something wrong in {len(exchanges)} answers")
    typer.echo("Nothing in front of the site changes its answers.")


def _article(url: str) -> tuple[str, str]:
    """Return the origin and the slug of the article at `url`, which may be that of a twin."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
    except ValueError as error:
        fail(f"{excerpt(url)} is no URL: {error}")
    slug = parts.path.removeprefix(_PREFIX)
    for suffix in BY_SUFFIX:
        slug = slug.removesuffix(suffix)
    if not parts.path.startswith(_PREFIX) or not is_slug(slug):
        fail(f"{excerpt(url)} is not the address of an article: {article_path('<slug>')}")
    if parts.query:
        fail("the address of an article has no query; this command adds one of its own")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", slug


def _exchanges(client: httpx2.Client, slug: str) -> Iterator[Exchange]:
    """Yield every question and its answer. Ends where the first is not that of a Slugline."""
    questions = tuple(openings(lambda: secrets.token_hex(8)))
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        for question in bar.track(questions, description="Asking"):
            answer = _ask(client, slug, question)
            if question is questions[0]:
                _meet(answer)
            yield answer
            for further in follow_ups(answer):
                yield _ask(client, slug, further)


def _ask(client: httpx2.Client, slug: str, question: Probe) -> Exchange:
    query = f"?{PARAMETER}={question.key}" if question.key else ""
    path, fields, body = question.path(slug), dict(question.fields), bytearray()
    with client.stream(question.method, path + query, headers=fields) as answer:
        for chunk in answer.iter_raw():  # as it comes: nothing is decoded
            body += chunk
            if len(body) > _LARGEST:
                fail(f"{path} has no end after {_LARGEST:,} bytes")
    return Exchange(slug, question, answer.status_code, dict(answer.headers), bytes(body))


def _meet(answer: Exchange) -> None:
    """Fail where there is nothing to check."""
    where = excerpt(answer.question.path(answer.slug))
    if location := answer.fields.get("location"):
        fail(f"{where} leads to {location[:200]!r}: check that")
    if answer.status != HTTPStatus.OK:
        fail(f"{where} answers {answer.status}: there is no article to check with")
    if not is_slugline(answer):
        fail(f"{where} answers, and not as Slugline does")


def _print(findings: Sequence[Finding]) -> None:
    table = Table("Check", "Finding", show_lines=any(finding.wrong for finding in findings))
    for finding in findings:
        said = Text(finding.wrong, "red") if finding.wrong else Text("ok", "green")
        table.add_row(finding.check, said)
    Console().print(table)
