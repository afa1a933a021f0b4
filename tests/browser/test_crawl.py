"""Every page that each role comes to by links: sound markup, nothing for axe, light, narrow."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Response, ViewportSize

from tests.browser.person import MAIN, Person
from tests.browser.watch import Watch

if TYPE_CHECKING:
    from web.demo.history import Login
    from web.demo.running import Running

NARROW: Final[ViewportSize] = {"width": 360, "height": 740}
WIDE: Final[ViewportSize] = {"width": 1280, "height": 900}
OF_A_KIND_MAX: Final = 2
PAGES_MAX: Final = 160
_LINKS: Final = "as => [...new Set(as.map(a => a.href.split('#')[0]))]"
_EMPTY: Final = """() => document.querySelectorAll("main input, main textarea").forEach(field => {
    if (field.type === "radio") field.checked = false;
    else if (field.type !== "hidden") field.value = "";
})"""
_VOID: Final = frozenset({"br", "img", "input", "link", "meta", "hr", "wbr", "col"})
_WRONG: Final = ("/nothing-here", "/subjects/999999", "/kits/99999999", "/subjects?after=nonsense")
"""Pages that are asked for by mistake, by everybody."""

ROLES: Final = {
    "demo": {
        **{"coordinator": "1101", "unblinded_pharmacist": "1102", "investigator": "1202"},
        **{"pharmacist": "1104", "coordinator of two sites": "1901", "monitor": "1902"},
        **{"study_manager": "1001", "supply_manager": "1002", "quality": "1003", "depot": "1004"},
        **{"statistician": "1005", "safety": "1006", "emergency_operator": "1007"},
        **{"helpdesk": "1008", "auditor": "1009", "administrator": "1"},
    },
    "ist": {"open_label_investigator": "2301"},
}
REACHED: Final[dict[str, set[str]]] = {
    "coordinator": {
        *("/do/screen", "/do/randomize", "/do/dispense?subject", "/do/receive?shipment"),
        *("/draft/N/ask/subject", "/draft/N/check", "/subjects", "/subjects/N", "/kits/N"),
        *("/subjects/N/visits/N", "/shipments/N", "/stock", "/ledger", "/ledger?subject"),
    },
    "supply_manager": {
        *("/lots", "/lots/N", "/lots/N/trace", "/stock/lots?site", "/stock/lots?depot"),
        *("/resupply", "/depots", "/depots/N", "/shipments/N/order", "/shipments/N/types"),
        *("/accountability?of", "/accountability?site"),
    },
    "investigator": {"/treatments", "/breaks", "/do/code_break", "/views?subject"},
    "monitor": {"/breaks", "/views", "/do/assess_break?code_break"},
    "safety": {"/treatments", "/breaks", "/do/code_view"},
    "emergency_operator": {"/emergency", "/treatments", "/breaks", "/do/take_emergency_call"},
    "depot": {"/depots", "/depots/N", "/shipments/N/order", "/stock/lots?depot"},
    "study_manager": {"/do/grant_role", "/people/N", "/versions/N", "/publish", "/place"},
}
"""Kinds of pages that a crawl which lost its way would not come to."""
_CAST: Final = [(study, role) for study, roles in ROLES.items() for role in roles]


class _Markup(HTMLParser):
    """Whether every element is closed where it was opened (browsers mend what is not, silently),
    and of which kinds of elements the page is made: what axe says depends on those, not on data."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []
        self.ids: Counter[str] = Counter()
        self.shape: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids.update(value for name, value in attrs if name == "id" and value)
        names = sorted(name if name != "class" else f".{value}" for name, value in attrs)
        self.shape.add(f"{self.open[-1:]} {tag} {names}")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> at line {self.getpos()[0]} closes {self.open[-1:]}")
        while self.open and self.open.pop() != tag:
            pass

    def judge(self, markup: str) -> list[str]:
        """What is wrong with this page."""
        self.feed(markup)
        twice = [f"id {name} is there {n} times" for name, n in self.ids.items() if n > 1]
        return [*self.problems, *(f"<{tag}> is never closed" for tag in self.open), *twice]


class _Crawl:
    """One person's way over all pages that links lead to, a few of each kind."""

    def __init__(self, watch: Watch, looked_at: set[str]) -> None:
        self.watch, self.looked_at = watch, looked_at
        self.kinds: Counter[str] = Counter()
        self.found: list[str] = []
        self.queue: deque[str] = deque()
        self.visited: set[str] = set()

    def run(self) -> None:
        self.queue.extend(("/", *_WRONG))
        while self.queue and self.kinds.total() < PAGES_MAX:
            path = self.queue.popleft()
            kind = "wrong" if path in _WRONG else kind_of(path)
            enough = kind != "wrong" and self.kinds[kind] >= OF_A_KIND_MAX
            if enough or path in self.visited:
                continue
            self.visited.add(path)
            self.kinds[kind] += 1
            self._visit(path)
        assert self.kinds.total() < PAGES_MAX, "too many kinds of pages for this cap"

    def _visit(self, path: str) -> None:
        page = self.watch.page
        answer = self.watch.go(path)
        if answer.status >= 400 and path not in _WRONG and not _is_refusal(answer):
            self.found.append(f"{path}: status {answer.status}")
        markup = _Markup()
        problems = markup.judge(answer.text())
        seen = f"{kind_of(page.url)} {sorted(markup.shape)}"
        if seen not in self.looked_at:
            self.looked_at.add(seen)
            problems += self.watch.run_axe()
            self._look_wide(path)
        problems += self.watch.find_excess()
        self._note(path, problems)
        self.queue.extend(self._links())
        if "/ask/" in page.url:
            self._answer_nothing(path)

    def _look_wide(self, path: str) -> None:
        page = self.watch.page
        page.set_viewport_size(WIDE)
        self._note(f"{path} (wide)", self.watch.find_excess())
        page.set_viewport_size(NARROW)

    def _answer_nothing(self, path: str) -> None:
        """The same question with its error."""
        page, kind = self.watch.page, f"{kind_of(path)} answered with nothing"
        if kind in self.looked_at:
            return
        self.looked_at.add(kind)
        page.evaluate(_EMPTY)
        with page.expect_navigation():
            page.click(f"{MAIN} form[method=post] button")
        if page.locator(".errors").count():
            self._note(kind, [*self.watch.find_excess(), *self.watch.run_axe()])

    def _note(self, path: str, problems: list[str]) -> None:
        self.found += [f"{path}: {one}" for one in problems]

    def _links(self) -> Iterator[str]:
        here = urlsplit(self.watch.page.url)
        for address in self.watch.page.eval_on_selector_all("a[href]:not([download])", _LINKS):
            to = urlsplit(address)
            if to.netloc == here.netloc and to.path != "/sign-out":
                yield f"{to.path}?{to.query}" if to.query else to.path


def _is_refusal(answer: Response) -> bool:
    """Whether it is the page that tells of a refusal on record: where a link may well lead."""
    return answer.status == 409 and "/draft/" in answer.url


def kind_of(address: str) -> str:
    """The kind of page: the path without its numbers, and which questions it was asked."""
    parts = urlsplit(address)
    path = re.sub(r"/draft/[0-9a-f]+", "/draft/N", parts.path)
    path = re.sub(r"/\d+(?=/|$)", "/N", path)
    path = re.sub(r"(/visits/)\w+", r"\1N", path)
    asked = ",".join(sorted(parse_qs(parts.query)))
    return f"{path}?{asked}" if asked else path


@pytest.fixture(scope="package")
def looked_at() -> set[str]:
    """The kinds of questions that axe has seen with anybody: they look the same to everyone."""
    return set()


@pytest.mark.slow
@pytest.mark.parametrize(("study", "role"), _CAST, ids=[role for _, role in _CAST])
def test_every_page_that_a_role_comes_to_is_sound_light_narrow_and_for_everybody(
    served: Running, open_watch: Callable[..., Watch], looked_at: set[str], study: str, role: str
) -> None:
    watch = open_watch(360)
    who: Login = served.demo.study(study).login(ROLES[study][role])
    Person(watch.page, who).sign_in()
    if watch.page.url.endswith("/place"):
        watch.page.check(f"input[name=place][value^='{study} ']")
        with watch.page.expect_navigation():
            watch.page.click(f"{MAIN} form button")
    crawl = _Crawl(watch, looked_at)
    crawl.run()
    assert crawl.kinds.keys() >= REACHED.get(role, {"/", "/account", "wrong"})
    assert crawl.found + watch.take() == []


@pytest.mark.slow
def test_the_pages_before_sign_in_are_sound_light_narrow_and_for_everybody(
    open_watch: Callable[..., Watch],
) -> None:
    for language in ("en", "es"):
        watch = open_watch(360, language=language)
        crawl = _Crawl(watch, set())
        crawl.run()
        watch.go("/sign-in")
        watch.page.fill("#user_id", "987654")
        with watch.page.expect_navigation():
            watch.page.click(f"{MAIN} form button")
        crawl.found += watch.look()
        watch.go("/activate")
        with watch.page.expect_navigation():
            watch.page.click(f"{MAIN} form button")
        crawl.found += watch.look()
        assert crawl.found + watch.take() == []
        assert crawl.kinds["/activate"]
