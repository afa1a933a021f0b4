"""Arms forced by stock, through whole deeds: on record, made again, and never told apart."""

from __future__ import annotations

from collections import Counter

import pytest

from core.ledger.replay import replay
from core.ledger.verify import verify
from tests.core.supply.test_stocked import CARTER, carter
from tests.support.stories import set_up
from tests.support.world import TODAY, Given, World

SURE: Given = {"consent": "yes", "eligible": "yes"}
SECTIONS = {
    "permuted_block": 'method = "permuted_block"\nblock_sizes = [2, 4]',
    "simple": 'method = "simple"',
    "minimisation": 'method = "minimisation"\nmeasure = "range"\np = 0.7\noverall_weight = 1',
    "wei_urn": 'method = "wei_urn"\nalpha = 1\nbeta = 1',
}
FORCED = 'stock = "force"\n'


def study(method: str, rule: str) -> str:
    return CARTER.replace('method = "list"', SECTIONS[method]) + rule


def enrol(world: World, count: int) -> list[str]:
    """The arms of so many more subjects, who are given a kit at once."""
    arms = []
    for _ in range(count):
        number = world.do("randomize", "Ivy", **SURE).subject
        assert number is not None
        world.dispense(number)
        arms.append(world.arm(number))
    return arms


def no_more_of(world: World, kind: str) -> None:
    """Take the kits of a type off the shelf."""
    query = (
        "SELECT number FROM kit WHERE study = :study AND site = '101' AND disposition = 'available'"
    )
    for row in world.rows(query):
        if world.kit_type(row.number) == kind:
            world.do("report_stock", "Ada", kit=row.number, condition="missing")


def amend(world: World, source: str) -> None:
    version = str(world.do("publish", "Mia", file=source).facts["version"])
    world.do("approve_version", "Mia", to_site="101", version=version, effective_date=TODAY)


@pytest.mark.parametrize("backfill", ["", "backfill = true\n"])
@pytest.mark.parametrize("method", SECTIONS)
def test_forced_arms_are_made_again_with_what_was_stocked(
    quick_world: World, method: str, backfill: str
) -> None:
    here = set_up(quick_world, study(method, FORCED + backfill))
    enrol(here, 3)
    no_more_of(here, "KA")
    assert set(enrol(here, 5)) == {"B"}
    here.stock([("8801", "KA", "2029-06"), ("8802", "KB", "2029-06")], 9, start=500)
    here.ship(9)
    later = enrol(here, 7)
    assert "A" in later
    found = replay(here.core, here.study)
    assert (found.problems, found.draws) == ((), 15)


def test_another_rule_about_stock_goes_on_with_the_list_where_it_stands(
    quick_world: World,
) -> None:
    plain, forcing = (study("permuted_block", rule) for rule in ("", FORCED + "backfill = true\n"))
    here = set_up(quick_world, plain)
    enrol(here, 3)
    amend(here, forcing)
    no_more_of(here, "KA")
    enrol(here, 4)
    here.stock([("8801", "KA", "2029-06"), ("8802", "KB", "2029-06")], 9, start=500)
    here.ship(9)
    amend(here, plain + "lead_days = 1\n")
    enrol(here, 6)
    rows = here.rows("SELECT coalesce(row, number) AS place FROM draw WHERE study = :study")
    places = [row.place for row in rows]
    assert len(set(places)) == 13
    assert sorted(places) == list(range(1, 14))
    assert verify(here.core).problems == []


def test_an_imported_list_with_forced_places_is_made_again(quick_world: World) -> None:
    here = carter(quick_world, FORCED)
    arms = enrol(here, 5)
    assert Counter(arms) == {"A": 2, "B": 3}
    assert replay(here.core, here.study).problems == ()


@pytest.mark.parametrize("rule", [FORCED, ""])
def test_what_is_sealed_is_as_long_whether_and_whichever_arm_was_forced(
    quick_world: World, rule: str
) -> None:
    longer = study("simple", rule).replace('code = "B"', 'code = "much_longer_code"')
    longer = longer.replace('B = ["KB"]', 'much_longer_code = ["KB"]')
    here = set_up(quick_world, longer)
    enrol(here, 9)
    query = 'SELECT sequence, secret FROM ledger WHERE study = :study AND "transaction" = :t'
    rows = here.rows(query, t="randomize")
    assert len({len(bytes(row.secret)) for row in rows}) == 1
