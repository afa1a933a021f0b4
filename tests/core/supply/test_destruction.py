"""The end of a kit: authorised by the sponsor, destroyed with a certificate, accounted to zero."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.messages import Digits, Message
from core.supply.accountability import accountability
from core.supply.accounts import SiteLine
from tests.core.supply.test_lifecycle import CERTIFICATE, UNITS
from tests.support.shipments import depot_person, shelf
from tests.support.world import Given, World

BASIS: Given = {"basis": "End of the study", "budget_minutes": "0"}
DIGEST = "ab" * 32


def _verified(world: World) -> str:
    """A kit that a subject brought back and the monitor counted."""
    number = world.randomized()
    (kit,) = world.dispense(number)
    world.do("return_kit", "Ada", subject=number, kit=kit, **UNITS)
    world.do("verify_kits", "Cy", kits=kit, agrees="yes")
    return kit


def _account(world: World) -> SiteLine:
    with world.core.reading() as db:
        found = accountability(world.core, db, world.actor("Ada"), world.study, "101")
    return found.sites[0]


def test_kits_are_destroyed_only_when_the_sponsor_has_signed_for_it(quick_world: World) -> None:
    world = quick_world
    kit = _verified(world)
    told = world.refused("kit_not_usable", "destroy_kits", "Pat", kits=kit, **CERTIFICATE)
    assert told.message == Message("error.kit_is_verified", {"kit": Digits(kit)})
    for who in ("Ada", "Cy", "Quinn", "Mia"):
        world.refused("not_allowed", "authorise_destruction", who, None, kits=kit)
    world.refused("signature_missing", "authorise_destruction", "Sam", signed=False, kits=kit)
    facts = world.do("authorise_destruction", "Sam", kits=kit, details="Returns of May").facts
    assert facts == {
        "kits": [kit],
        "count": 1,
        "before": ["verified"],
        "after": "to_destroy",
        "details": "Returns of May",
    }
    assert [one for one, _, roles in world.messages() if roles == "pharmacist unblinded_pharmacist"
            ][-1] == "sms.to_destroy"  # fmt: skip
    world.refused("signature_missing", "destroy_kits", "Pat", signed=False, kits=kit, **CERTIFICATE)
    world.do("destroy_kits", "Pat", kits=kit, **CERTIFICATE)
    assert world.kit(kit).disposition == "destroyed"


@pytest.mark.req("R25")
def test_the_certificate_is_on_record_with_method_witness_and_digest(quick_world: World) -> None:
    world = quick_world
    kit = _verified(world)
    world.do("authorise_destruction", "Sam", kits=kit)
    wrong = {**CERTIFICATE, "certificate_digest": "abc"}
    world.wrong("certificate_digest", "destroy_kits", "Ada", kits=kit, **wrong)
    late = {**CERTIFICATE, "destroyed_date": "2026-11-21"}
    world.wrong("destroyed_date", "destroy_kits", "Ada", kits=kit, **late)
    world.do("destroy_kits", "Ada", kits=kit, **CERTIFICATE, certificate_digest=DIGEST)
    entry = world.last_entry()
    assert entry["signatures"][0]["meaning"] == "destroy_kits"
    assert entry["facts"] == {
        "kits": [kit],
        "count": 1,
        "before": "to_destroy",
        "after": "destroyed",
        **CERTIFICATE,
        "certificate_digest": DIGEST,
    }


def test_a_site_destroys_nothing_of_another_and_a_depot_only_what_is_there(
    quick_world: World,
) -> None:
    world = quick_world
    kit = _verified(world)
    world.do("authorise_destruction", "Sam", kits=kit)
    world.wrong("kits", "destroy_kits", "Di", kits=kit, **CERTIFICATE)
    world.wrong("kits", "destroy_stock", "Sam", kits=kit, **CERTIFICATE)


def test_a_depot_destroys_what_cannot_be_used_there_once_that_is_authorised(
    quick_world: World,
) -> None:
    world = quick_world
    depot_person(world, "900")
    query = "SELECT number FROM kit WHERE study = :study AND depot = '900' ORDER BY number"
    rejected, well, *_ = [row.number for row in world.rows(query)] or ["", ""]
    world.do("quarantine_stock", "Sam", chosen_by="kits", kits=rejected, event="doubt")
    world.do("reject_kits", "Quinn", chosen_by="kits", kits=rejected, **BASIS)
    told = world.refused("kit_not_usable", "authorise_destruction", "Sam", kits=well)
    assert told.message == Message("error.kit_is_available", {"kit": Digits(well)})
    world.do("authorise_destruction", "Sam", kits=rejected)
    world.do("destroy_stock", "Dee", kits=rejected, **CERTIFICATE)
    assert world.kit(rejected).disposition == "destroyed"


@pytest.mark.req("R25")
def test_the_account_of_a_site_ends_at_zero_when_everything_is_destroyed(
    world: World,
) -> None:
    kit = _verified(world)
    before = _account(world)
    assert before.left == before.received == sum(before.counts.values())
    unused = ",".join(shelf(world))
    world.do("quarantine_kits", "Ada", chosen_by="kits", kits=unused, event="doubt")
    world.do("reject_kits", "Quinn", chosen_by="kits", kits=unused, **BASIS)
    world.do("verify_kits", "Cy", kits=unused, agrees="yes")
    every = f"{unused},{kit}"
    world.do("authorise_destruction", "Sam", kits=every)
    assert _account(world).left == before.received
    world.do("destroy_kits", "Ada", kits=every, **CERTIFICATE)
    after = _account(world)
    assert (after.left, after.difference) == (0, 0)
    assert after.counts["destroyed"] == after.received == before.received


def test_a_kit_destroyed_stays_so_whatever_is_tried(quick_world: World) -> None:
    world = quick_world
    kit = _verified(world)
    world.do("authorise_destruction", "Sam", kits=kit)
    with world.core.writing() as db:
        db.execute(text("UPDATE lot SET expiry = '2026-11-01'"))
    world.do("destroy_kits", "Ada", kits=kit, **CERTIFICATE)
    again: list[tuple[str, str, Given]] = [
        ("verify_kits", "Cy", {"agrees": "yes"}),
        ("authorise_destruction", "Sam", {}),
    ]
    for deed, who, given in again:
        told = world.refused("kit_not_usable", deed, who, kits=kit, **given)
        assert told.message == Message("error.kit_is_destroyed", {"kit": Digits(kit)})
