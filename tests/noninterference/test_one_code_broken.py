"""Breaking one code tells of no other subject: two worlds in which only the others differ.

The list gives the first subject the same arm in both; the others, and all kits but those that the
first one gets, are exchanged. Ivy breaks the first one's code and is told the treatment. From then
on she is as blind as before to all the others, and so is everybody else: what they get is compared
byte by byte, what she was told included.
"""

from __future__ import annotations

import pytest

from tests.noninterference.conftest import MakeWorld
from tests.noninterference.hands import Hands
from tests.noninterference.readings import read_all
from tests.noninterference.story_breaks import BREAK, told
from tests.noninterference.story_supply import SURE, kits_of
from tests.noninterference.watch import first_difference
from tests.support.shipments import shelf
from tests.support.swap import LOTS, NUMBER, OTHER, SOURCE, day_of, found, stock
from tests.support.world import PEOPLE, PIN, World

EARLY = (
    ("7691", "A50", "2027-05-01"),
    ("7692", "P50", "2027-05-02"),
    ("7693", "A20", "2027-05-03"),
    ("7694", "P20", "2027-05-04"),
)
"""Lots of two kits each that are the same in both worlds, and given first."""
EACH = 10
ARMS = ("active", "placebo")
ORDER = (0, 1, 0, 1, 1, 0, 0, 1)
"""The arms of the list, a place each; the other world has the others of all but the first."""
FILE = SOURCE.replace('method = "permuted_block"\nblock_sizes = [2, 4]', 'method = "list"')


def _set_up(world: World, exchanged: bool) -> World:
    here = found(world, FILE)
    lines = [
        f"all,{place},{9000 + place},{ARMS[arm ^ (exchanged and place > 1)]}"
        for place, arm in enumerate(ORDER, start=1)
    ]
    here.do(
        "import_list", "Stat", file="\n".join(["stratum,sequence,randomization_number,arm", *lines])
    )
    proposed = here.do("activate_list", "Stat", opened="1")
    here.do("approve", "Mia", proposal=str(proposed.facts["proposal"]))
    stock(here, EARLY, EARLY, 2, place=40_000)
    here.ship(2)
    lots = [(lot, OTHER[code] if exchanged else code, date) for lot, code, date in LOTS]
    stock(here, lots, lots, EACH)
    here.ship(EACH)
    return here


def _live(hands: Hands) -> list[str]:
    """The first one gets kits of the early lots, whose rest is gone; then the others."""
    world, day = hands.world, day_of(hands.world)
    first = str(hands.web("screen", "Ada", consent_date=day)["screening_number"])
    hands.web("randomize", "Ivy", subject=first, **SURE)
    hands.phone("dispense", "Ada", f"3 {first}# 1 1")
    for lot, _, _ in EARLY:
        for kit in shelf(world, lot=lot):
            world.do("report_stock", "Ada", kit=kit, condition="missing")
    others = []
    for do in (hands.web, hands.api, hands.command, hands.web):
        number = str(do("screen", "Ada", consent_date=day)["screening_number"])
        do("randomize", "Ivy", subject=number, **SURE)
        do("dispense", "Ada", subject=number, visit="V1")
        others.append(number)
    return [first, *others]


def _break(hands: Hands, first: str) -> None:
    """On the emergency line and on a page; read again by every way there is."""
    ivy = f"{PEOPLE['Ivy']}#{PIN}"
    hands.emergency("code_break", "Ivy", f"{ivy} {NUMBER}# {first}# 1 1 1")
    hands.web("code_break", "Ivy", subject=first, **BREAK)
    told(hands, "Ivy", first)


@pytest.mark.slow
@pytest.mark.req("R2")
def test_who_broke_one_code_learns_nothing_of_the_other_subjects(make_world: MakeWorld) -> None:
    worlds = []
    for exchanged in (False, True):
        hands = make_world(exchanged=exchanged, made=_set_up)
        numbers = first, *others = _live(hands)
        _break(hands, first)
        for number in others:
            kit = kits_of(hands, number)[0]
            hands.web("replace", "Ivy", subject=number, kit=kit, reason="lost")
            hands.command("unscheduled", "Ada", subject=number)
            with hands.as_("Ivy"):  # not hers to read
                assert hands.programs.get("Ivy", f"/treatments/{number}").status_code == 404
        hands.post()
        read_all(hands, numbers, ("Ivy", "Ada", "Cy", "Mia"))
        worlds.append((hands, numbers, [hands.world.arm(number) for number in numbers]))
    (one, ours, arms), (other, theirs, exchanged_arms) = worlds
    assert ours == theirs
    assert arms[0] == exchanged_arms[0]
    assert all(a != b for a, b in zip(arms[1:], exchanged_arms[1:], strict=True))
    assert any("Active" in (seen.told or b"").decode(errors="replace") for seen in one.watch.seen)
    difference = first_difference(one.watch.seen, other.watch.seen)
    assert difference is None, difference
