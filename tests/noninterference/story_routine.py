"""What sites do all day, a few times on each channel: from consent to the second visit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.noninterference.hands import Facts, Hands
from tests.noninterference.story_supply import SURE, confirmation, keyed
from tests.support.swap import day_of

SUBJECTS: Final = 26
KITS_EACH: Final = 80
Deed = Callable[[Hands, str], Facts]
_WAYS: Final = ("phone", "web", "api", "command")


def _screen(hands: Hands, way: str) -> str:
    day = day_of(hands.world)
    if way == "phone":
        return str(hands.phone("screen", "Di", f"1 {keyed(day)} 1")["screening_number"])
    return str(_by(hands, way)("screen", "Di", consent_date=day)["screening_number"])


def _by(hands: Hands, way: str) -> Any:
    return {"web": hands.web, "api": hands.api, "command": hands.command}[way]


def _randomize(hands: Hands, way: str, number: str) -> None:
    if way == "phone":
        hands.phone("randomize", "Dan", f"2 {number}# 1 1 1")
    else:
        _by(hands, way)("randomize", "Dan", subject=number, **SURE)


def _dispense(hands: Hands, way: str, number: str, visit: str, **more: str) -> list[str]:
    """Dispense at the visit, and hand over; returns the kits' numbers."""
    if way == "phone":
        facts = hands.phone("dispense", "Di", f"3 {number}# 1 1{' 1' * len(more)}")
    else:
        facts = _by(hands, way)("dispense", "Di", subject=number, visit=visit, **more)
    return [str(kit) for kit in facts["kits"]]


def _hand_over(hands: Hands, way: str, number: str, kits: list[str]) -> None:
    ends = [kit[-4:] for kit in kits]
    if way == "sms":
        hands.sms("Di", f"GIVEN {confirmation(hands, number)} {' '.join(ends)}")
    elif way == "phone":
        hands.phone("hand_over", "Di", f"6 2 {number}# {' '.join(ends)} 1")
    else:
        cartons = {f"carton_{n}": four for n, four in enumerate(ends, start=1)}
        _by(hands, way)("hand_over", "Di", subject=number, **cartons)


def routine(hands: Hands, count: int = SUBJECTS) -> list[str]:
    """So many subjects at site 102; each next one a channel further. Returns their numbers."""
    hands.world.ship(KITS_EACH, "102", receive="Di")
    numbers = [_screen(hands, _WAYS[place % 4]) for place in range(count)]
    for place, number in enumerate(numbers):
        _randomize(hands, _WAYS[(place + place // 4) % 4], number)
    for place, number in enumerate(numbers):
        kits = _dispense(hands, _WAYS[(place + 1) % 4], number, "V1")
        _hand_over(hands, ("sms", *_WAYS)[place % 5], number, kits)
    return numbers


def four_weeks_on(hands: Hands, numbers: list[str]) -> None:
    """The visit with titration, for half of them; what else may happen at a visit for others."""
    for place, number in enumerate(numbers[:-8]):
        _dispense(hands, _WAYS[place % 4], number, "V2", dose=("d40", "d20", "d90")[place % 3])
    one, two, three, four, five, six, seven, eight = numbers[-8:]
    hands.phone("missed_visit", "Di", f"6 6 1 {one}# 1 1")
    hands.web("missed_visit", "Di", subject=two, visit="V2")
    without = {"visit": "V2", "reason": "subject"}
    hands.phone("visit_without_drug", "Di", f"6 6 2 {three}# 1 1 1")
    hands.api("visit_without_drug", "Di", subject=four, **without)
    ended = {"end_date": day_of(hands.world)}
    hands.phone("end", "Di", f"6 4 {five}# 1 {keyed(day_of(hands.world))} 1")
    hands.web("end", "Di", subject=six, what_ended="withdrawn", **ended)
    hands.api("end", "Di", subject=seven, what_ended="lost", **ended)
    hands.command("end", "Di", subject=eight, what_ended="completed", **ended)
    hands.phone("repeat", "Di", "6 5 1")
    hands.command("repeat", "Di")
    hands.command("dispense", "Di", subject=six, visit="V2")  # has left the study
    hands.api("randomize", "Dan", subject=one, **SURE)  # is randomized already
    hands.web("dispense", "Di", subject=five, visit="V2")
