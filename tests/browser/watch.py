"""A page that is watched: what the console says, how wide it is, what it weighs, what axe finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import ConsoleMessage, Page, Response

BYTES_MAX: Final = 50 * 1024
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_OPTIONS: Final = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": list(TAGS)}}
_WIDTH: Final = "document.scrollingElement.scrollWidth - window.innerWidth"


class Watch:
    """One tab, which keeps no files unless `cold` is False. `problems` collects what the browser
    complained of by itself."""

    def __init__(self, page: Page, *, cold: bool = True) -> None:
        self.page = page
        self.problems: list[str] = []
        self.bytes = 0
        self.requests = 0
        self._axe = Axe()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._note(f"script: {error}"))
        self._session = page.context.new_cdp_session(page)
        self._session.send("Network.enable")
        self._session.send("Network.setCacheDisabled", {"cacheDisabled": cold})
        self._session.on("Network.requestWillBeSent", self._start)
        self._session.on("Network.loadingFinished", self._weigh)

    def go(self, path: str) -> Response:
        """Load this page by its address. Returns the answer."""
        answer = self.page.goto(path)
        assert answer is not None, path
        return answer

    def look(self) -> list[str]:
        """What is wrong with the page as it stands, beside `problems`: width, weight and axe."""
        return [*self.find_excess(), *self.run_axe()]

    def find_excess(self) -> list[str]:
        """Whether the page is wider than the window, or weighs too much."""
        more = self.page.evaluate(_WIDTH)
        found = [f"{more} px too wide"] if more > 0 else []
        return found + ([f"{self.bytes} bytes"] if self.bytes > BYTES_MAX else [])

    def run_axe(self) -> list[str]:
        """What axe finds: rule and the first places."""
        found: list[dict[str, Any]] = self._axe.run(self.page, options=_OPTIONS).response[
            "violations"
        ]
        return [
            f"axe {one['id']}: {'; '.join(str(node['target']) for node in one['nodes'][:3])}"
            for one in found
        ]

    def take(self) -> list[str]:
        """The problems collected until now, once."""
        found, self.problems = self.problems, []
        return found

    def _hear(self, message: ConsoleMessage) -> None:
        # A page that says "not found" does so on purpose; that the browser says it too is no fault.
        is_status = message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not (
            is_status and message.location.get("url") == self.page.url
        ):
            self._note(f"console: {message.text}")

    def _note(self, problem: str) -> None:
        self.problems.append(f"{self.page.url}: {problem}")

    def _start(self, event: Mapping[str, Any]) -> None:
        """A page is asked for: what comes from now on is its weight."""
        if event["type"] == "Document":
            self.bytes = self.requests = 0

    def _weigh(self, event: Mapping[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])
        self.requests += 1
