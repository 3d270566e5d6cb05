"""Deliver a feed to a server exactly once, with retries.

All attempts for one feed share an idempotency key, so a server that already has the feed returns
its receipt instead of loading it again.
"""

import hashlib
import os
import random
import secrets
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import chain, repeat
from typing import Final

import httpx2

from app.cli.input_files import STDIN, Feed, FeedBody
from app.cli.load_report import Report, parse_problem, parse_report, receipt_path
from app.cli.progress import Progress

RETRY_DELAYS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between attempts, unless the server sends Retry-After."""

MAX_RETRY_DELAY: Final = 60.0

MAX_ATTEMPTS: Final = 50
"""How often one feed is sent: a feed that crashes the server must not be retried for ever."""

POLL_SECONDS: Final = (0.05, 0.1, 0.2, 0.5)
"""Seconds between requests for the receipt of a running load."""

REJECTED_SHOWN: Final = 20

_RETRY_STATUSES: Final = {408, 409, 425, 429, 502, 503, 504}
_AUTH_STATUSES: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_CONNECTION_ERRORS: Final = httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError
_CONNECT_ERRORS: Final = httpx2.ConnectError, httpx2.ConnectTimeout


class DeliveryError(Exception):
    """The feed could not be loaded. `affects_all`: other feeds would fail for the same reason."""

    def __init__(self, reason: str, *, affects_all: bool = False) -> None:
        super().__init__(reason)
        self.affects_all = affects_all


class TemporaryError(Exception):
    """The attempt failed and may succeed later; `after` is the server's Retry-After in seconds.

    `resend` says whether the feed has to be sent again.
    """

    def __init__(
        self, reason: str, *, after: float = 0, receipt: str | None = None, resend: bool = True
    ) -> None:
        super().__init__(reason + (f"; the receipt is {receipt}" if receipt else ""))
        self.after = after
        self.resend = resend


class RetryBudget:
    """Limits retries to a number of seconds since the first failure without progress."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._failing_since: float | None = None
        self._attempts = 0

    def renew(self) -> None:
        """Start over, because there was progress."""
        self._failing_since, self._attempts = None, 0

    def wait(self, error: TemporaryError) -> None:
        """Sleep before the next attempt. Raises DeliveryError if the budget is spent."""
        pause = min(
            max(error.after, RETRY_DELAYS[min(self._attempts, len(RETRY_DELAYS) - 1)]),
            MAX_RETRY_DELAY,
        )
        self._attempts += 1
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if now + pause > self._failing_since + self._seconds:
            waited = now - self._failing_since
            reason = f"gave up after {waited:.0f} seconds: {error}"
            raise DeliveryError(reason, affects_all=True) from error
        time.sleep(pause * random.uniform(1, 1.2))  # noqa: S311 - jitter, not cryptography


class LoadClient:
    """Sends feeds to the server of `client`, which is authorized, with `options` as the query.

    It retries for `retry_seconds` without progress. A running load counts as progress, because the
    server reports it as interrupted when its lease expires. A server that was never `reached` is
    not waited for: its address may be wrong.
    """

    def __init__(
        self,
        client: httpx2.Client,
        options: Mapping[str, str],
        retry_seconds: float,
        progress: Progress,
    ) -> None:
        self._client = client
        self._options = options
        self._retry_seconds = retry_seconds
        self._progress = progress
        self._nonce = secrets.token_hex(16)
        self.reached = False

    def deliver(self, feed: Feed, body: FeedBody) -> Report:
        """Load `feed` and return its receipt. Raises DeliveryError or OSError."""
        try:
            return self._deliver(feed, body)
        finally:
            self._progress.end()

    def _deliver(self, feed: Feed, body: FeedBody) -> Report:
        budget = RetryBudget(self._retry_seconds)
        key = self._key(feed, body)
        receipt: str | None = None
        sent = 0
        while sent < MAX_ATTEMPTS:
            try:
                if receipt is None:
                    sent += 1
                    response = self._send(feed, body, key)
                    if isinstance(response, Report):
                        return response
                    receipt = response
                return self._follow(receipt, budget)
            except TemporaryError as error:
                if error.resend:
                    receipt = None
                budget.wait(error)
        raise DeliveryError(f"gave up after {sent} attempts", affects_all=True)

    def _key(self, feed: Feed, body: FeedBody) -> str:
        # A pipe has no digest, but it can be named only once.
        options = "&".join(f"{name}={value}" for name, value in sorted(self._options.items()))
        seed = f"{self._nonce}\n{options}\n{body.digest}\n{feed.path}"
        return hashlib.sha256(os.fsencode(seed)).hexdigest()

    def _send(self, feed: Feed, body: FeedBody, key: str) -> Report | str:
        """Send the feed. Return its receipt, or the receipt's path if the load is still running."""
        self._progress.begin(feed.name, body.size)
        headers = {
            "Content-Type": "application/octet-stream",
            "Idempotency-Key": key,
            "Prefer": "respond-async",  # RFC 7240 section 4.1
        }
        if body.size is not None:
            headers["Content-Length"] = str(body.size)
        if feed.coding:
            headers["Content-Encoding"] = feed.coding
        name = {} if feed.path == STDIN else {"file": feed.name}
        response = self._request(
            "POST", "/admin/loads", {**self._options, **name}, headers, self._tracked(body)
        )
        path = receipt_path(response)
        if path and response.status_code in {HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT}:
            return path
        return _report(response)

    def _tracked(self, body: FeedBody) -> Iterator[bytes]:
        for chunk in body.chunks():
            yield chunk
            self._progress.sent(len(chunk))

    def _follow(self, receipt: str, budget: RetryBudget) -> Report:
        """Wait for a load to end, and return its receipt with the first rejected records."""
        query = {"outcome": "rejected", "limit": str(REJECTED_SHOWN)}
        pauses = chain(POLL_SECONDS, repeat(POLL_SECONDS[-1]))
        while True:
            try:
                report = _report(self._request("GET", receipt, query))
            except TemporaryError as error:
                reason = str(error)
                raise TemporaryError(
                    reason, after=error.after, receipt=receipt, resend=False
                ) from error
            state = report.load.state if report.load else "finished"
            if state == "interrupted":
                raise TemporaryError("the load was interrupted", receipt=receipt)
            if state != "running":
                return report
            budget.renew()
            self._progress.working(report)
            time.sleep(next(pauses))

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        content: Iterator[bytes] | None = None,
    ) -> httpx2.Response:
        try:
            response = self._client.request(
                method, path, params=query, headers=headers, content=content
            )
        except httpx2.LocalProtocolError as error:
            raise DeliveryError("the file changed while it was sent") from error
        except _CONNECTION_ERRORS as error:
            reason = (
                f"{self._client.base_url} does not respond: {str(error) or type(error).__name__}"
            )
            if isinstance(error, _CONNECT_ERRORS) and not self.reached:
                raise DeliveryError(reason, affects_all=True) from error
            self.reached = True
            raise TemporaryError(reason) from error
        except httpx2.HTTPError as error:
            reason = f"{self._client.base_url} cannot be reached: {error}"
            raise DeliveryError(reason, affects_all=True) from error
        self.reached = True
        return response


def _report(response: httpx2.Response) -> Report:
    """Return the receipt in `response`. Raises TemporaryError or DeliveryError if there is none."""
    status, problem = response.status_code, parse_problem(response)
    reason = f"{status} {problem.detail or problem.title}" if problem else None
    if status in _RETRY_STATUSES:
        after = response.headers.get("retry-after", "")
        seconds = float(after[:9]) if after.isdecimal() else 0
        raise TemporaryError(
            reason or f"the server answers {status}", after=seconds, receipt=receipt_path(response)
        )
    report = parse_report(response)
    if report is None:
        reason = (
            reason or f"{response.url.host} answers {status} without a receipt: it is not Slugline"
        )
        raise DeliveryError(reason, affects_all=status in _AUTH_STATUSES)
    return report
