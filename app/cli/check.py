"""`slugline check`: check that CDNs and proxies leave the responses of a site unchanged."""

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
    url: Annotated[str, typer.Argument(help="The public URL of an article.")],
) -> None:
    """Check that a CDN or proxy does not change a site's responses. Exits with 1 if it does."""
    origin, slug = _parse_article_url(url)
    agent = {"User-Agent": "slugline-check"}
    try:
        with httpx2.Client(base_url=origin, timeout=_TIMEOUT, headers=agent) as client:
            exchanges = tuple(_run_probes(client, slug))
    except httpx2.InvalidURL as error:
        fail(f"{excerpt(origin)} is not a URL: {error}")
    except httpx2.HTTPError as error:
        fail(f"{origin} does not respond: {str(error) or type(error).__name__}")
    findings = judge(exchanges)
    _print_findings(findings)
    wrong = sum(1 for finding in findings if finding.wrong)
    if wrong:
        fail(f"{wrong} of {len(findings)} checks failed in {len(exchanges)} responses")
    typer.echo("The responses arrive as the site sent them.")


def _parse_article_url(url: str) -> tuple[str, str]:
    """Return the origin and the slug of the article at `url`, which may be a twin's URL."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
    except ValueError as error:
        fail(f"{excerpt(url)} is not a URL: {error}")
    slug = parts.path.removeprefix(_PREFIX)
    for suffix in BY_SUFFIX:
        slug = slug.removesuffix(suffix)
    if not parts.path.startswith(_PREFIX) or not is_slug(slug):
        fail(f"{excerpt(url)} is not the URL of an article: {article_path('<slug>')}")
    if parts.query:
        fail("the URL must not have a query; this command adds its own")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", slug


def _run_probes(client: httpx2.Client, slug: str) -> Iterator[Exchange]:
    """Send every probe and yield the exchanges. Fails if the first response is not Slugline's."""
    probes = tuple(initial_probes(lambda: secrets.token_hex(8)))
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        for probe in bar.track(probes, description="Checking"):
            exchange = _send(client, slug, probe)
            if probe is probes[0]:
                _require_article(exchange)
            yield exchange
            for follow_up in follow_up_probes(exchange):
                yield _send(client, slug, follow_up)


def _send(client: httpx2.Client, slug: str, probe: Probe) -> Exchange:
    query = f"?{PARAMETER}={probe.key}" if probe.key else ""
    path, headers, body = probe.path(slug), dict(probe.fields), bytearray()
    with client.stream(probe.method, path + query, headers=headers) as response:
        for chunk in response.iter_raw():  # not decoded
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                fail(f"the response of {path} exceeds {_MAX_BODY_BYTES:,} bytes")
    return Exchange(slug, probe, response.status_code, dict(response.headers), bytes(body))


def _require_article(exchange: Exchange) -> None:
    """Exit with an error if the response is not an article served by Slugline."""
    path = excerpt(exchange.question.path(exchange.slug))
    if location := exchange.fields.get("location"):
        fail(f"{path} redirects to {location[:200]!r}: check that URL instead")
    if exchange.status != HTTPStatus.OK:
        fail(f"{path} answers {exchange.status}: an existing article is needed")
    if not is_slugline(exchange):
        fail(f"the response of {path} is not Slugline's")


def _print_findings(findings: Sequence[Finding]) -> None:
    table = Table("Check", "Finding", show_lines=any(finding.wrong for finding in findings))
    for finding in findings:
        result = Text(finding.wrong, "red") if finding.wrong else Text("ok", "green")
        table.add_row(finding.check, result)
    Console().print(table)
