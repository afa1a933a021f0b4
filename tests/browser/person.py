"""Somebody at a browser, who reads the page and does what it says. Works without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from playwright.sync_api import Page

if TYPE_CHECKING:
    from web.demo.history import Login

ASK: Final = re.compile(r"/ask/([^/?]+)$")
MAIN: Final = "main#main"
SEND: Final = f"{MAIN} form[method=post] button"
QUESTIONS_MAX: Final = 20


class Person:
    """A person of the demo at a page. `look` is called at each page of a deed."""

    def __init__(self, page: Page, who: Login, look: Callable[[], None] | None = None) -> None:
        self.page, self.who = page, who
        self.look = look or (lambda: None)

    def sign_in(self) -> None:
        """Sign in with the PIN."""
        self.page.goto("/sign-in")
        self.page.fill("#user_id", self.who.user_id)
        self.page.fill("#secret", self.who.pin)
        self.look()
        self.send()
        assert "/sign-in" not in self.page.url, self.page.inner_text(MAIN)

    def send(self) -> None:
        """Press the one button of the page's form, and wait for the page that follows."""
        self.follow(SEND)

    def follow(self, selector: str) -> None:
        """Press this, and wait for the page that it leads to."""
        with self.page.expect_navigation():
            self.page.click(selector)

    def answer(self, value: str) -> None:
        """Answer the question of this page: a day as ISO has it, a choice by its value."""
        if self.page.locator("#answer-day").count():
            year, month, day = value.split("-")
            for part, text in (("day", day), ("month", month), ("year", year)):
                self.page.fill(f"#answer-{part}", text)
        elif self.page.locator("input[name=answer][type=radio]").count():
            self.page.check(f"input[name=answer][value='{value}']")
        else:
            self.page.fill("#answer", value)
        self.send()

    def fill_in(self, deed: str, answers: Mapping[str, str]) -> None:
        """Start a deed from the page of today and answer until the answers are to be checked."""
        self.page.goto("/")
        self.follow(f"a[href='/do/{deed}']")
        for _ in range(QUESTIONS_MAX):
            asked = ASK.search(self.page.url)
            if asked is None:
                break
            self.look()
            self.answer(answers[asked[1]])
        assert self.page.url.endswith("/check"), f"{self.page.url}\n{self.page.inner_text(MAIN)}"
        self.look()

    def do(self, deed: str, answers: Mapping[str, str]) -> str:
        """The whole of a deed, signed where it asks for that; its confirmation number."""
        self.fill_in(deed, answers)
        self.send()
        if self.page.url.endswith("/sign"):
            self.look()
            self.page.fill("#secret", self.who.pin)
            self.send()
        assert "/receipt/" in self.page.url, f"{self.page.url}\n{self.page.inner_text(MAIN)}"
        self.look()
        return self.page.url.rpartition("/")[2]
