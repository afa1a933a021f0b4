"""Doses: the kits of the level that a subject is on, moved step by step, held, given in part."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from core.facts import Facts
from core.messages import Digits, Labels, Message
from core.subjects.doses import dose_choices
from tests.support.doses import TITRATED, opened, refill, run_low, treated
from tests.support.stories import set_up
from tests.support.world import TODAY, Given, World

WHY: Given = {"reason": "safety"}
LOW, MIDDLE, HIGH = (Labels.of({"en": f"{n} milligrams"}) for n in (20, 40, 90))


def _do(world: World) -> Any:
    return lambda name, who, **given: world.do(name, who, **given).facts


@pytest.fixture
def titra(world: World) -> World:
    return set_up(world, TITRATED)


@pytest.fixture
def quick_titra(quick_world: World) -> World:
    return set_up(quick_world, TITRATED)


def _subject(world: World) -> str:
    return treated(_do(world))


def _in_both_arms(world: World) -> dict[str, str]:
    """A subject of each arm, by its arm."""
    found: dict[str, str] = {}
    while len(found) < 2:
        number = _subject(world)
        found[world.arm(number)] = number
    return found


def _sizes(world: World, kits: Any) -> list[str]:
    """The kits without the letter that is their arm's."""
    return sorted(world.kit_type(number)[1:] for number in kits)


def _letter(world: World, number: str) -> str:
    return "A" if world.arm(number) == "active" else "P"


def test_whoever_is_randomized_begins_with_the_first_dose(titra: World) -> None:
    number = _subject(titra)
    assert titra.subject(number).dose == "d40"
    assert titra.last_entry()["facts"]["dose"] == "d40"
    receipt = titra.do("dispense", "Ada", subject=number, visit="V1")
    kits = receipt.facts["kits"]
    assert _sizes(titra, kits) == ["20", "20"]
    assert {titra.kit_type(kit)[0] for kit in kits} == {_letter(titra, number)}
    assert receipt.facts["dose"] == receipt.facts["dose_before"] == "d40"
    assert receipt.notes == (Message("note.dose", {"dose": MIDDLE}),)
    assert titra.one("SELECT dose FROM visit") == "d40"


def test_the_dose_is_asked_only_where_the_visit_may_move_it(quick_titra: World) -> None:
    number = _subject(quick_titra)
    quick_titra.wrong("dose", "dispense", "Ada", subject=number, visit="V1", dose="d90")
    quick_titra.dispense(number, "V1")
    quick_titra.days_later(28)
    quick_titra.wrong("dose", "dispense", "Ada", subject=number, visit="V2")


def test_a_dose_moved_at_a_visit_is_given_there_and_stays(titra: World) -> None:
    number = _subject(titra)
    titra.dispense(number, "V1")
    titra.days_later(28)
    given: Given = {"subject": number, "visit": "V2", "dose": "d90"}
    receipt = titra.do("dispense", "Ada", **given)
    assert _sizes(titra, receipt.facts["kits"]) == ["20", "20", "50"]
    assert (receipt.facts["dose_before"], receipt.facts["dose"]) == ("d40", "d90")
    assert titra.subject(number).dose == "d90"
    unscheduled = titra.do("unscheduled", "Ada", subject=number)
    assert _sizes(titra, unscheduled.facts["kits"]) == ["20", "20", "50"]
    assert unscheduled.facts["dose"] == "d90"


def test_a_dose_goes_one_step_at_a_time_each_level_under_its_own_key(quick_titra: World) -> None:
    world = quick_titra
    number = _subject(world)
    answers = {"subject": number}
    with world.core.reading() as db:
        facts = Facts(db, world.core, actor=world.actor("Ada"), study="titra", site="101",
                      now=world.core.now())  # fmt: skip
        middle = dose_choices(facts.config, facts, answers)
    assert [(one.key, one.value, one.label) for one in middle] == [
        ("1", "d20", Message("choice.dose_down", {"dose": LOW})),
        ("2", "d40", Message("choice.dose_same", {"dose": MIDDLE})),
        ("3", "d90", Message("choice.dose_up", {"dose": HIGH})),
    ]
    world.do("change_dose", "Ada", subject=number, dose="d20", **WHY)
    world.wrong("dose", "change_dose", "Ada", subject=number, dose="d90", **WHY)
    world.wrong("dose", "change_dose", "Ada", subject=number, dose="d20", **WHY)
    world.do("change_dose", "Ada", subject=number, dose="d40", **WHY)


def test_a_dose_changed_between_visits_is_given_at_the_next_one(titra: World) -> None:
    number = _subject(titra)
    receipt = titra.do("change_dose", "Ada", subject=number, dose="d20", **WHY)
    assert receipt.facts == {"before": "d40", "dose": "d20", "reason": "safety", "details": None}
    assert receipt.said == Message("said.change_dose", {"subject": Digits(number), "dose": LOW})
    assert _sizes(titra, titra.dispense(number, "V1")) == ["20"]
    titra.refused("not_allowed", "change_dose", "Bo", subject=number, dose="d40", **WHY)


def test_nothing_is_given_while_a_dose_is_held_and_the_visit_goes_on_record(titra: World) -> None:
    number = _subject(titra)
    kits = titra.dispense(number, "V1")
    titra.do("hold_dose", "Ada", subject=number, **WHY)
    titra.days_later(28)
    held: Given = {"subject": number}
    deeds: dict[str, Given] = {
        "dispense": {"visit": "V2", "dose": "d40"},
        "unscheduled": {},
        "replace": {"kit": kits[0], "reason": "lost"},
        "hold_dose": WHY,
    }
    for name, given in deeds.items():
        refused = titra.refused("dose_held", name, "Ada", **held, **given)
        assert str(refused.message.params["date"]) == TODAY
    titra.do("visit_without_drug", "Ada", subject=number, visit="V2", reason="investigator")
    receipt = titra.do("resume_dose", "Ada", subject=number)
    assert str(receipt.facts["held_on"]) == TODAY
    titra.refused("dose_not_held", "resume_dose", "Ada", subject=number)
    assert len(titra.do("unscheduled", "Ada", subject=number).facts["kits"]) == 2


def test_a_dose_can_be_held_where_there_are_no_levels(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.do("hold_dose", "Ada", subject=number, **WHY)
    quick_world.refused("dose_held", "dispense", "Ada", subject=number, visit="V1")
    with pytest.raises(Exception, match="not_found"):
        quick_world.do("change_dose", "Ada", subject=number, dose="d20", **WHY)


@pytest.mark.parametrize("dose", ["d20", "d40", "d90"])
def test_both_arms_are_given_as_many_kits_of_each_look(quick_titra: World, dose: str) -> None:
    world, seen = quick_titra, {}
    numbers = _in_both_arms(world)
    for number in numbers.values():
        world.do("missed_visit", "Ada", subject=number, visit="V1")
    world.days_later(28)
    for number in numbers.values():
        given: Given = {"subject": number, "visit": "V2", "dose": dose}
        kits = world.do("dispense", "Ada", **given).facts["kits"]
        seen[world.arm(number)] = Counter(_sizes(world, kits))
    assert seen["active"] == seen["placebo"]


def test_several_kits_are_given_all_or_none(quick_titra: World) -> None:
    number = _subject(quick_titra)
    run_low(quick_titra)
    quick_titra.refused("no_kit_available", "dispense", "Ada", subject=number, visit="V1")
    quick_titra.do("change_dose", "Ada", subject=number, dose="d20", **WHY)
    assert len(quick_titra.dispense(number, "V1")) == 1


def test_an_open_study_gives_what_there_is_where_its_file_says_so(world: World) -> None:
    here = set_up(world, opened(partial=True))
    number, other = _subject(here), _subject(here)
    run_low(here)
    receipt = here.do("dispense", "Ada", subject=number, visit="V1")
    assert len(receipt.facts["kits"]) == receipt.facts["kits_lacking"] == 1
    assert receipt.notes == (
        Message("note.dose", {"dose": MIDDLE}),
        Message("note.kits_lacking", {"count": 1}),
    )
    run_low(here, 0)
    here.refused("no_kit_available", "dispense", "Ada", subject=other, visit="V1")


def test_the_rest_of_a_visit_is_given_when_it_is_there(quick_world: World) -> None:
    here = set_up(quick_world, opened(partial=True))
    number = _subject(here)
    refused = here.refused("visit_not_expected", "give_rest", "Ada", subject=number)
    assert refused.message.id == "error.nothing_lacking"
    here.do("change_dose", "Ada", subject=number, dose="d90", **WHY)
    run_low(here)
    first = here.dispense(number, "V1")
    assert _sizes(here, first) == ["20", "50"]
    here.refused("no_kit_available", "give_rest", "Ada", subject=number)
    refill(here)
    receipt = here.do("give_rest", "Ada", subject=number)
    (kit,) = receipt.facts["kits"]
    assert _sizes(here, [kit]) == ["20"]
    assert here.kit(kit).visit_id == here.kit(first[0]).visit_id
    assert "kits_lacking" not in receipt.facts
    here.do("hand_over", "Ada", subject=number, confirmation=receipt.confirmation,
            carton_1=kit[-4:])  # fmt: skip
    here.refused("visit_not_expected", "give_rest", "Ada", subject=number)


def test_what_was_replaced_or_never_given_is_no_part_of_the_rest(quick_world: World) -> None:
    here = set_up(quick_world, opened(partial=True))
    number = _subject(here)
    first, second = here.dispense(number, "V1")
    here.do("replace", "Ada", subject=number, kit=first, reason="lost")
    here.refused("visit_not_expected", "give_rest", "Ada", subject=number)
    given: Given = {"subject": number, "kit": second, "storage_confirmed": "yes"}
    proposed = here.do("never_got_it", "Ada", **given)
    here.do("approve", "Cy", proposal=str(proposed.facts["proposal"]))
    here.refused("visit_not_expected", "give_rest", "Ada", subject=number)
    here.do("replace", "Ada", subject=number, kit=second, reason="not_given")
    here.refused("visit_not_expected", "give_rest", "Ada", subject=number)


def test_only_a_study_that_gives_in_part_has_a_rest(titra: World) -> None:
    with pytest.raises(Exception, match="not_found"):
        titra.do("give_rest", "Ada", subject=_subject(titra))


def test_an_open_study_gives_all_or_none_where_its_file_says_nothing(quick_world: World) -> None:
    here = set_up(quick_world, opened())
    number = _subject(here)
    run_low(here)
    here.refused("no_kit_available", "dispense", "Ada", subject=number, visit="V1")


def test_an_arm_to_which_a_level_gives_nothing_has_a_visit_without_drug(
    quick_world: World,
) -> None:
    source = opened(TITRATED.replace("amount = 40", 'kits = { active = ["A20"], "*" = [] }'))
    here = set_up(quick_world, source)
    untreated = _in_both_arms(here)["placebo"]
    refused = here.refused("visit_not_expected", "dispense", "Ada", subject=untreated, visit="V1")
    assert refused.message.id == "error.visit_without_drug_next"
    here.do("visit_without_drug", "Ada", subject=untreated, visit="V1", reason="planned")
