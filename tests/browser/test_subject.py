"""A subject's first day by browser: screened, randomized, given a kit, receipts, hand-over."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.person import MAIN, Person
from tests.browser.watch import Watch

if TYPE_CHECKING:
    from web.demo.running import Running

ADA, DI = "1101", "1201"
INVESTIGATOR = {ADA: "1103", DI: "1202"}
LANGUAGE = {ADA: "en", DI: "es"}
TITLE = {"en": "Randomization", "es": "Aleatorización"}
DIGITS = re.compile(r"\d{6,}")
OpenWatch = Callable[..., Watch]


class _Day:
    """Ada's or Di's day, on a page that is looked at after every step."""

    def __init__(self, served: Running, watch: Watch, user_id: str, *, javascript: bool) -> None:
        self.watch, self.user_id, self.javascript = watch, user_id, javascript
        self.found: list[str] = []
        login = served.demo.study("demo").login(user_id)
        self.person = Person(watch.page, login, self._look)

    def _look(self) -> None:
        # Without JavaScript a page can still be measured: that runs outside of it. axe cannot.
        problems = self.watch.look() if self.javascript else self.watch.find_excess()
        self.found += [f"{self.watch.page.url}: {one}" for one in problems]

    def screen(self) -> str:
        """Screen somebody; the subject's number, read from the receipt."""
        signed_on = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=2)
        self.person.do(
            "screen",
            {"consent_date": signed_on.isoformat(), "year_of_birth": "1968", "rescreened": "no"},
        )
        found = DIGITS.search(self.watch.page.inner_text(f"{MAIN} .number"))
        assert found, self.watch.page.inner_text(MAIN)
        return found[0]

    def randomize(self, subject: str) -> str:
        """Randomize the subject; the confirmation number."""
        return self.person.do(
            "randomize",
            {
                "subject": subject,
                "consent": "yes",
                "eligible": "yes",
                "confirmed_by": INVESTIGATOR[self.user_id],
                "sex": "female",
                "severity": "mild",
            },
        )

    def dispense(self, subject: str) -> str:
        """Dispense the first visit's kit; its number."""
        self.person.do("dispense", {"subject": subject, "visit": "V1"})
        numbers = self.watch.page.locator(f"{MAIN} dd .number").all_inner_texts()
        (kit,) = (one for one in numbers if one != subject)
        return kit

    def hand_over(self, subject: str, kit: str) -> None:
        """Confirm that the subject has the kit."""
        self.person.do("hand_over", {"subject": subject, "carton_1": kit[-4:], "carton": kit[-4:]})

    def count_printed_pages(self) -> int:
        """How many pages the page would take on paper."""
        printed = io.BytesIO(self.watch.page.pdf(format="A4")).getvalue()
        return len(re.findall(rb"/Type\s*/Page\b", printed))


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("user_id", [ADA, DI], ids=["English", "Spanish"])
def test_a_subject_is_screened_randomized_and_given_a_kit_whose_receipt_prints_on_one_page(
    served: Running, open_watch: OpenWatch, user_id: str, javascript: bool, width: int
) -> None:
    language = LANGUAGE[user_id]
    watch = open_watch(width, javascript=javascript, language=language)
    day = _Day(served, watch, user_id, javascript=javascript)
    day.person.sign_in()
    subject = day.screen()
    confirmation = day.randomize(subject)
    assert watch.page.get_attribute("html", "lang") == language
    expect(watch.page.locator("h1")).to_have_text(TITLE[language])
    assert confirmation in watch.page.inner_text(MAIN)
    assert day.count_printed_pages() == 1
    kit = day.dispense(subject)
    assert day.count_printed_pages() == 1
    day.hand_over(subject, kit)
    watch.page.goto(f"/kits/{kit}")
    assert subject in watch.page.inner_text(MAIN)
    assert day.found + watch.take() == []
