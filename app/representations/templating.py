"""What all HTML pages of the site share: templates, style sheet and content security policy."""

import base64
import hashlib
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_environment: Final = Environment(
    loader=PackageLoader("app.representations"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def render(template: str, **context: object) -> bytes:
    """Return a page of the site as UTF-8. Everything in `context` but Markup is escaped."""
    page = _environment.get_template(template)
    return page.render(style=_style(), **context).encode()


@cache
def content_security_policy() -> str:
    """Return the policy of every page: no scripts, and only our own style sheet."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{digest}'",
            "img-src 'self' https:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


@cache
def _style() -> Markup:
    loader = _environment.loader
    source = loader.get_source(_environment, "style.css")[0] if loader else ""
    return Markup(source)  # noqa: S704 - our own file; HTML escapes do not apply in CSS
