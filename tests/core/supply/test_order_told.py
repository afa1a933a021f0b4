"""The order in which kits are told: their ids run lot by lot, so it is always that of numbers."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from core.listing import Listing
from core.reading import Reader
from core.today import _hand_overs
from tests.support.doses import TITRATED, treated
from tests.support.shipments import on_shelf
from tests.support.stories import set_up
from tests.support.world import Given, World


def _in_order(told: Iterable[str]) -> None:
    numbers = list(told)
    assert len(numbers) > 1
    assert numbers == sorted(numbers)


def test_the_record_tells_the_kits_of_a_shipment_by_number(quick_world: World) -> None:
    query = "SELECT number FROM shipment WHERE study = :study AND site = '101'"
    given: Given = {"chosen_by": "shipment", "shipment": quick_world.one(query), "event": "doubt"}
    told = quick_world.do("quarantine_kits", "Ada", **given)
    assert told.facts["count"] == 16
    _in_order(told.facts["kits"])


def test_the_record_tells_verified_kits_by_number(quick_world: World) -> None:
    query = (
        "SELECT number FROM kit WHERE study = :study AND site = '101' "
        "AND disposition = 'available' ORDER BY id"
    )
    kits = [row.number for row in quick_world.rows(query)]
    for number in kits:
        quick_world.do("report_stock", "Ada", kit=number, condition="damaged")
    told = quick_world.do("verify_kits", "Cy", kits=",".join(kits), agrees="yes")
    _in_order(told.facts["kits"])


def test_kits_that_were_named_type_by_type_are_proposed_by_number(quick_world: World) -> None:
    kits = [number for alike in on_shelf(quick_world, "101").values() for number in alike]
    told = quick_world.do(
        "transfer_kits",
        "Sam",
        from_site="101",
        to_site="102",
        kits=" , ".join(kits),
        storage_in_order="yes",
        reason="Site 102 is short",
    )
    _in_order(told.facts["answers"]["kits"].split(","))
    approved = quick_world.do("approve", "Quinn", proposal=str(told.facts["proposal"]))
    _in_order(approved.facts["kits"])


@pytest.mark.parametrize("arm", ["active", "placebo"])
def test_a_subjects_kits_are_told_by_number(quick_world: World, arm: str) -> None:
    here = set_up(quick_world, TITRATED)
    number = ""
    while not number or here.arm(number) != arm:
        number = treated(lambda name, who, **given: here.do(name, who, **given).facts)
    here.do("missed_visit", "Ada", subject=number, visit="V1")
    here.days_later(28)
    here.do("dispense", "Ada", subject=number, visit="V2", dose="d90")
    with here.core.reading() as db:
        ada = here.actor("Ada")
        shown = Reader(here.core, db, ada, here.study).subject(number)["kits"]
        listed = Listing(here.core, db, ada, here.study).list_kits_of(number)
        (waiting,) = _hand_overs(db, here.study, "101")
    _in_order(one["number"] for one in shown)
    _in_order(one.number for one in listed)
    _in_order(waiting.kits)
    given: Given = {f"carton_{n}": one[-4:] for n, one in enumerate(waiting.kits, start=1)}
    _in_order(here.do("hand_over", "Ada", subject=number, **given).facts["kits"])
