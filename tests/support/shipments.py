"""Shipments as tests begin with them: proposed ones, transfers, people of a depot."""

from __future__ import annotations

from sqlalchemy import text

from core.access.activation import activate, issue_code
from tests.support.world import PEOPLE, PIN, World


def proposed(world: World, site: str, kits_each: int = 1) -> str:
    """A shipment that waits for approval, as a resupply leaves it; returns its number."""
    made = world.do("create_shipment", "Sam", to_site=site, kits_each=str(kits_each))
    number = str(made.facts["shipment"])
    with world.core.writing() as db:
        db.execute(text("UPDATE shipment SET status = 'draft' WHERE number = :n"), {"n": number})
    return number


def on_shelf(world: World, site: str) -> dict[str, list[str]]:
    """The kits that may be given at a site, by type."""
    query = (
        "SELECT number FROM kit WHERE study = :study AND site = :site AND quality = 'none' "
        "AND disposition = 'available' AND custody = 'at_rest' ORDER BY number"
    )
    found: dict[str, list[str]] = {}
    for row in world.rows(query, site=site):
        found.setdefault(world.kit_type(row.number), []).append(row.number)
    return found


def transfer(world: World, source: str, target: str, kits: tuple[str, ...] | None = None) -> str:
    """A transfer proposed by Sam and approved by Quinn, of a kit of each type; returns its
    number."""
    sent = kits or tuple(numbers[0] for numbers in on_shelf(world, source).values())
    made = world.do(
        "transfer_kits",
        "Sam",
        from_site=source,
        to_site=target,
        kits=",".join(sent),
        storage_in_order="yes",
        reason="Site 102 is short",
    )
    done = world.do("approve", "Quinn", proposal=str(made.facts["proposal"]))
    return str(done.facts["shipment"])


def depot_person(world: World, *depots: str) -> None:
    """Dee joins the study, at these depots alone (none: at all of them)."""
    line = f"{PEOPLE['Dee']},Dee,dee@example.org,+12025550119,depot,{' '.join(depots)},en"
    header = "user_id,name,email,mobile,role,sites,language"
    world.do("import_users", "Admin", file=f"{header}\n{line}")
    with world.core.writing() as db:
        code = issue_code(db, world.core, PEOPLE["Dee"], send=False)
    activate(world.core, code, PIN, source="test")


def republish(world: World, source: str) -> None:
    """The study goes on under this file, whose version is the newest one."""
    world.do("publish", "Mia", file=source)
