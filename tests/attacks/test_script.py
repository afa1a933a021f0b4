"""Script in every text field, read back by everybody in a real browser: it is only ever text."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from core.runtime import Core
from core.study.versions import latest_config
from tests.attacks.poison import SCRIPT, poison
from tests.browser.person import MAIN, Person
from tests.browser.test_crawl import kind_of
from tests.support.api import serving
from web.app import create_app

if TYPE_CHECKING:
    from web.demo.history import Demo

PAGES_MAX: Final = 160
ROLES: Final = {
    "coordinator": "1101",
    "study_manager": "1001",
    "supply_manager": "1002",
    "emergency_operator": "1007",
    "auditor": "1009",
}
_FOR_EACH: Final = {"/", "/subjects", "/subjects/N", "/ledger", "/breaks"}
_LINKS: Final = "as => [...new Set(as.map(a => a.href.split('#')[0]))]"
_INJECTED: Final = """() => [
    window.owned === 1 ? 'script ran' : '',
    document.querySelector('[onerror]') ? 'an element was made' : '',
    [...document.scripts].some(one => one.text.includes('owned')) ? 'a script was made' : '',
    document.documentElement.outerHTML.includes('62710561') ? 'a template was filled' : '',
].filter(Boolean)"""


@pytest.fixture
def poisoned(demo_database: Demo) -> Iterator[tuple[str, Demo]]:
    """The demo with script in every text, served on this machine: its address."""
    settings = replace(demo_database.settings, public_url="http://127.0.0.1")
    core = Core.from_settings(settings)
    with core.reading() as db:
        config = latest_config(db, core, "demo")
    assert poison(core, config) > 100
    core.engine.dispose()
    core = Core.from_settings(settings)
    with serving(create_app(core)) as url:
        yield url, demo_database
    core.engine.dispose()


@pytest.fixture(scope="module")
def asked() -> set[str]:
    """The kinds of pages that somebody has looked at: they are made the same way for everyone."""
    return set()


class Crawl:
    """One person's way over all kinds of pages, with script typed into every field on them."""

    def __init__(self, page: Page, asked: set[str]) -> None:
        self.page, self.asked = page, asked
        self.found: list[str] = []
        self.shown = 0
        self.kinds: Counter[str] = Counter()
        page.on("dialog", lambda dialog: self.found.append(f"dialog on {page.url}"))
        page.on("console", lambda told: self._hear(told.text))

    def _hear(self, words: str) -> None:
        if "Content Security Policy" in words:
            self.found.append(f"{self.page.url}: {words}")

    def run(self) -> None:
        """Go to one page of each kind."""
        queue, seen = deque(["/"]), set[str]()
        while queue and self.kinds.total() < PAGES_MAX:
            path = queue.popleft()
            kind = kind_of(path)
            if path in seen or self.kinds[kind] or kind in self.asked:
                continue
            seen.add(path)
            self.kinds[kind] += 1
            self.page.goto(path, wait_until="domcontentloaded")
            if kind not in _FOR_EACH:
                self.asked.add(kind)
            self.look()
            here = urlsplit(self.page.url)
            for link in self.page.eval_on_selector_all("a[href]:not([download])", _LINKS):
                to = urlsplit(link)
                if to.netloc == here.netloc and to.path != "/sign-out":
                    queue.append(f"{to.path}?{to.query}" if to.query else to.path)
            self.type_in()

    def look(self) -> None:
        """Whether anything of the script has become more than text."""
        self.found += [f"{self.page.url}: {one}" for one in self.page.evaluate(_INJECTED)]
        self.shown += "<script>owned" in self.page.inner_text("body")

    def type_in(self) -> None:
        """Send script in every text field of the page's own forms, wherever they lead."""
        address = urlsplit(self.page.url)
        typed = self.page.locator("main form input[type=text], main form textarea")
        names = {typed.nth(n).get_attribute("name") for n in range(typed.count())} - {None}
        if not names:
            return
        if self.page.locator("main form.filter").count():
            query = "&".join(f"{name}={quote(SCRIPT)}" for name in sorted(map(str, names)))
            self.page.goto(f"{address.path}?{query}")
        else:
            for n in range(typed.count()):
                typed.nth(n).fill(SCRIPT)
            with self.page.expect_navigation():
                self.page.locator("main form[method=post] button").first.click()
        self.look()


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_script_in_any_text_is_text_to_everybody_who_reads_it(
    browser: Browser, poisoned: tuple[str, Demo], asked: set[str], role: str
) -> None:
    url, demo = poisoned
    context = browser.new_context(base_url=url)
    context.set_default_timeout(10_000)
    try:
        page = context.new_page()
        Person(page, demo.study("demo").login(ROLES[role])).sign_in()
        if page.url.endswith("/place"):
            page.check("input[name=place][value^='demo ']")
            with page.expect_navigation():
                page.click(f"{MAIN} form button")
        crawl = Crawl(page, asked)
        crawl.run()
    finally:
        context.close()
    assert crawl.found == []
    assert crawl.shown > 2
    assert crawl.kinds.total() < PAGES_MAX


def test_script_that_is_not_told_as_text_is_found(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(f"<input value='{SCRIPT}'>")
    assert page.evaluate(_INJECTED) != []
    page.close()
