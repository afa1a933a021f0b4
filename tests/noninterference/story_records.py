"""Entries are put right, kits destroyed, records reviewed, people locked out and let in again."""

from __future__ import annotations

from typing import Any, Final

from tests.noninterference.hands import Hands
from tests.noninterference.story_supply import UNITS, kits_of
from tests.support.shipments import shelf
from tests.support.swap import day_of
from tests.support.world import PEOPLE

WHY: Final = {"reason": "entry", "source_document": "Visit note of that day"}
CERTIFICATE: Final = {
    "method": "incinerated",
    "certificate_number": "C-7",
    "witness": "Pat, pharmacist",
}
_BASIS: Final = {"basis": "Not needed any more", "budget_minutes": "0"}


def records(hands: Hands, numbers: list[str], *, exchanged: bool) -> None:
    """With subjects of site 102 who are on treatment."""
    _corrections(hands, numbers)
    _of_stock(hands, "P20" if exchanged else "A20")
    head = hands.world.one("SELECT sequence FROM chain WHERE study = :study")
    hands.web("review_audit", "Mia", review_upto=str(head), anything_found="no")
    hands.api("review_audit", "Cy", review_upto=str(head), anything_found="no")
    settled = {"records_filed": "yes", "drug_settled": "no", "cards_collected": "yes"}
    hands.web("close_out_site", "Cy", to_site="102", **settled, remarks="Kits go back in May")
    _people(hands)


def _approved(hands: Hands, made: Any, who: str) -> None:
    hands.web("approve", who, proposal=str(made["proposal"]))


def _corrections(hands: Hands, numbers: list[str]) -> None:
    one, two = numbers[:2]
    right = {"which_entry": "consent_date", "right_date": "2026-11-18", **WHY}
    _approved(hands, hands.web("correct_subject", "Di", subject=one, **right), "Dan")
    _approved(hands, hands.api("correct_subject", "Di", subject=two, **right), "Dan")
    for do, number in ((hands.web, one), (hands.api, two)):
        kit = kits_of(hands, number)[0]
        hands.command("return_kit", "Di", subject=number, kit=kit, **UNITS)
        hands.command("verify_kits", "Cy", kits=kit, agrees="yes")
        units = {"units_used": "19", "units_unused": "8", "units_missing": "2"}
        made = do("correct_supply", "Di", which_entry="returned_units", kit=kit, **units, **WHY)
        _approved(hands, made, "Cy")
        do("authorise_destruction", "Sam", kits=kit)
        do("destroy_kits", "Di", kits=kit, destroyed_date=day_of(hands.world), **CERTIFICATE)


def _of_stock(hands: Hands, kit_type: str) -> None:
    """A kit of the depot that quality rejected is destroyed there; a lot of this type comes."""
    query = (
        "SELECT number FROM kit WHERE study = :study AND depot = '900' AND custody = 'at_rest' "
        "AND disposition = 'available' AND quality = 'none' ORDER BY number LIMIT 1"
    )
    kit = str(hands.world.one(query))
    named = {"chosen_by": "kits", "kits": kit}
    hands.api("quarantine_stock", "Sam", **named, event="doubt")
    hands.web("reject_kits", "Quinn", **named, **_BASIS)
    hands.command("authorise_destruction", "Sam", kits=kit)
    hands.web("destroy_stock", "Sam", kits=kit, destroyed_date=day_of(hands.world), **CERTIFICATE)
    line = f"7710,{kit_type},2027-09-30,US ES NZ"
    hands.web("import_lots", "Sam", file=f"lot,kit_type,expiry,countries\n{line}\n")
    line = f"90000007,90000,{kit_type},7710"
    hands.api("import_kits", "Sam", file=f"kit_number,sequence,kit_type,lot\n{line}\n")
    made = hands.web("release_lot", "Sam", lot="7710", certificate="77")
    _approved(hands, made, "Quinn")
    screened = hands.web("screen", "Di", consent_date=day_of(hands.world))["screening_number"]
    hands.api("screen_failure", "Di", subject=str(screened))
    hands.command("report_stock", "Di", kit=shelf(hands.world, "102")[0], condition="damaged")


def _people(hands: Hands) -> None:
    hands.web("change_mobile", "Cy", new_mobile="+12025550188")
    given = {"user_id": PEOPLE["Bo"], "new_mobile": "+12025550189", "identity": "site_phone"}
    _approved(hands, hands.api("change_mobile_for", "Hal", **given), "Mia")
    hands.api("lock_person", "Hal", user_id=PEOPLE["Bo"], reason="lost")
    hands.web("reset_factors", "Hal", user_id=PEOPLE["Bo"])  # has none
    hands.api("change_password", "Cy", new_password="correct horse battery")
    hands.web("review_access", "Mia", access_verdict="changed", findings="One has left")
