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
from app.cli.errors import fail, stderr
from app.deployment_check import Finding, is_slugline, judge
from app.deployment_check.exchanges import Exchange, Probe
from app.deployment_check.probes import PARAMETER, follow_up_probes, initial_probes
from app.representations.article import BY_SUFFIX, article_path
from app.text import excerpt

_TIMEOUT: Final = httpx2.Timeout(10)
_MAX_BODY_BYTES: Final = 64 << 20
_PREFIX: Final = article_path("")


def check(
    url: Annotated[str, typer.Argument(help="An article, where its readers reach it.")],
) -> None:
    """Ask a site for an article in every way. Fails if anything in front changes the answers."""
    origin, slug = _parse_article_url(url)
    agent = {"User-Agent": "slugline-check"}
    try:
        with httpx2.Client(base_url=origin, timeout=_TIMEOUT, headers=agent) as client:
            exchanges = tuple(_run_probes(client, slug))
    except httpx2.InvalidURL as error:
        fail(f"{excerpt(origin)} is no URL: {error}")
    except httpx2.HTTPError as error:
        fail(f"{origin} does not answer: {str(error) or type(error).__name__}")
    findings = judge(exchanges)
    _print_findings(findings)
    wrong = sum(1 for finding in findings if finding.wrong)
    if wrong:
        fail(f"{wrong} of {len(findings)} checks found something wrong in {len(exchanges)} answers")
    typer.echo("The responses arrive as the site sent them.")


def _parse_article_url(url: str) -> tuple[str, str]:
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


def _run_probes(client: httpx2.Client, slug: str) -> Iterator[Exchange]:
    """Yield every question and its answer. Ends where the first is not that of a Slugline."""
    questions = tuple(initial_probes(lambda: secrets.token_hex(8)))
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        for question in bar.track(questions, description="Asking"):
            answer = _send(client, slug, question)
            if question is questions[0]:
                _require_article(answer)
            yield answer
            for further in follow_up_probes(answer):
                yield _send(client, slug, further)


def _send(client: httpx2.Client, slug: str, question: Probe) -> Exchange:
    query = f"?{PARAMETER}={question.key}" if question.key else ""
    path, fields, body = question.path(slug), dict(question.fields), bytearray()
    with client.stream(question.method, path + query, headers=fields) as answer:
        for chunk in answer.iter_raw():  # as it comes: nothing is decoded
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                fail(f"{path} has no end after {_MAX_BODY_BYTES:,} bytes")
    return Exchange(slug, question, answer.status_code, dict(answer.headers), bytes(body))


def _require_article(answer: Exchange) -> None:
    """Fail where there is nothing to check."""
    where = excerpt(answer.question.path(answer.slug))
    if location := answer.fields.get("location"):
        fail(f"{where} leads to {location[:200]!r}: check that")
    if answer.status != HTTPStatus.OK:
        fail(f"{where} answers {answer.status}: there is no article to check with")
    if not is_slugline(answer):
        fail(f"{where} answers, and not as Slugline does")


def _print_findings(findings: Sequence[Finding]) -> None:
    table = Table("Check", "Finding", show_lines=any(finding.wrong for finding in findings))
    for finding in findings:
        said = Text(finding.wrong, "red") if finding.wrong else Text("ok", "green")
        table.add_row(finding.check, said)
    Console().print(table)
