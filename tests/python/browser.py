"""A real browser without a network: it opens pages from the disk and reports whatever they ask for beyond it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_AS_ROOT = ("--no-sandbox",)

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
NARROWEST = {"width": 320, "height": 700}


def find_chromium() -> Path | None:
    """Chromium as told by ``TAXI_CHROMIUM``, as installed, or, where root may, installed from the distribution."""
    if told := os.environ.get("TAXI_CHROMIUM"):
        return Path(told)
    if not (found := _installed()) and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (
            ["update", "-qq"],
            ["install", "-y", "-qq", "--no-install-recommends", "chromium"],
        ):
            subprocess.run(["apt-get", *command], check=False, stdout=subprocess.DEVNULL)
        found = _installed()
    return found


def _installed() -> Path | None:
    return next((Path(path) for name in _NAMES if (path := shutil.which(name))), None)


@dataclass
class Visit:
    """A page that is open, and what went wrong on it.

    Attributes:
        page: of playwright.
        requests: addresses beyond the disk that it asked for; none was answered.
        errors: what the console and the scripts complained of.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def run_browser(binary: Path) -> Iterator[Browser]:
    """Start it headless, with a profile of its own that goes with it."""
    flags = [*_QUIET, *(_AS_ROOT if os.geteuid() == 0 else ())]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(binary), args=flags)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, path: Path, **options: Any) -> Iterator[Visit]:
    """Open a file with the network cut off.

    Args:
        browser: running.
        path: the page.
        options: of playwright's context, such as ``viewport`` and ``color_scheme``.
    """
    context: BrowserContext = browser.new_context(
        **{"viewport": DESKTOP, "locale": "en-US", **options}
    )
    context.set_offline(True)
    opened = Visit(context.new_page())
    inside = ("file:", "data:", "blob:")
    opened.page.on(
        "request",
        lambda request: (
            None if request.url.startswith(inside) else opened.requests.append(request.url)
        ),
    )
    opened.page.on(
        "console",
        lambda message: (
            opened.errors.append(message.text) if message.type in {"error", "warning"} else None
        ),
    )
    opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
    try:
        opened.page.goto(path.as_uri(), wait_until="load")
        yield opened
    finally:
        context.close()
