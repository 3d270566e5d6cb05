"""A fingerprint of all that the bytes of an article depend on, beside its record."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Final

from app.representations.links import Site

_PACKAGE: Final = Path(__file__).parents[1]
_FOLDERS: Final = ("article", "representations")
_RENDERERS: Final = ("jinja2", "nh3", "pyromark")


def rendering_fingerprint(site: Site) -> str:
    """Return a digest of the site's settings, templates and renderers.

    It is the same in all processes that run the same version with the same settings. It changes
    more often than rendered bytes do: with any change of the code that renders.
    """
    digest = hashlib.sha256(repr(site).encode())
    for name in _RENDERERS:
        digest.update(f"\0{name} {version(name)}".encode())
    for folder in _FOLDERS:
        for file in sorted((_PACKAGE / folder).rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(f"\0{file.relative_to(_PACKAGE).as_posix()}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()
