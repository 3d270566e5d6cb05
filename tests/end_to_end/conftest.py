"""Fixtures of the end-to-end tests."""

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium. Without it, browser tests are skipped, and fail where CI is set."""
    names = (os.environ.get("SLUGLINE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    for name in filter(None, names):
        if found := shutil.which(name):
            return found
    message = "NOT CHECKED in a browser: install Chromium, or set SLUGLINE_CHROMIUM to its path"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
