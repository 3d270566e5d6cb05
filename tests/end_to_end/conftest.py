"""What the browser tests share."""

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium. Without one nothing here is checked, which CI does not accept."""
    names = (os.environ.get("SLUGLINE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    for name in filter(None, names):
        if found := shutil.which(name):
            return found
    message = "NOT CHECKED in a browser: no Chromium is installed (or name it, SLUGLINE_CHROMIUM)"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
