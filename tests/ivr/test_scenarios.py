"""Golden calls, word for word, through the real webhooks (tests/scenarios/*.call)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import doses
from tests.support.demo_study import publish_demo
from tests.support.emergencies import night_in_madrid
from tests.support.scenario import FOLDER, play, read_scenario
from tests.support.stories import decide, set_up
from tests.support.telephone import telephone
from tests.support.world import World

CALLS = sorted(FOLDER.glob("*.call"))


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
def test_the_call_is_told_word_for_word(path: Path, quick_world: World) -> None:
    if path.stem.startswith("demo"):
        demo = publish_demo(quick_world)
        if path.stem.startswith("demo_code_break"):
            night_in_madrid(demo)
    if path.stem.startswith("code_break"):
        quick_world.randomized("Dan")
    if path.stem.startswith("dosed"):
        decide(set_up(quick_world), "open")
    if path.stem.startswith("titrated"):
        doses.before_a_titration(quick_world)
    phone = telephone(quick_world)
    play(read_scenario(path), phone, {})
    phone.hang_up()
