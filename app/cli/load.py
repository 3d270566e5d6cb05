"""`slugline load`: send feeds to the admin endpoint of a running server."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

import httpx2
import typer

from app.cli.errors import fail, print_error
from app.cli.input_files import Feed, FeedArgumentError, open_feed, resolve_feeds
from app.cli.load_client import DeliveryError, LoadClient
from app.cli.load_report import format_summary
from app.cli.progress import Progress
from app.cli.report import LoadedFeed, print_rejections, print_table
from app.cli.watch import watch_directories as watch_folders

_CONNECT_SECONDS: Final = 10
_READ_SECONDS: Final = 120
"""Read timeout. Retrying is safe, because attempts share an idempotency key."""


Files = Annotated[
    list[Path] | None,
    typer.Argument(help="Feeds (JSON, NDJSON, JSON Feed, RSS, Atom), directories, or '-'."),
]
Url = Annotated[str, typer.Option(envvar="SLUGLINE_PUBLIC_BASE_URL", help="The server's base URL.")]
Token = Annotated[
    str | None, typer.Option(envvar="SLUGLINE_ADMIN_TOKEN", help="A token with the scope 'load'.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Report outcomes; change nothing.")]
Atomic = Annotated[bool, typer.Option("--atomic", help="Load all of a feed, or nothing.")]
Strict = Annotated[bool, typer.Option("--strict", help="Reject records with unknown fields.")]
OnCollision = Annotated[
    Literal["conflict", "suffix"],
    typer.Option(help="For a slug of another story: report a conflict, or add a suffix."),
]
Restore = Annotated[bool, typer.Option("--restore", help="Restore withdrawn articles.")]
Watch = Annotated[
    list[Path] | None,
    typer.Option(
        file_okay=False, exists=True, help="Load feeds as they appear in a directory; repeatable."
    ),
]
Patience = Annotated[
    float, typer.Option(min=0, help="Give up after this many seconds without progress.")
]


def load(  # noqa: PLR0913 - each is an option of the command
    files: Files = None,
    *,
    url: Url = "http://localhost:8000",
    token: Token = None,
    dry_run: DryRun = False,
    atomic: Atomic = False,
    strict: Strict = False,
    on_collision: OnCollision = "conflict",
    restore: Restore = False,
    watch: Watch = None,
    patience: Patience = 300,
) -> None:
    """Send feeds to a running server. Exits with 1 if any record was rejected."""
    if not files and not watch:
        raise typer.BadParameter("FILES or --watch is required", param_hint="FILES")
    parameters = {
        "dry_run": "true" if dry_run else None,
        "mode": "atomic" if atomic else None,
        "strict": "true" if strict else None,
        "on_collision": "suffix" if on_collision == "suffix" else None,
        "restore": "true" if restore else None,
    }
    options = {name: value for name, value in parameters.items() if value}
    try:
        feeds = resolve_feeds(files or [])
    except FeedArgumentError as error:
        fail(str(error))
    with _client(url, token, no_timeout=dry_run) as client, Progress() as progress:
        session = _Session(LoadClient(client, options, patience, progress))
        session.load(feeds)
        if watch:
            session.follow(watch)
    session.end(following=bool(watch))


@contextmanager
def _client(url: str, token: str | None, *, no_timeout: bool) -> Iterator[httpx2.Client]:
    if not token:
        fail("a token is required: --token or SLUGLINE_ADMIN_TOKEN")
    if not token.isascii() or not token.isprintable():
        fail("the token contains invalid characters")
    try:
        base = httpx2.URL(url.rstrip("/"))
    except httpx2.InvalidURL as error:
        fail(f"{url} is not a URL: {error}")
    if base.scheme not in {"http", "https"} or not base.host:
        fail(f"{url} is not a URL such as http://localhost:8000")
    timeout = httpx2.Timeout(_CONNECT_SECONDS, read=None if no_timeout else _READ_SECONDS)
    bearer = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=base, timeout=timeout, headers=bearer) as client:
        yield client


@dataclass
class _Session:
    """What one run of the command has loaded so far, and whether anything failed."""

    client: LoadClient
    loaded: list[LoadedFeed] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)
    latest: dict[Path, str] = field(default_factory=dict)
    failed: bool = False

    def load(self, feeds: list[Feed]) -> None:
        """Load `feeds`, and stop early if the others would fail too."""
        for feed in feeds:
            if not self._attempt(feed):
                break

    def follow(self, folders: list[Path]) -> None:
        """Load feeds as they appear in `folders`, until SIGINT or SIGTERM."""
        self.client.reached = True  # so an unreachable server is waited for
        watch_folders(folders, self._follow_up)

    def end(self, *, following: bool) -> None:
        """Print the table and exit with 1 on failure. After `follow`, both were reported before."""
        if following:
            return
        if self.loaded:
            print_table(self.loaded)
        if self.failed:
            raise typer.Exit(1)

    def _follow_up(self, feed: Feed) -> bool:
        """Load a feed unless it is unchanged, and print its outcomes."""
        go_on = self._attempt(feed, again=False)
        for name, report in self.loaded:
            typer.echo(f"{name}: {format_summary(report.summary) or 'no records'}")
        self.loaded.clear()
        return go_on

    def _attempt(self, feed: Feed, *, again: bool = True) -> bool:
        """Load a feed, or print why it could not be loaded.

        Return False if other feeds would fail too.
        """
        try:
            with open_feed(feed) as body:
                if not again and self._is_known(feed, body.digest):
                    return True
                loaded = LoadedFeed(feed.name, self.client.deliver(feed, body))
        except DeliveryError as error:
            self._fail(f"{feed.name}: {error}")
            return not error.affects_all
        except OSError as error:
            self._fail(f"{feed.name}: cannot be read: {error.strerror or error}")
            return True
        if body.digest:
            self.digests.add(body.digest)
            self.latest[feed.path] = body.digest
        self.loaded.append(loaded)
        self.failed |= loaded.report.is_failure
        print_rejections(loaded)
        return True

    def _is_known(self, feed: Feed, digest: str | None) -> bool:
        """Return whether a feed is unchanged, or was loaded from another path."""
        if digest is None:
            return False
        last = self.latest.get(feed.path)
        return digest == last if last else digest in self.digests

    def _fail(self, message: str) -> None:
        self.failed = True
        print_error(message)
