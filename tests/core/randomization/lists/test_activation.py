"""Nobody is drawn from a list, or from a seed kept for two persons, before both have signed."""

from __future__ import annotations

from typing import Any

import pytest

from core.facts import Facts
from core.interview import Complete, walk
from core.register import find
from tests.support.lists import FIRST, LISTED, a_list, activated, listed, rows
from tests.support.world import Given, World

TWO_PERSONS = LISTED.replace(
    'method = "list"', 'method = "permuted_block"\nblock_sizes = [3, 6]\nactivation = "two_person"'
)
SURE: Given = {"consent": "yes", "eligible": "yes"}


def randomized(world: World, sex: str = "F") -> Any:
    """Randomized by Ivy; the receipt."""
    return world.do("randomize", "Ivy", sex=sex, **SURE)


def shown(world: World, name: str, who: str, **given: str) -> tuple[Any, ...]:
    """What the person is warned of before confirming."""
    with world.core.reading() as db:
        facts = Facts(
            db,
            world.core,
            actor=world.actor(who),
            study=world.study,
            site=None,
            now=world.core.now(),
        )
        found = walk(find(name), facts, given)
    assert isinstance(found, Complete)
    return found.warnings


def test_nobody_is_drawn_from_a_list_before_two_persons_opened_it(world: World) -> None:
    here = listed(world)
    here.refused("not_randomizable", "randomize", "Ivy", sex="F", **SURE)
    here.do("import_list", "Tess", file=FIRST)
    here.refused("not_randomizable", "randomize", "Ivy", sex="F", **SURE)
    proposed = here.do("activate_list", "Tess", opened="1")
    here.refused("not_randomizable", "randomize", "Ivy", sex="F", **SURE)
    here.do("approve", "Mia", proposal=str(proposed.facts["proposal"]))
    first, second = randomized(here), randomized(here)
    assert [one.facts["randomization_number"] for one in (first, second)] == ["1001", "1002"]
    assert here.arm(first.subject) == "active"


def test_the_second_person_is_another_one(world: World) -> None:
    here = listed(world)
    here.do("import_list", "Tess", file=FIRST)
    proposal = str(here.do("activate_list", "Tess", opened="1").facts["proposal"])
    here.refused("same_signer", "approve", "Tess", proposal=proposal)
    here.refused("not_allowed", "approve", "Cy", proposal=proposal)
    facts = here.do("approve", "Mia", proposal=proposal).facts
    assert (facts["proposed_by"], facts["list_version"], facts["rows"]) == ("5", 1, 12)
    (row,) = here.rows("SELECT * FROM list_version WHERE study = :study")
    assert row.activated_by == "2"


def test_a_list_is_opened_once(world: World) -> None:
    here = listed(world)
    here.do("import_list", "Tess", file=FIRST)
    second = here.do("activate_list", "Tess", opened="1").facts["proposal"]
    activated(here)
    nothing = here.wrong("opened", "activate_list", "Tess", opened="1")
    assert nothing.message.id == "error.no_choice"
    here.wrong("proposal", "approve", "Mia", proposal=str(second))


def test_both_signers_see_version_rows_strata_and_commitment_and_never_an_arm(
    world: World,
) -> None:
    here = listed(world)
    commitment = here.do("import_list", "Tess", file=FIRST).facts["list_commitment"]
    (first,) = shown(here, "activate_list", "Tess", opened="1")
    proposal = here.do("activate_list", "Tess", opened="1").facts["proposal"]
    second = shown(here, "approve", "Mia", proposal=str(proposal))[-1]
    assert first == second
    assert first.params["commitment"] == commitment
    assert (first.params["version"], first.params["rows"]) == (1, 12)
    parts = [(one.params["name"], one.params["rows"]) for one in first.params["strata"]]
    assert parts == [("sex=F", 6), ("sex=M", 6)]
    assert "active" not in repr(first)
    assert "placebo" not in repr(first)


def test_the_end_of_a_list_refuses_and_a_later_version_goes_on(world: World) -> None:
    here = listed(world)
    here.do("import_list", "Tess", file=a_list(rows("sex=F", "aap")))
    activated(here)
    for _ in range(3):
        randomized(here)
    here.refused("not_randomizable", "randomize", "Ivy", sex="F", **SURE)
    here.refused("not_randomizable", "randomize", "Ivy", sex="M", **SURE)
    more = a_list(
        rows("sex=F", "paa", start=4, number=1004, block=2), rows("sex=M", "apa", number=1101)
    )
    here.do("import_list", "Tess", file=more)
    here.refused("not_randomizable", "randomize", "Ivy", sex="F", **SURE)
    activated(here, "2")
    assert randomized(here).facts["randomization_number"] == "1004"
    assert randomized(here, "M").facts["randomization_number"] == "1101"


def test_a_version_is_not_opened_before_the_one_that_it_goes_on_from(world: World) -> None:
    here = listed(world)
    here.do("import_list", "Tess", file=a_list(rows("sex=F", "aap")))
    more = a_list(rows("sex=F", "paa", start=4, number=1004, block=2))
    here.do("import_list", "Tess", file=more)
    later = here.do("activate_list", "Tess", opened="2").facts["proposal"]
    here.refused("list_not_open", "approve", "Mia", proposal=str(later))
    activated(here, "1")
    here.do("approve", "Mia", proposal=str(later))


def test_a_seed_kept_for_two_persons_is_drawn_from_once_both_have_signed(world: World) -> None:
    here = listed(world, "two", text=TWO_PERSONS)
    here.refused("not_randomizable", "randomize", "Ivy", sex="F", **SURE)
    published = here.one('SELECT "commitment" FROM study WHERE code = :study')
    done = activated(here, "seed-1")
    assert done.facts["list_commitment"] == published
    assert randomized(here).facts["randomization_number"]
    here.wrong("opened", "activate_list", "Tess", opened="seed-1")


def test_a_study_that_asks_for_no_second_person_has_nothing_to_open(world: World) -> None:
    here = world.of("solo")
    here.do("grant_role", "Mia", user_id="4", role="statistician")
    with pytest.raises(Exception, match="not_found"):
        here.do("activate_list", "Quinn", opened="seed-1")


def test_who_opened_a_seed_stays_on_record_when_it_was_proposed_twice(world: World) -> None:
    here = listed(world, "two", text=TWO_PERSONS)
    first, second = (
        str(here.do("activate_list", "Tess", opened="seed-1").facts["proposal"]) for _ in range(2)
    )
    here.do("approve", "Mia", proposal=first)
    opened = here.rows("SELECT activated_at FROM study_version WHERE study = :study")
    here.wrong("proposal", "approve", "Mia", proposal=second)
    assert here.rows("SELECT activated_at FROM study_version WHERE study = :study") == opened
