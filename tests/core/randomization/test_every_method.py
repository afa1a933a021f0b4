"""Each method of the study file, through whole deeds: drawn, made again, and proved."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.ledger.replay import replay
from tests.support.methods import DESIGNS, LEFT_OUT, enrol, trial
from tests.support.world import World

SUBJECTS = 32


def test_no_method_is_left_out() -> None:
    assert sorted(LEFT_OUT) == ["list"]


@pytest.mark.parametrize("name", DESIGNS)
def test_every_draw_can_be_made_again_and_an_altered_arm_is_found(
    quick_world: World, name: str
) -> None:
    here = trial(quick_world, DESIGNS[name])
    numbers = enrol(here, SUBJECTS)
    arms = [here.arm(number) for number in numbers]
    assert len(set(arms)) > 1
    clean = replay(here.core, here.study)
    assert (clean.problems, clean.draws) == ((), SUBJECTS)
    other = next(arm for arm in arms if arm != arms[9])
    wrong = _give(here, numbers[9], other)
    found = replay(here.core, here.study)
    assert found.first_wrong is not None
    assert (found.first_wrong.study, found.first_wrong.sequence) == (here.study, wrong)
    assert found.first_wrong.why == "the subject's record differs from the entry"


def _give(world: World, number: str, arm: str) -> int:
    """Write another arm for a subject, with the installation's own keys; the entry of the draw."""
    sealed = world.core.keys.seal(f"{world.study}|subject|{number}", arm).token
    with world.core.engine.begin() as db:
        db.execute(
            text("UPDATE subject SET arm = :arm WHERE study = :study AND number = :number"),
            {"arm": sealed, "study": world.study, "number": number},
        )
    query = (
        "SELECT sequence FROM ledger WHERE study = :study AND subject = :n "
        "AND \"transaction\" = 'randomize'"
    )
    return int(world.one(query, n=number))
