"""What an operator can set. Each field is the environment variable `SLUGLINE_<FIELD>`."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.text import strip_pydantic_prefix


class SettingsError(Exception):
    """The environment holds a setting that cannot be. The message names each, one a line."""


_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?")


def _origin(value: str) -> str:
    if not value.isascii():
        raise ValueError("must be ASCII: a name in other letters is written as xn--...")
    if not _ORIGIN.fullmatch(value) or not (urlsplit(value).port or 1):
        raise ValueError("must be scheme, host and port alone, such as https://news.example")
    return value.removesuffix("/")


# RFC 9111 section 1.2.2: what is greater than 2**31 counts as that.
Seconds = Annotated[int, Field(ge=0, le=2**31)]


class Settings(BaseSettings):
    """The settings of one process. Read once, when the application is made."""

    model_config = SettingsConfigDict(
        env_prefix="SLUGLINE_", frozen=True, hide_input_in_errors=True
    )

    database_url: str = Field(
        "sqlite:///slugline.db",
        description="Where the records are: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`.",
    )
    public_base_url: Annotated[str, AfterValidator(_origin)] = Field(
        "http://localhost:8000",
        description="Scheme, host and port under which readers reach the site.",
    )
    site_name: str = Field("Slugline", description="The site's name, on the page and in its data.")
    admin_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="A bearer token with every scope, to begin with. At least 16 characters.",
    )
    failed_tokens: int = Field(
        10,
        ge=1,
        le=1_000,
        description="How many wrong tokens a client may send to each process within a minute.",
    )
    canonical: Literal["source", "self"] = Field(
        "source",
        description="What `rel=canonical` names: the record's `canonical_source` or the page.",
    )
    negotiation_cache: Literal["safe", "vary"] = Field(
        "safe",
        description="`safe` keeps negotiated answers out of shared caches that ignore `Vary`;"
        " `vary` allows them, for caches that honour it.",
    )
    max_age: Seconds = Field(
        60, description="How many seconds an article may be kept before it is asked for again."
    )
    shared_max_age: Seconds | None = Field(
        None,
        description="The same for shared caches, `s-maxage`. Only where something purges them:"
        " a correction waits that long.",
    )
    stale_while_revalidate: Seconds = Field(
        600, description="How many seconds longer it may be given out while it is asked for again."
    )
    stale_if_error: Seconds = Field(
        86_400, description="How many seconds longer it may be given out while the site is away."
    )
    redirect_max_age: Seconds = Field(
        86_400, description="How many seconds a redirect may be kept."
    )
    not_found_max_age: Seconds = Field(
        30, description="How many seconds it may be kept that there is no article at an address."
    )
    gone_max_age: Seconds = Field(
        3_600, description="How many seconds it may be kept that an article was withdrawn."
    )
    ready_bytes: int = Field(
        64 << 20,
        ge=0,
        description="How much memory ready answers may take up in each process, in bytes.",
    )
    max_feed_bytes: int = Field(
        1 << 30,
        ge=1,
        description="How large a feed may be, in bytes, also after decompression.",
    )


def read_settings() -> Settings:
    """Read the environment. Raises SettingsError, which never repeats a value."""
    try:
        return Settings()
    except ValidationError as error:
        faults = (
            f"SLUGLINE_{'_'.join(map(str, fault['loc'])).upper()}: "
            + strip_pydantic_prefix(fault["msg"])
            for fault in error.errors(include_input=False)
        )
        raise SettingsError("\n".join(faults)) from None
