"""python -m tests.browser.screenshots: the pictures of docs/PAGES.md, made anew in docs/img/.

A demo is served; Ada screens and randomizes somebody and rings from the browser telephone. Pictures
are cut to what a reader needs and kept to few colours, so that the repository stays small.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.person import MAIN, Person
from tests.browser.png import shrink
from tests.support.browser import BrowserUnavailable, running_browser
from web.demo.running import Running, running

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "img"
SIZES: Final[dict[str, ViewportSize]] = {
    "phone": ViewportSize(width=360, height=740),
    "desk": ViewportSize(width=1280, height=900),
}
HEIGHT_MAX: Final = 1100
ADA, IVO, DI, SAM, DEE = "1101", "1103", "1201", "1002", "1004"
OPERATOR = "1007"


def main() -> int:
    """Take all pictures; 2 without a browser."""
    FOLDER.mkdir(exist_ok=True)
    try:
        with running_browser() as browser, running() as served:
            walks = [_Photographer(browser, served, size) for size in SIZES]
            for walk in walks:
                walk.pages()
            for walk in walks:
                walk.call()
    except BrowserUnavailable as missing:
        print(missing, file=sys.stderr)
        return 2
    return 0


class _Photographer:
    """One walk through the demo in one size of window."""

    def __init__(self, browser: Browser, served: Running, size: str) -> None:
        self.browser, self.served, self.size = browser, served, size
        self.page = self._open(ADA)
        self.subject = ""

    def pages(self) -> None:
        """Everything that docs/PAGES.md shows but the telephone."""
        self.page.goto("/")
        self.take("today")
        self._walk()
        self.page.goto("/ledger")
        self.take("ledger")
        self.page.goto("/stock")
        self.take("stock")
        mine, self.page = self.page, self._open(DI)
        self.page.goto("/")
        self.take("today-es")
        for user_id, path, name in (
            (SAM, "/resupply", "resupply"),
            (DEE, "/depots/900", "depot"),
            (IVO, "/breaks", "breaks"),
        ):
            self.page = self._open(user_id)
            self.page.goto(path)
            self.take(name)
        self.page = self._open(OPERATOR)
        self._take_a_call()
        self.page = mine

    def take(self, name: str) -> None:
        """A picture of the page from its top, no higher than a reader would scroll."""
        height = self.page.evaluate("document.documentElement.scrollHeight")
        wide = SIZES[self.size]["width"]
        picture = self.page.screenshot(
            clip={"x": 0, "y": 0, "width": wide, "height": min(height, HEIGHT_MAX)},
            full_page=True,
            animations="disabled",
        )
        name = f"{name}-phone" if self.size == "phone" else name
        (FOLDER / f"{name}.png").write_bytes(shrink(picture))

    def _open(self, user_id: str) -> Page:
        context = self.browser.new_context(
            base_url=self.served.url, viewport=SIZES[self.size], reduced_motion="reduce"
        )
        person = Person(context.new_page(), self.served.demo.study("demo").login(user_id))
        person.sign_in()
        return person.page

    def _walk(self) -> None:
        """Screen, randomize and dispense, with a picture of each kind of page on the way."""
        ada = Person(self.page, self.served.demo.study("demo").login(ADA))
        self.page.goto("/do/screen")
        ada.send()  # nothing filled in
        self.take("error")
        screened = {
            "consent_date": _two_days_ago().isoformat(),
            "year_of_birth": "1968",
            "rescreened": "no",
        }
        ada.do("screen", screened)
        self.subject = self.page.inner_text(f"{MAIN} dd.number >> nth=0")
        self.page.goto(f"/do/randomize?subject={self.subject}&consent=yes&eligible=yes")
        ada.answer(IVO)
        self.take("question")
        ada.answer("female")
        ada.answer("moderate")
        self.take("check")
        ada.send()
        self.take("sign")
        self.page.fill("#secret", ada.who.pin)
        ada.send()
        ada.do("dispense", {"subject": self.subject, "visit": "V1"})
        self.take("receipt")
        self.page.goto(f"/subjects/{self.subject}")
        self.take("subject")

    def _take_a_call(self) -> None:
        """The operator writes down who calls, and looks up where to call back."""
        opal = Person(self.page, self.served.demo.study("demo").login(OPERATOR))
        answers = {
            "subject": self.subject,
            "caller": "Dr. J. Rivera, emergency room",
            "position": "treating_physician",
        }
        opal.do("take_emergency_call", answers)
        opal.follow("main a.button[href^='/emergency/']")
        self.take("emergency")

    def call(self) -> None:
        """Ring up and screen somebody, to the number that is told."""
        page, pin = self.page, self.served.demo.study("demo").login(ADA).pin
        page.goto("/simulator")
        page.click("#dial")
        day = f"{_two_days_ago():%d%m%Y}"
        born = "1961" if self.size == "phone" else "1957"
        for keys in ("1", f"{ADA}#", pin, "1", day, born, "2", "1"):
            heard = page.locator("#transcript .said").count()
            page.fill("#keys", keys)
            page.click("#press")
            expect(page.locator("#transcript .said")).not_to_have_count(heard)
        self.take("simulator")
        page.click("#hang-up")


def _two_days_ago() -> dt.date:
    """A day that is past at every site."""
    return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=2)


if __name__ == "__main__":
    sys.exit(main())
