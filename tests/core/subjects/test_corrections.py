"""A stratum corrected: proposed at the site, signed by its investigator, both levels on record."""

from __future__ import annotations

import json

import pytest

from core.interview import Complete, advance
from core.messages import Labels, Message
from core.reading import Reader
from core.register import find
from core.subjects.levels import current_levels
from tests.support.stories import set_up
from tests.support.studies import COMBI, SOLO, capped
from tests.support.world import Given, World

NAME = "correct_levels"
RIGHT: Given = {"which_factor": "sex", "right_level": "M", "reason": "source"}


def propose(world: World, number: str, who: str = "Ada", **given: str) -> str:
    """A correction is proposed; the proposal's number."""
    answers = {**RIGHT, **given}
    done = world.do("correct_levels", who, subject=number, **answers)
    assert done.pending
    return str(done.facts["proposal"])


def correct(world: World, number: str, **given: str) -> None:
    """Ada proposes, Ivy approves."""
    world.do("approve", "Ivy", proposal=propose(world, number, **given))


def warned(world: World, name: str, who: str, site: str | None, **given: str) -> list[Message]:
    """What is shown before it is proposed, or signed."""
    with world.core.reading() as db:
        actor = world.actor(who)
        found = advance(world.core, db, find(name), actor, world.study, site, given)
    assert isinstance(found, Complete)
    return list(found.warnings)


@pytest.mark.req("R11")
def test_nothing_changes_before_the_investigator_has_signed(quick_world: World) -> None:
    number = quick_world.randomized(sex="F")
    proposal = propose(quick_world, number, details="Source page 3")
    entry = quick_world.last_entry()
    assert (entry["outcome"], entry["subject"]) == ("proposed", number)
    assert quick_world.subject(number).corrected is None
    quick_world.do("approve", "Ivy", proposal=proposal)
    assert json.loads(quick_world.subject(number).corrected) == {"sex": "M"}
    entry = quick_world.last_entry()
    assert (entry["subject"], entry["signatures"][0]["user_id"]) == (number, "12")
    assert entry["facts"] == {
        "factor": "sex",
        "randomized": "F",
        "before": "F",
        "after": "M",
        "reason": "source",
        "details": "Source page 3",
        "proposal": proposal,
        "approved": "correct_levels",
        "proposed_by": "11",
    }


def test_the_randomized_level_stays_and_dose_and_safety_go_by_the_corrected_one(
    quick_world: World,
) -> None:
    number = quick_world.randomized(sex="F")
    before = quick_world.subject(number)
    correct(quick_world, number)
    after = quick_world.subject(number)
    assert (after.levels, after.domain, after.arm) == (before.levels, before.domain, before.arm)
    assert current_levels(after) == {"sex": "M"}


def test_counts_for_later_draws_and_caps_keep_the_randomized_stratum(quick_world: World) -> None:
    text = capped(SOLO, '[[caps.strata]]\nlevels = { sex = "M" }\nrandomized = 1')
    here = set_up(quick_world, text.replace('"solo"', '"capped"').replace('"402"', '"443"'))
    number = str(here.randomized(sex="F"))
    correct(here, number)
    other = here.randomized(sex="M")
    here.refused("enrolment_cap_reached", "randomize", "Ivy", consent="yes", eligible="yes",
                 sex="M")  # fmt: skip
    domains = {here.subject(one).domain.rpartition("=")[2] for one in (number, other)}
    assert domains == {"F", "M"}
    rows = here.rows("SELECT domain, draws FROM allocator WHERE study = :study ORDER BY domain")
    assert [row.draws for row in rows] == [1, 1]


def test_a_minimisation_goes_on_counting_what_it_drew_with(quick_world: World) -> None:
    here = quick_world.of("mini")
    number = str(here.do("randomize", "Ivy", consent="yes", eligible="yes", sex="F").subject)
    state = here.rows("SELECT draws, state FROM allocator WHERE study = :study")
    correct(here, number)
    assert here.rows("SELECT draws, state FROM allocator WHERE study = :study") == state


@pytest.mark.parametrize("capped_factor", [False, True])
def test_the_effect_on_dose_caps_and_draws_is_shown_to_both_before_they_confirm(
    quick_world: World, capped_factor: bool
) -> None:
    here, number = quick_world, quick_world.randomized(sex="F")
    if capped_factor:
        text = capped(COMBI, '[[caps.strata]]\nlevels = { sex = "M" }\nrandomized = 90')
        here.do("publish", "Mia", file=text)
        here.do("move_to_version", "Mia", subject=number, version="2")
    expected = [
        Message("warn.correction_dose"),
        Message("warn.correction_caps" if capped_factor else "warn.correction_no_cap"),
        Message(
            "warn.correction_counts",
            {"title": Labels((("en", "Sex"),)), "value": Labels((("en", "Female"),))},
        ),
    ]
    assert warned(here, "correct_levels", "Ada", "101", subject=number, **RIGHT) == expected
    proposal = propose(here, number)
    shown = warned(here, "approve", "Ivy", None, proposal=proposal)
    assert shown[0] == Message("menu.correct_levels")
    assert shown[-3:] == expected


def test_who_proposes_does_not_approve_and_only_an_investigator_of_the_site_does(
    quick_world: World,
) -> None:
    number = quick_world.randomized(sex="F")
    own = propose(quick_world, number, who="Ivy")
    quick_world.refused("same_signer", "approve", "Ivy", proposal=own)
    for who in ("Ada", "Pat", "Cy", "Quinn", "Mia", "Dan"):
        quick_world.refused("not_allowed", "approve", who, proposal=own)
    unsigned = propose(quick_world, number)
    quick_world.refused("signature_missing", "approve", "Ivy", signed=False, proposal=unsigned)
    assert quick_world.subject(number).corrected is None


def test_an_investigator_signs_nothing_of_a_subject_who_has_moved_away(
    quick_world: World,
) -> None:
    number = quick_world.randomized(sex="F")
    proposal = propose(quick_world, number)
    quick_world.do("move_subject", "Mia", subject=number, to_site="102")
    quick_world.refused("not_allowed", "approve", "Ivy", proposal=proposal)


def test_a_proposal_that_no_longer_fits_is_not_approved(quick_world: World) -> None:
    number = quick_world.randomized(sex="F")
    first, second = propose(quick_world, number), propose(quick_world, number)
    quick_world.do("approve", "Ivy", proposal=first)
    quick_world.wrong("proposal", "approve", "Ivy", proposal=second)


def test_a_level_corrected_back_is_as_randomized_again_and_the_ledger_keeps_each_step(
    quick_world: World,
) -> None:
    number = quick_world.randomized(sex="F")
    correct(quick_world, number)
    correct(quick_world, number, right_level="F", reason="entry")
    assert quick_world.subject(number).corrected is None
    rows = quick_world.rows("SELECT body FROM ledger WHERE study = :study ORDER BY sequence")
    steps = [json.loads(row.body)["facts"] for row in rows]
    approved = [(one["before"], one["after"]) for one in steps if one.get("approved") == NAME]
    assert approved[-2:] == [("F", "M"), ("M", "F")]


def test_only_a_randomized_subject_has_levels_and_only_another_level_is_offered(
    quick_world: World,
) -> None:
    waiting = quick_world.screen()
    quick_world.refused("not_randomized", "correct_levels", "Ada", subject=waiting, **RIGHT)
    number = quick_world.randomized(sex="F")
    same = {**RIGHT, "right_level": "F"}
    quick_world.wrong("right_level", "correct_levels", "Ada", subject=number, **same)


def test_records_shown_have_both_levels(quick_world: World) -> None:
    number = quick_world.randomized(sex="F")
    correct(quick_world, number)
    with quick_world.core.reading() as db:
        shown = Reader(quick_world.core, db, quick_world.actor("Ada"), "combi").subject(number)
    assert (shown["levels"], shown["corrected"]) == ({"sex": "F"}, {"sex": "M"})
