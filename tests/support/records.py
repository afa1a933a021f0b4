"""Corrections, a review, a close-out and a destruction, by whichever channel `do` takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.support.world import Given, World

Do = Callable[..., Any]
WHY: Final[Given] = {"reason": "entry", "source_document": "Visit note of that day"}
CERTIFICATE: Final[Given] = {
    "method": "incinerated",
    "certificate_number": "C-7",
    "witness": "Pat, pharmacist",
}


def lived_in(world: World) -> None:
    """All of it, by the command line."""
    live(world, lambda name, who, **given: world.do(name, who, **given).facts)


def live(world: World, do: Do) -> None:
    """All of it at site 101 of `combi`, with what its people left there."""
    day = world.core.now().date().isoformat()
    number = str(do("screen", "Ada", consent_date=day, year_of_birth="1961", rescreened="no")
                 ["screening_number"])  # fmt: skip
    right: Given = {"which_entry": "year_of_birth", "right_year": "1962", **WHY}
    made = do("correct_subject", "Ada", subject=number, **right, details="Page 1")
    do("approve", "Ivy", proposal=str(made["proposal"]))
    kit = _verified(world)
    units: Given = {"units_used": "1", "units_unused": "2", "units_missing": "0"}
    made = do("correct_supply", "Ada", which_entry="returned_units", kit=kit, **units, **WHY)
    do("approve", "Cy", proposal=str(made["proposal"]))
    do("authorise_destruction", "Sam", kits=kit)
    do("destroy_kits", "Ada", kits=kit, destroyed_date=day, **CERTIFICATE)
    do("destroy_stock", "Sam", kits=_at_depot(world, do), destroyed_date=day, **CERTIFICATE)
    head = world.one("SELECT sequence FROM chain WHERE study = :study")
    do("review_audit", "Mia", review_upto=str(head), anything_found="no")
    settled: Given = {"records_filed": "yes", "drug_settled": "no", "cards_collected": "yes"}
    do("close_out_site", "Cy", to_site="101", **settled, remarks="Kits go to the depot in May")


def _verified(world: World) -> str:
    """A kit of the site that the monitor has counted."""
    query = (
        "SELECT number FROM kit WHERE study = :study AND site = '101' "
        "AND disposition = 'verified' ORDER BY number LIMIT 1"
    )
    return str(world.one(query))


def _at_depot(world: World, do: Do) -> str:
    """A kit of a depot that quality rejected, and whose destruction is authorised."""
    query = (
        "SELECT number FROM kit WHERE study = :study AND depot = '900' "
        "AND disposition = 'available' AND quality = 'none' ORDER BY number LIMIT 1"
    )
    kit = str(world.one(query))
    named: Given = {"chosen_by": "kits", "kits": kit}
    do("quarantine_stock", "Sam", **named, event="doubt")
    do("reject_kits", "Quinn", **named, basis="Not needed any more", budget_minutes="0")
    do("authorise_destruction", "Sam", kits=kit, details="End of the study")
    return kit
