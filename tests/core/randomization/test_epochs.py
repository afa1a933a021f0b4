"""After an amendment: arms closed, subjects counted on, lists begun anew; blocks that belong."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from core.db.drawing import allocator
from core.ledger.replay import replay
from core.ledger.verify import verify
from core.randomization.drawn import state_about
from tests.support.methods import CODE, DESIGNS, enrol, study_file, trial
from tests.support.world import TODAY, Given, World

MINIMISED = 'method = "minimisation"\nmeasure = "range"\np = 0.8\n'


def amend(world: World, source: str, *, sites: tuple[str, ...] = ("101", "102")) -> None:
    """The next version, in effect at these sites today."""
    version = world.do("publish", "Mia", file=source).facts["version"]
    for site in sites:
        given: Given = {"to_site": site, "version": str(version), "effective_date": TODAY}
        world.do("approve_version", "Mia", **given)


def closed(source: str, arm: str) -> str:
    """The study file with an arm closed."""
    head = f'code = "{arm}"\n'
    return source.replace(head, f"{head}closed = true\n")


def state(world: World, domain: str) -> dict[str, Any]:
    """What the allocator of a domain keeps sealed."""
    query = select(allocator).where(allocator.c.study == CODE, allocator.c.domain == domain)
    with world.core.reading() as db:
        row = db.execute(query).one()
    found: dict[str, Any] = json.loads(world.core.keys.open(state_about(row)))
    return found


@pytest.mark.parametrize(
    "section", [MINIMISED, 'method = "permuted_block"\nblock_sizes = [12]', 'method = "simple"']
)
def test_an_arm_closed_by_an_amendment_is_never_drawn_again(
    quick_world: World, section: str
) -> None:
    source = study_file("AABC", section)
    here = trial(quick_world, source)
    before = {here.arm(number) for number in enrol(here, 30)}
    assert before == {"A", "B", "C"}
    amend(here, closed(source, "C"))
    after = {here.arm(number) for number in enrol(here, 24)}
    assert after == {"A", "B"}
    assert replay(here.core, CODE).problems == ()


@pytest.mark.parametrize("kept", ["", "ratio_preserving = true\n"])
def test_minimisation_counts_those_randomized_before_an_amendment(
    quick_world: World, kept: str
) -> None:
    here = trial(quick_world, study_file("AAB", MINIMISED + kept))
    numbers = enrol(here, 20)
    amend(here, study_file("AAB", MINIMISED.replace("0.8", "0.7") + kept))
    numbers += enrol(here, 1)
    found = state(here, "v2|minimisation")
    columns = 3 if kept else 2
    totals = found["state"][:columns]
    arms = Counter(here.arm(number) for number in numbers)
    a_subjects = sum(totals[:2]) if kept else totals[0]
    assert (a_subjects, totals[-1]) == (arms["A"], arms["B"])
    if kept:
        assert abs(totals[0] - totals[1]) <= 1
    assert set(found["levels"]["centre"]) == {"101", "102"}
    enrol(here, 6)
    assert verify(here.core).problems == []


def test_sites_on_either_version_go_on_side_by_side(quick_world: World) -> None:
    here = trial(quick_world, study_file("AB", MINIMISED))
    enrol(here, 6)
    amend(here, study_file("AB", MINIMISED.replace("0.8", "0.7")), sites=("102",))
    enrol(here, 12)
    domains = here.rows("SELECT domain, draws FROM allocator WHERE study = :study ORDER BY domain")
    assert [tuple(row) for row in domains] == [("v1|minimisation", 13), ("v2|minimisation", 5)]
    assert verify(here.core).problems == []


def test_a_cluster_keeps_its_arm_after_an_amendment(quick_world: World) -> None:
    source = DESIGNS["cluster"]
    here = trial(quick_world, source)
    numbers = enrol(here, 15)
    amend(here, source.replace('{ method = "simple" }', '{ method = "big_stick", mti = 2 }'))
    numbers += enrol(here, 15)
    given: dict[tuple[str, str], set[str]] = {}
    for number in numbers:
        levels = json.loads(here.subject(number).levels)
        given.setdefault((levels["centre"], levels["sex"]), set()).add(here.arm(number))
    assert {len(arms) for arms in given.values()} == {1}
    assert verify(here.core).problems == []


def test_blocks_handed_to_sites_are_used_up_by_the_site_that_has_them(quick_world: World) -> None:
    section = 'method = "permuted_block"\nblock_sizes = [4]\nbind = "dynamic"'
    source = study_file("AB", section).partition("\n[[factors]]")[0]
    here = trial(quick_world, source)
    for place in range(22):
        who = "Dan" if place % 3 == 0 else "Ivy"
        here.do("randomize", who, consent="yes", eligible="yes")
    rows = here.rows(
        "SELECT s.site, s.number, l.block FROM draw d JOIN subject s ON s.id = d.subject_id "
        "JOIN list_row l ON l.study = d.study AND l.domain = d.domain AND l.sequence = d.row "
        "WHERE d.study = :study"
    )
    blocks: dict[int, list[tuple[str, str]]] = {}
    for row in rows:
        blocks.setdefault(row.block, []).append((row.site, here.arm(row.number)))
    for members in blocks.values():
        assert len({site for site, _ in members}) == 1
        if len(members) == 4:
            assert Counter(arm for _, arm in members) == {"A": 2, "B": 2}
    assert sorted(len(members) for members in blocks.values())[2:] == [4] * (len(blocks) - 2)
    assert replay(here.core, CODE).problems == ()
