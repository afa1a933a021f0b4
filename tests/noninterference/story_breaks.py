"""Codes are broken, viewed and opened as planned, by people who are unblinded by that: whoever is
not learns that it was done, and nothing more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tests.noninterference.hands import Hands
from tests.support.pages import Browser, Control
from tests.support.shipments import shelf
from tests.support.swap import NUMBER, day_of
from tests.support.world import PEOPLE, PIN

BREAK: Final = {"reason": "medical_emergency"}
VIEW: Final = {"reason": "safety_report"}
CALL: Final = {
    "caller": "Dr Reyes, General Hospital",
    "position": "emergency_service",
    "card_code": "K-117",
}


def breaks(hands: Hands, numbers: list[str]) -> None:
    """With subjects of site 102, the first six of them: each deed of the blind on each channel."""
    one, two, three, four, five, six = numbers[:6]
    dan = f"{PEOPLE['Dan']}#{PIN}"
    hands.emergency("code_break", "Dan", f"{dan} {NUMBER}# {one}# 1 1 2 1")
    hands.phone("code_break", "Dan", f"9 {two}# 1 1 {PIN} 1")
    hands.web("code_break", "Dan", subject=three, **BREAK)
    hands.api("code_break", "Dan", subject=four, **BREAK)
    hands.command("code_break", "Dan", subject=five, **BREAK)
    hands.web("code_break", "Dan", subject=five, reason="other", details="Once more")
    _failed(hands, numbers)
    for read in ((hands.web, six), (hands.api, one), (hands.command, three)):
        read[0]("code_view", "Saf", subject=read[1], **VIEW)
    kits = shelf(hands.world, "102")
    hands.web("unblind_kit", "Dan", kit=kits[0], **BREAK)
    hands.api("view_kit", "Saf", kit=kits[1], **VIEW)
    _for_callers(hands, six, five)
    for who, number in (("Dan", three), ("Saf", six), ("Dan", three)):
        told(hands, who, number)
    _planned(hands)
    _assessed(hands)


def _failed(hands: Hands, numbers: list[str]) -> None:
    """Who may not, or names nobody whose code could be broken."""
    stranger = numbers[6]
    hands.web("code_break", "Ivy", subject=stranger, **BREAK)
    hands.api("code_break", "Ivy", subject="999999", **BREAK)
    hands.command("code_break", "Ada", subject=stranger, **BREAK)
    ivy = f"{PEOPLE['Ivy']}#{PIN}"
    hands.emergency("code_break", "Ivy", f"{ivy} {NUMBER}# {stranger}# {stranger}# {stranger}#")
    hands.emergency("code_break", "Ada", f"{PEOPLE['Ada']}#{PIN}")
    hands.command("unblind_study", "Mia", purpose="end_of_study", documented_in="Plan 4")
    with hands.as_("Ivy"):
        hands.programs.get("Ivy", f"/treatments/{numbers[0]}")
    hands.ixrs("Cy", *_read_by("Cy", numbers[0], hands))


def _for_callers(hands: Hands, number: str, broken: str) -> None:
    """Otto reveals, on each channel; Opal sends a caller away, and stays blinded."""
    for do, called_back in (
        (hands.web, PEOPLE["Dan"]),
        (hands.api, "none_reachable"),
        (hands.command, PEOPLE["Dan"]),
    ):
        call = str(do("take_emergency_call", "Otto", subject=number, **CALL)["call"])
        do("break_for_caller", "Otto", call=call, called_back=called_back, **BREAK)
    call = str(hands.web("take_emergency_call", "Opal", subject=broken, **CALL)["call"])
    hands.web("decline_caller", "Opal", call=call, why_not="not_identified")
    call = str(hands.api("take_emergency_call", "Opal", subject=number, **CALL)["call"])
    hands.api("decline_caller", "Opal", call=call, why_not="call_ended")


def told(hands: Hands, who: str, number: str) -> None:
    """They have it told: on a page, by a program, by a command."""
    with hands.as_(who):
        browser = Browser(hands.browser(who))
        page = browser.get("/treatments")
        form = next(one for one in page.forms if ("subject", number) in _values(one.controls))
        assert browser.send(page, form).status == 200
        assert hands.programs.get(who, f"/treatments/{number}").status_code == 200
    assert hands.ixrs(who, *_read_by(who, number, hands))[0] == 0


def _values(controls: Iterable[Control]) -> set[tuple[str, str]]:
    return {(one.name, one.value) for one in controls}


def _read_by(who: str, number: str, hands: Hands) -> tuple[str, ...]:
    of = ("treatment", number, "--study", hands.world.study)
    return (*of, "--as", PEOPLE[who], "--secret-stdin")


def _planned(hands: Hands) -> None:
    """For an analysis: to the statistician alone."""
    given = {"purpose": "analysis", "open_to": PEOPLE["Stat"], "until": day_of(hands.world)}
    facts = hands.web("unblind_study", "Mia", **given, documented_in="Analysis plan 4")
    hands.api("approve", "Stat", proposal=str(facts["proposal"]))
    with hands.as_("Stat"):
        assert hands.pages.post("Stat", "/treatments/all").status_code == 200


def _assessed(hands: Hands) -> None:
    query = (
        "SELECT confirmation FROM ledger WHERE study = :study AND outcome = 'done' "
        "AND \"transaction\" = 'code_break' ORDER BY sequence"
    )
    first, second = [row.confirmation for row in hands.world.rows(query)][:2]
    hands.web("assess_break", "Cy", code_break=first, assessment="No effect on the analysis")
    hands.api("assess_break", "Mia", code_break=second, assessment="To be left out")
