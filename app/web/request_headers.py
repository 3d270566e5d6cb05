"""What a request says of the answer it wants, read from its header fields."""

from dataclasses import dataclass

from starlette.datastructures import Headers

from app.http.preconditions import Conditions


@dataclass(frozen=True, slots=True)
class RequestPreferences:
    """The fields of a request that an answer may depend on; None where there is no such line.

    RFC 9110 section 5.3: several lines of one field are one list.
    """

    accept: str | None
    accept_encoding: str | None
    conditions: Conditions
    personal: bool


def request_preferences(headers: Headers) -> RequestPreferences:
    """Read `headers`. `personal` says that the request was authorised."""

    def joined(name: str) -> str | None:
        lines = headers.getlist(name)
        return ", ".join(lines) if lines else None

    return RequestPreferences(
        accept=joined("accept"),
        accept_encoding=joined("accept-encoding"),
        conditions=Conditions(
            if_match=joined("if-match"),
            if_none_match=joined("if-none-match"),
            if_modified_since=joined("if-modified-since"),
            if_unmodified_since=joined("if-unmodified-since"),
        ),
        personal="authorization" in headers,
    )
