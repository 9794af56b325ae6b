"""Starts a real Chromium for the tests of the page; skips them where there is none."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Yields a browser: Debian's, or the one that Playwright brings."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        pytest.skip("no Playwright here: pip install playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        options: dict[str, Any] = {"executable_path": path} if path else {}
        try:
            browser = playwright.chromium.launch(args=["--no-sandbox"], **options)
        except Error as error:
            pytest.skip(f"no Chromium here: apt-get install chromium ({str(error).splitlines()[0]})")
        yield browser
        browser.close()
