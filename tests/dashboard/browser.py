"""A real Chromium, driven by Playwright, in front of a real exchange."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

from tests.target import DEADLINE_S

DEADLINE_MS = DEADLINE_S * 1000
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
NAMES = ("chromium", "chromium-browser", "google-chrome")
SERIOUS = {"serious", "critical"}


def chromium() -> str:
    """The path of Chromium. Skips the test if there is none, unless CIFT_REQUIRE_BROWSER is set."""
    named = os.environ.get("CIFT_CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        message = "no Chromium (Debian: apt-get install chromium; or CIFT_CHROMIUM=/path)"
        assert "CIFT_REQUIRE_BROWSER" not in os.environ, message
        pytest.skip(message)
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser process. Chromium has no sandbox for root, and test machines often are containers."""
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """A person's browser: one context with its own cookies and storage, and what went wrong in it."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        options = {"viewport": WIDE, "color_scheme": "dark", "reduced_motion": "reduce", **options}
        self.context: BrowserContext = browser.new_context(**options)
        self.context.set_default_timeout(DEADLINE_MS)
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.page = self.open()

    def open(self) -> Page:
        """Another tab."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._log(message.type, message.text))
        page.on("request", lambda request: self._request(request.url))
        return page

    def _log(self, kind: str, text: str) -> None:
        # The browser reports every response with an error status, and lost connections: tests cause them.
        if kind == "error" and "Failed to load resource" not in text and "WebSocket" not in text:
            self.errors.append(text)

    def _request(self, url: str) -> None:
        if not url.startswith((self.url, self.url.replace("http", "ws", 1), "data:", "blob:")):
            self.foreign.append(url)

    def go(self, route: str = "trade") -> Page:
        self.page.goto(f"{self.url}/#/{route}")
        return self.page

    def at(self, name: str) -> Locator:
        """The element with this `data-testid`."""
        return self.page.get_by_test_id(name)

    def quantity(self) -> Locator:
        return self.at("ticket").get_by_label("Quantity", exact=True)

    def fill_ticket(self, side: str, kind: str, quantity: str, limit: str | None = None) -> None:
        ticket = self.at("ticket")
        ticket.get_by_role("radio", name=side).click()
        ticket.get_by_label("Class").select_option("simple")
        ticket.get_by_label("Type", exact=True).select_option(kind)
        if limit is not None:
            ticket.get_by_label("Limit price").fill(limit)
        self.quantity().fill(quantity)

    def send(self) -> None:
        """Review, then send."""
        self.at("submit").click()
        self.at("submit").get_by_text("Send:").wait_for()
        self.at("submit").click()

    def notice(self, text: str | re.Pattern[str]) -> None:
        """Wait until this notice is announced."""
        self.at("toasts").get_by_text(text).first.wait_for()

    def table(self, name: str) -> None:
        self.at("tables").get_by_role("tab", name=name).click()

    def wait(self, script: str, *arguments: Any) -> None:
        """Wait until a function of the page returns true."""
        self.page.wait_for_function(script, arg=arguments[0] if arguments else None)

    def live(self) -> None:
        self.page.locator('[data-testid="connection"][data-state="live"]').wait_for(state="attached")

    def serious_findings(self) -> list[str]:
        """What axe reports as serious or critical on the page as it is shown."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in found
            if each["impact"] in SERIOUS
            for node in each["nodes"]
        ]

    def picture(self, name: str) -> None:
        """Write a screenshot to CIFT_SCREENSHOTS, if that is set (`make screenshots`)."""
        folder = os.environ.get("CIFT_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    def close(self) -> None:
        self.context.close()
