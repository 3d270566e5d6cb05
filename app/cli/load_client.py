"""A feed brought to a server once, however often the way there breaks off.

Each feed has an idempotency key of its own, which all attempts at it share: a server that has it
already answers with the receipt, and loads nothing a second time.
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
"""Seconds between attempts, where the server does not say how many."""

MAX_RETRY_DELAY: Final = 60.0

MAX_ATTEMPTS: Final = 50
"""How often one feed is sent: one that brings the server down each time must have an end."""

POLL_SECONDS: Final = (0.05, 0.1, 0.2, 0.5)
"""Seconds between the looks at the receipt of a load that runs."""

REJECTED_SHOWN: Final = 20

_RETRY_STATUSES: Final = {408, 409, 425, 429, 502, 503, 504}
_AUTH_STATUSES: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_CONNECTION_ERRORS: Final = httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError
_CONNECT_ERRORS: Final = httpx2.ConnectError, httpx2.ConnectTimeout


class DeliveryError(Exception):
    """The feed could not be loaded. `hopeless` where no other one would fare better just now."""

    def __init__(self, reason: str, *, hopeless: bool = False) -> None:
        super().__init__(reason)
        self.hopeless = hopeless


class TemporaryError(Exception):
    """It did not work, and may work later: after `after` seconds, where the server said so.

    `anew` where the feed has to be sent again.
    """

    def __init__(
        self, reason: str, *, after: float = 0, receipt: str | None = None, anew: bool = True
    ) -> None:
        super().__init__(reason + (f"; the receipt is {receipt}" if receipt else ""))
        self.after = after
        self.anew = anew


class RetryBudget:
    """How long to go on: so many seconds from the first failure since there was a sign of life."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._tries = 0

    def renew(self) -> None:
        """Take note of a sign of life."""
        self._since, self._tries = None, 0

    def wait(self, error: TemporaryError) -> None:
        """Wait before the next attempt. Raises DeliveryError where it would be too late."""
        pause = min(
            max(error.after, RETRY_DELAYS[min(self._tries, len(RETRY_DELAYS) - 1)]), MAX_RETRY_DELAY
        )
        self._tries += 1
        now = time.monotonic()
        self._since = self._since or now
        if now + pause > self._since + self._seconds:
            waited = now - self._since
            reason = f"gave up after {waited:.0f} seconds: {error}"
            raise DeliveryError(reason, hopeless=True) from error
        time.sleep(pause * random.uniform(1, 1.2))  # noqa: S311 - so that many do not come at once


class LoadClient:
    """Brings feeds to the server of `client`, which is authorized, with `options` as the query.

    It goes on for `patience` seconds without a sign of life. That a load runs is one: a server
    takes back that word by itself when the load is not taken further. A server that was never `met`
    is not waited for at all: its address may be wrong.
    """

    def __init__(
        self, client: httpx2.Client, options: Mapping[str, str], patience: float, shown: Progress
    ) -> None:
        self._client = client
        self._options = options
        self._seconds = patience
        self._shown = shown
        self._nonce = secrets.token_hex(16)
        self.met = False

    def deliver(self, feed: Feed, body: FeedBody) -> Report:
        """Return the receipt of `feed`, which is loaded then. Raises DeliveryError, OSError."""
        try:
            return self._deliver(feed, body)
        finally:
            self._shown.end()

    def _deliver(self, feed: Feed, body: FeedBody) -> Report:
        patience = RetryBudget(self._seconds)
        key = self._key(feed, body)
        receipt: str | None = None
        sent = 0
        while sent < MAX_ATTEMPTS:
            try:
                if receipt is None:
                    sent += 1
                    answer = self._send(feed, body, key)
                    if isinstance(answer, Report):
                        return answer
                    receipt = answer
                return self._follow(receipt, patience)
            except TemporaryError as error:
                if error.anew:
                    receipt = None
                patience.wait(error)
        raise DeliveryError(f"gave up: it was sent {sent} times", hopeless=True)

    def _key(self, feed: Feed, body: FeedBody) -> str:
        # A stream has no digest before its end; its path comes only once.
        options = "&".join(f"{name}={value}" for name, value in sorted(self._options.items()))
        said = f"{self._nonce}\n{options}\n{body.digest}\n{feed.path}"
        return hashlib.sha256(os.fsencode(said)).hexdigest()

    def _send(self, feed: Feed, body: FeedBody, key: str) -> Report | str:
        """Send the feed. Return its receipt, or the path of it where the load is under way."""
        self._shown.begin(feed.name, body.size)
        headers = {
            "Content-Type": "application/octet-stream",
            "Idempotency-Key": key,
            "Prefer": "respond-async",  # RFC 7240 section 4.1
        }
        if body.size is not None:
            headers["Content-Length"] = str(body.size)
        if feed.coding:
            headers["Content-Encoding"] = feed.coding
        named = {} if feed.path == STDIN else {"file": feed.name}
        answer = self._request(
            "POST", "/admin/loads", {**self._options, **named}, headers, self._watched(body)
        )
        place = receipt_path(answer)
        if place and answer.status_code in {HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT}:
            return place
        return _report(answer)

    def _watched(self, body: FeedBody) -> Iterator[bytes]:
        for chunk in body.chunks():
            yield chunk
            self._shown.sent(len(chunk))

    def _follow(self, receipt: str, patience: RetryBudget) -> Report:
        """Wait for the end of a load, and return its receipt with some of what was rejected."""
        query = {"outcome": "rejected", "limit": str(REJECTED_SHOWN)}
        pauses = chain(POLL_SECONDS, repeat(POLL_SECONDS[-1]))
        while True:
            try:
                report = _report(self._request("GET", receipt, query))
            except TemporaryError as error:
                reason = str(error)
                raise TemporaryError(
                    reason, after=error.after, receipt=receipt, anew=False
                ) from error
            state = report.load.state if report.load else "finished"
            if state == "interrupted":
                raise TemporaryError("the load was interrupted", receipt=receipt)
            if state != "running":
                return report
            patience.renew()
            self._shown.working(report)
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
            answer = self._client.request(
                method, path, params=query, headers=headers, content=content
            )
        except httpx2.LocalProtocolError as error:
            raise DeliveryError("it changed while it was sent") from error
        except _CONNECTION_ERRORS as error:
            reason = (
                f"{self._client.base_url} does not answer: {str(error) or type(error).__name__}"
            )
            if isinstance(error, _CONNECT_ERRORS) and not self.met:
                raise DeliveryError(reason, hopeless=True) from error
            self.met = True
            raise TemporaryError(reason) from error
        except httpx2.HTTPError as error:
            reason = f"{self._client.base_url} cannot be asked: {error}"
            raise DeliveryError(reason, hopeless=True) from error
        self.met = True
        return answer


def _report(answer: httpx2.Response) -> Report:
    """Return the receipt that `answer` is. Raises what it is instead."""
    status, problem = answer.status_code, parse_problem(answer)
    reason = f"{status} {problem.detail or problem.title}" if problem else None
    if status in _RETRY_STATUSES:
        after = answer.headers.get("retry-after", "")
        seconds = float(after[:9]) if after.isdecimal() else 0
        raise TemporaryError(
            reason or f"it answers {status}", after=seconds, receipt=receipt_path(answer)
        )
    report = parse_report(answer)
    if report is None:
        reason = reason or f"{answer.url.host} answers {status}, and not as Slugline does"
        raise DeliveryError(reason, hopeless=status in _AUTH_STATUSES)
    return report
