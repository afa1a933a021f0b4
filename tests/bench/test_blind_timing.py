"""The timing of the blind: one line, keys that docs/ has, and a difference is told from none."""

from __future__ import annotations

import json
import random

import pytest

from tests.bench import blind_timing
from tests.bench.blind_timing import CHANCE_MAX, _compared, probability_longer, ranks_of
from tests.bench.test_benches import documented, names


@pytest.mark.slow
@pytest.mark.req("R6")
def test_blind_timing_prints_one_line_with_the_documented_keys(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blind_timing, "CHANCE_MAX", 0.0)  # so few subjects measure nothing
    assert blind_timing.main(["--n", "8"]) == 0
    *_, line = capsys.readouterr().out.splitlines()  # the server's log comes before, in tests
    found = json.loads(line)
    assert names(found, open_=("median_ms",)) - {"bench"} <= documented("blind_timing")
    assert {one["deed"] for one in found["deeds"]} >= {"randomize", "dispense", "phone_turn"}
    assert found["tells"] == []


def test_ranks_are_shared_by_equals_and_counted_over_all_pairs() -> None:
    assert ranks_of([5, 1, 5, 9]) == [2.5, 1.0, 2.5, 4.0]
    assert probability_longer(ranks_of([9, 8, 1, 2]), [True, True, False, False]) == 1.0
    assert probability_longer(ranks_of([1, 2, 3, 4]), [True, False, False, True]) == 0.5


@pytest.mark.req("R6")
def test_a_delay_for_one_arm_is_told_and_none_is_not() -> None:
    chance = random.Random(1)
    arms = ["active", "placebo"] * 100
    taken = [chance.gauss(20e6, 1e6) for _ in arms]
    alike = [round(one) for one in taken]
    delayed = [round(one + 1e6 * (arm == "active")) for one, arm in zip(taken, arms, strict=True)]
    assert _compared("x", alike, arms, chance)["by_chance"] > CHANCE_MAX
    told = _compared("x", delayed, arms, chance)
    assert told["by_chance"] < CHANCE_MAX
    assert told["probability_longer"] > told["null_95"]
