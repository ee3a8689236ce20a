"""A real browser without network. It opens pages from files, and any request for something else is an error."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

PHONE = {"width": 390, "height": 844}
SCREEN = {"width": 1280, "height": 800}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser. Skips the test if there is none."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium here: install the system's package chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        yield started
        started.close()


def opened(browser: Browser, path: Path, viewport: dict[str, int] = PHONE, **options: Any) -> tuple[Page, list[str]]:
    """The page, with a list of its error messages and requests."""
    page = browser.new_page(viewport=viewport, **options)  # type: ignore[arg-type]
    said: list[str] = []

    def answer(route: Route) -> None:
        if route.request.url == path.as_uri():
            route.continue_()
        else:
            said.append(f"asks for {route.request.url}")
            route.abort()

    page.route("**/*", answer)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    return page, said
