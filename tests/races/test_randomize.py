"""Forty at once: no number doubled, none left out, the list followed to the letter."""

from __future__ import annotations

import itertools
import json
from functools import partial

import pytest

from core.ledger.verify import verify
from core.randomization.blocks import list_rows
from core.study.seed import study_seed
from core.transaction import Receipt
from tests.races.crowd import at_once, done
from tests.support.world import World

THREADS = 40


def _draws_in_ledger_order(world: World) -> list[tuple[str, int]]:
    rows = world.rows(
        "SELECT sequence FROM ledger WHERE study = :study AND \"transaction\" = 'randomize' "
        "AND outcome = 'done' ORDER BY sequence"
    )
    return [tuple(json.loads(world.secrets(row.sequence)["draw"][1])) for row in rows]


def _check(world: World, results: list[Receipt]) -> None:
    numbers = [receipt.facts["randomization_number"] for receipt in results]
    assert len(set(numbers)) == THREADS
    assert len({receipt.confirmation for receipt in results}) == THREADS
    assert [number for _, number in _draws_in_ledger_order(world)] == list(range(1, THREADS + 1))
    assert world.one("SELECT draws FROM allocator WHERE study = :study") == THREADS
    assert world.one("SELECT count(*) FROM draw WHERE study = :study") == THREADS
    sequences = world.rows("SELECT sequence FROM ledger WHERE study = :study ORDER BY sequence")
    assert [row.sequence for row in sequences] == list(range(1, len(sequences) + 1))
    assert verify(world.core).ok


@pytest.mark.parametrize("study", ["combi", "solo"])
def test_forty_in_one_stratum_follow_the_list(crowded: World, study: str) -> None:
    world = crowded.of(study)
    if study == "combi":
        subjects: list[str | None] = [world.screen() for _ in range(THREADS)]
    else:
        subjects = [None] * THREADS
    who = itertools.cycle(["Ada", "Ivy", "Pat"])
    deeds = [
        partial(world.randomize, number, name, confirmed_by="12")
        if name != "Ivy"
        else partial(world.randomize, number, name)
        for number, name in zip(subjects, who, strict=False)
    ]
    results = done(at_once(deeds))
    assert len(results) == THREADS
    _check(world, results)
    with world.core.reading() as db:
        seed = study_seed(world.core, db, study)
    rows = list_rows(seed, "v1|sex=F", {"active": 2, "placebo": 1}, (3, 6))
    expected = [row.arm for row in itertools.islice(rows, THREADS)]
    by_draw = world.rows(
        "SELECT s.number FROM draw d JOIN subject s ON s.id = d.subject_id "
        "WHERE d.study = :study ORDER BY d.number"
    )
    assert [world.arm(row.number) for row in by_draw] == expected


def test_forty_minimised_at_once_are_counted_one_after_another(crowded: World) -> None:
    world = crowded.of("mini")
    deeds = [
        partial(world.randomize, None, "Ivy", sex=sex)
        for sex in itertools.islice(itertools.cycle("FM"), THREADS)
    ]
    results = done(at_once(deeds))
    assert len(results) == THREADS
    _check(world, results)
