"""The last kit, asked for by telephone, page, API and command at the same moment.

Nothing is dispensed by SMS, so the fourth channel texts a hand-over at that moment: it must not be
in anybody's way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import pytest

from core.errors import NoKitAvailable, Refused
from core.ledger.verify import verify
from prompts import catalogue
from tests.races.crowd import at_once
from tests.support.api import Api
from tests.support.pages import browser
from tests.support.telephone import sign_on, telephone
from tests.support.texting import Texting
from tests.support.world import PEOPLE, World

CODE: Final = "no_kit_available"
Ask = Callable[[], str | None]


def same_arm(world: World, count: int) -> list[str]:
    """That many subjects of one arm."""
    by_arm: dict[str, list[str]] = {}
    while True:
        number = world.randomized()
        alike = by_arm.setdefault(world.arm(number), [])
        alike.append(number)
        if len(alike) == count:
            return alike


def leave_one(world: World, subject: str) -> str:
    """Take all but one kit of the subject's type off the shelf; returns its number."""
    kind = "A" if world.arm(subject) == "active" else "B"
    shelf = world.rows(
        "SELECT number FROM kit WHERE study = 'combi' AND site = '101'"
        " AND disposition = 'available' ORDER BY number"
    )
    last, *others = [row.number for row in shelf if world.kit_type(row.number) == kind]
    for number in others:
        world.do("report_stock", "Ada", kit=number, condition="damaged")
    return str(last)


def by_phone(world: World, subject: str) -> Ask:
    """Up to the confirm by keypad; the code of the refusal heard, or None for a kit."""
    phone = telephone(world)
    sign_on(phone, "Ada", rest=f"401# 3 {subject}# 1")
    refusal = catalogue().render(NoKitAvailable().message, "en", spoken=True)

    def ask() -> str | None:
        said = phone.press("1")
        return CODE if refusal in said else None

    return ask


def by_page(world: World, subject: str) -> Ask:
    """Up to the check on a page."""
    here = browser(world, "Ivy")
    page = here.fill_in("dispense", {"subject": subject, "visit": "V1"})
    assert page.path.endswith("/check")

    def ask() -> str | None:
        return CODE if here.finish(page).status == 409 else None

    return ask


def by_api(world: World, subject: str) -> Ask:
    """One request."""
    api = Api(world)
    api.token("Pat")

    def ask() -> str | None:
        answer = api.do("dispense", "Pat", subject=subject, visit="V1")
        return str(answer.get_json()["code"]) if answer.status_code != 201 else None

    return ask


def by_command(world: World, subject: str) -> Ask:
    """As `ixrs do` does."""

    def ask() -> str | None:
        try:
            world.do("dispense", "Ada", subject=subject, visit="V1")
        except Refused as refused:
            return refused.code
        return None

    return ask


def test_the_last_kit_asked_for_on_every_channel_goes_to_one(crowded: World) -> None:
    first, *others = same_arm(crowded, 5)
    receipt = crowded.do("dispense", "Ada", subject=first, visit="V1")
    last = leave_one(crowded, first)
    ways = (by_phone, by_page, by_api, by_command)
    asks = [way(crowded, subject) for way, subject in zip(ways, others, strict=True)]
    (given,) = receipt.facts["kits"]
    text = f"GIVEN {receipt.confirmation} {given[-4:]}"
    texting = Texting(crowded)
    texted: Ask = partial(texting.text, "Ada", text)
    said = at_once([*asks, texted])[: len(ways)]
    assert sorted(str(one) for one in said) == ["None", CODE, CODE, CODE]
    (winner,) = [one for one, code in zip(others, said, strict=True) if code is None]
    owner = crowded.rows(
        "SELECT s.number FROM kit k JOIN subject s ON s.id = k.subject_id WHERE k.number = :n",
        n=last,
    )
    assert [row.number for row in owner] == [winner]
    refusals = crowded.rows("SELECT body FROM ledger WHERE study = 'combi' AND outcome = 'refused'")
    assert len(refusals) == 3
    assert all('"message":"error.no_kit_available","params":{}' in row.body for row in refusals)
    assert crowded.kit(given).confirmed_at is not None
    assert verify(crowded.core).ok


@pytest.mark.parametrize("who", ["Ada", "Ivy"])
def test_the_refusal_says_the_same_on_page_and_api(quick_world: World, who: str) -> None:
    subject, other = same_arm(quick_world, 2)
    leave_one(quick_world, subject)
    quick_world.do("dispense", "Ada", subject=subject, visit="V1")
    page = browser(quick_world, who).do("dispense", {"subject": other, "visit": "V1"})
    answer = Api(quick_world).do("dispense", who, subject=other, visit="V1").get_json()
    assert page.status == 409
    assert answer["code"] == CODE
    assert answer["detail"] in page.text
    assert PEOPLE[who] not in answer["detail"]
