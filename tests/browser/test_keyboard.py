"""A page without a mouse: everything is reached by Tab, and shows where one is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from playwright.sync_api import expect

from tests.browser.person import MAIN
from tests.browser.watch import Watch

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from web.demo.running import Running

TABS_MAX: Final = 60
_HERE: Final = """() => {
    const here = document.activeElement, style = getComputedStyle(here);
    return {
        id: here.id, path: here.getAttribute("href") || "", tag: here.tagName.toLowerCase(),
        shows: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        main: !!here.closest("main") && here.id !== "main",
    };
}"""


class _Keyboard:
    """Hands on the keys. Nothing here touches an element but by Tab, Space, Enter and typing."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def tab_to(self, what: str, wanted: str) -> None:
        """Press Tab until the focus is on the element whose `what` is `wanted`."""
        for _ in range(TABS_MAX):
            self.page.keyboard.press("Tab")
            here = self.page.evaluate(_HERE)
            assert here["shows"], f"the focus does not show on {here}"
            if here[what] == wanted and (what != "tag" or here["main"]):
                return
        raise AssertionError(f"Tab does not lead to {what} {wanted} on {self.page.url}")

    def type_into(self, id_: str, text: str) -> None:
        """Fill in a field."""
        self.tab_to("id", id_)
        self.page.keyboard.type(text)

    def enter(self) -> None:
        """Press Enter and wait for the next page."""
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


def test_a_subject_is_screened_with_the_keyboard_alone(
    served: Running, open_watch: Callable[..., Watch]
) -> None:
    watch = open_watch(1280)
    page, keys = watch.page, _Keyboard(watch.page)
    ada = served.demo.study("demo").login("1101")
    page.goto("/sign-in")
    keys.type_into("user_id", ada.user_id)
    keys.type_into("secret", ada.pin)
    keys.enter()
    keys.tab_to("path", "/do/screen")
    keys.enter()
    keys.tab_to("tag", "button")  # nothing filled in: the summary of errors takes over
    keys.enter()
    expect(page.locator(".errors")).to_be_focused()
    keys.tab_to("path", "#answer-day")
    page.keyboard.press("Enter")
    signed_on = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3)
    page.keyboard.type(str(signed_on.day))
    keys.type_into("answer-month", str(signed_on.month))
    keys.type_into("answer-year", str(signed_on.year))
    keys.enter()
    keys.type_into("answer", "1971")
    keys.enter()
    keys.tab_to("id", "answer")
    page.keyboard.press("ArrowDown")  # from yes to no
    keys.enter()
    keys.tab_to("tag", "button")
    keys.enter()
    assert "/receipt/" in page.url, page.inner_text(MAIN)
    assert watch.take() == []


def test_the_first_tab_leads_past_the_menu_to_what_the_page_is_about(
    served: Running, open_watch: Callable[..., Watch]
) -> None:
    page = open_watch(360).page
    page.goto(f"{served.url}/sign-in")
    keys = _Keyboard(page)
    keys.tab_to("path", "#main")
    page.keyboard.press("Enter")
    keys.tab_to("id", "user_id")
    page.goto("/sign-in")
    assert page.evaluate("document.activeElement.id") != "user_id"
