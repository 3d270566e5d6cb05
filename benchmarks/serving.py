"""How `slugline serve` sets up uvicorn, so that the other contenders can be given the same.

Its protocol, which sends ready answers, is a part of Slugline: the others have uvicorn's own.
"""

import json
import os
from typing import Any
from unittest import mock

import uvicorn

from app.cli import serve

OF_ITS_OWN = frozenset({"factory", "host", "http", "port", "workers"})


class UnknownSettingsError(Exception):
    """`slugline serve` starts uvicorn in a way that cannot be repeated from here."""


def settings_of_slugline(database_url: str) -> dict[str, Any]:
    """Return the settings that `slugline serve` gives uvicorn, beside what is of its own.

    They are taken from the command as it runs, so that they are what it says today. It makes the
    tables at `database_url`. Raises UnknownSettingsError.
    """
    environment = mock.patch.dict(os.environ, SLUGLINE_DATABASE_URL=database_url)
    with environment, mock.patch.object(uvicorn, "run") as run:
        serve.serve(host="127.0.0.1", port=1, workers=1)
    if run.call_count != 1:
        raise UnknownSettingsError("`slugline serve` does not start its server by uvicorn.run")
    settings = {n: value for n, value in run.call_args.kwargs.items() if n not in OF_ITS_OWN}
    if json.loads(json.dumps(settings, default=repr)) != settings:
        raise UnknownSettingsError(f"no other process can be given {settings}")
    return settings
