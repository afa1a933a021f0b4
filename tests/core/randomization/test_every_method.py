"""Each method of the study file, through whole deeds: drawn, made again, and proved."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.ledger.replay import replay
from tests.support.methods import DESIGNS, LEFT_OUT, enrol, study_file, trial
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


def test_strata_whose_names_are_too_long_for_the_tables_are_told_apart(
    quick_world: World,
) -> None:
    """Their domains end with a digest of the whole name."""
    long = "".join(
        f'[[factors]]\nname = "{"n" * 28}{place}"\nlabel.en = "Factor"\nlevels = ['
        f'{{ value = "{"v" * 28}x", label.en = "X" }}, {{ value = "{"v" * 28}y", label.en = "Y" }}]'
        "\n\n"
        for place in range(5)
    )
    here = trial(
        quick_world, study_file("AB", 'method = "permuted_block"\nblock_sizes = [2]', long)
    )
    for last in "xyx":
        given = {f"{'n' * 28}{place}": f"{'v' * 28}x" for place in range(4)}
        here.randomized(**given, **{f"{'n' * 28}4": f"{'v' * 28}{last}"})
    rows = here.rows("SELECT domain, draws FROM allocator WHERE study = :study")
    assert sorted(row.draws for row in rows) == [1, 2]
    assert {len(row.domain) for row in rows} == {200}
    assert replay(here.core, here.study).problems == ()
