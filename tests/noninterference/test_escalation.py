"""Cohorts, a run-in and an extension: who of a cohort is on the dose shows nowhere.

In the other world the lower dose and placebo are exchanged, with their kits: whoever of a cohort
draws the one draws the other.
"""

from __future__ import annotations

import pytest

from tests.noninterference.conftest import MakeWorld
from tests.noninterference.hands import Hands
from tests.noninterference.readings import read_all
from tests.noninterference.watch import first_difference
from tests.support.stories import set_up
from tests.support.studies import DOSED
from tests.support.swap import day_of
from tests.support.world import World

LINE = "+12025550160"
NUMBER = "405"
SURE = {"consent": "yes", "eligible": "yes", "sex": "F"}
SEX = """
[[factors]]
name = "sex"
label = { en = "Sex" }
levels = [
    { value = "F", label = { en = "Female" } },
    { value = "M", label = { en = "Male" } },
]
"""
READERS = ("Ada", "Ivy", "Cy")
_LOW = '[[arms]]\ncode = "low"\nname = { en = "Low dose" }\n'
_HIGH = '[[arms]]\ncode = "high"\nname = { en = "High dose" }\n'
_PLACEBO = '[[arms]]\ncode = "placebo"\nname = { en = "Placebo" }\n'
_A = '[[kit_types]]\ncode = "A"\ndescription = "10 mg"\ngroup = "Capsules"\n'
_B = '[[kit_types]]\ncode = "B"\ndescription = "20 mg"\ngroup = "Capsules"\n'
_P = '[[kit_types]]\ncode = "P"\ndescription = "Placebo"\ngroup = "Capsules"\n'


def _file(*, exchanged: bool) -> str:
    """The study file; the run-in is on a type that is not exchanged."""
    text = (DOSED + SEX).replace('{ "*" = ["P"] }', '{ "*" = ["B"] }')
    if not exchanged:
        return text
    for one, other in (
        ((_LOW, _HIGH, _PLACEBO), (_PLACEBO, _HIGH, _LOW)),
        ((_A, _B, _P), (_P, _B, _A)),
    ):
        assert "\n".join(one) in text
        text = text.replace("\n".join(one), "\n".join(other))
    return text


def _set_up(world: World, exchanged: bool) -> World:
    return set_up(world, _file(exchanged=exchanged))


def _live(hands: Hands) -> list[str]:
    """A cohort from its opening to the decision after it; one of it goes on in the open."""
    day = day_of(hands.world)
    hands.web("decide_cohort", "Mia", decision="open")
    numbers = []
    for do in (hands.web, hands.api, hands.command, hands.web):
        number = str(do("screen", "Ada", consent_date=day)["screening_number"])
        do("enter_phase", "Ada", subject=number, phase="RI")
        do("dispense", "Ada", subject=number, visit="R1")
        do("randomize", "Ivy", subject=number, **SURE)
        do("dispense", "Ada", subject=number, visit="D1")
        numbers.append(number)
    one, two, three, four = numbers
    answers = dict(zip(numbers, ("no", "yes", "no", "no"), strict=True))
    hands.phone("respond", "Ada", f"6 6 6 7 {one}# {day[8:]}{day[5:7]}{day[:4]} 2 1")
    for do, number in ((hands.web, two), (hands.api, three), (hands.command, four)):
        do("respond", "Ada", subject=number, assessed_on=day, answer=answers[number])
    right = {"assessed_on": day, "answer": "no", "reason": "entry"}
    made = hands.web("correct_response", "Ada", subject=two, **right)
    hands.web("approve", "Ivy", proposal=str(made["proposal"]))
    level = {"which_factor": "sex", "right_level": "M", "reason": "entry"}
    made = hands.api("correct_levels", "Ada", subject=three, **level)
    hands.api("approve", "Ivy", proposal=str(made["proposal"]))
    hands.web("decide_cohort", "Mia", decision="escalate", reason="As planned")
    hands.web("enter_phase", "Ada", subject=four, phase="OLE")
    hands.api("dispense", "Ada", subject=four, visit="O1")
    return numbers


@pytest.mark.slow
@pytest.mark.req("R6")
def test_who_of_a_cohort_is_on_the_dose_shows_nowhere(make_world: MakeWorld) -> None:
    worlds = []
    for exchanged in (False, True):
        hands = make_world(exchanged=exchanged, made=_set_up, number=NUMBER, line=LINE)
        numbers = _live(hands)
        hands.post()
        read_all(hands, numbers, READERS)
        worlds.append((hands, numbers, [hands.world.arm(number) for number in numbers]))
    (one, ours, arms), (other, theirs, exchanged_arms) = worlds
    assert ours == theirs
    assert {*zip(arms, exchanged_arms, strict=True)} == {("low", "placebo"), ("placebo", "low")}
    assert one.refused == []
    difference = first_difference(one.watch.seen, other.watch.seen)
    assert difference is None, difference
