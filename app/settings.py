"""The settings. Each field is read from the environment variable `SLUGLINE_<FIELD>`."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.text import strip_pydantic_prefix


class SettingsError(Exception):
    """A setting in the environment is invalid. The message names each such variable on a line."""


_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?")


def _origin(value: str) -> str:
    if not value.isascii():
        raise ValueError("must be ASCII: write an internationalised domain name as xn--...")
    if not _ORIGIN.fullmatch(value) or not (urlsplit(value).port or 1):
        raise ValueError(
            "must be a scheme, host and optional port only, such as https://news.example"
        )
    return value.removesuffix("/")


# RFC 9111 section 1.2.2: caches treat greater values as 2**31.
Seconds = Annotated[int, Field(ge=0, le=2**31)]


class Settings(BaseSettings):
    """The settings of one process, read once when the application is created."""

    model_config = SettingsConfigDict(
        env_prefix="SLUGLINE_", frozen=True, hide_input_in_errors=True
    )

    database_url: str = Field(
        "sqlite:///slugline.db",
        description="URL of the database: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`.",
    )
    public_base_url: Annotated[str, AfterValidator(_origin)] = Field(
        "http://localhost:8000",
        description="Scheme, host and port at which readers reach the site.",
    )
    site_name: str = Field("Slugline", description="Name of the site, in pages and metadata.")
    admin_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Bootstrap bearer token with every scope; at least 16 characters.",
    )
    failed_tokens: int = Field(
        10,
        ge=1,
        le=1_000,
        description="Invalid tokens that a client may send to each process per minute.",
    )
    canonical: Literal["source", "self"] = Field(
        "source",
        description="Target of `rel=canonical`: the record's `canonical_source` or the page.",
    )
    negotiation_cache: Literal["safe", "vary"] = Field(
        "safe",
        description="`safe` keeps negotiated responses out of shared caches, as many ignore `Vary`;"
        " `vary` allows shared caching, for caches that honour it.",
    )
    max_age: Seconds = Field(
        60, description="Seconds for which caches may serve an article without revalidation."
    )
    shared_max_age: Seconds | None = Field(
        None,
        description="The same for shared caches (`s-maxage`). Set it only if these are purged:"
        " otherwise a correction takes that long to appear.",
    )
    stale_while_revalidate: Seconds = Field(
        600, description="Seconds for which caches may serve a stale article while revalidating it."
    )
    stale_if_error: Seconds = Field(
        86_400, description="Seconds for which caches may serve a stale article if the site fails."
    )
    redirect_max_age: Seconds = Field(
        86_400, description="Seconds for which caches may store a redirect."
    )
    not_found_max_age: Seconds = Field(
        30, description="Seconds for which caches may store a 404 response."
    )
    gone_max_age: Seconds = Field(
        3_600,
        description="Seconds for which caches may store the 410 response of a withdrawn article.",
    )
    ready_bytes: int = Field(
        64 << 20,
        ge=0,
        description="Memory of each process's response cache, in bytes.",
    )
    max_feed_bytes: int = Field(
        1 << 30,
        ge=1,
        description="Maximum size of a feed in bytes, before and after decompression.",
    )


def read_settings() -> Settings:
    """Read the environment. Raises SettingsError, whose message never contains a value."""
    try:
        return Settings()
    except ValidationError as error:
        faults = (
            f"SLUGLINE_{'_'.join(map(str, fault['loc'])).upper()}: "
            + strip_pydantic_prefix(fault["msg"])
            for fault in error.errors(include_input=False)
        )
        raise SettingsError("\n".join(faults)) from None
