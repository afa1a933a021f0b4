"""Studies added to a world by a test, and what is done in them again and again."""

from __future__ import annotations

from typing import Any

from core.sealed import Sealed
from core.study.read import load
from core.transaction import Receipt
from tests.support.studies import DOSED
from tests.support.world import SITE_STAFF, SITES, STAFF, TODAY, World, users

STOCK_EACH = 12


def set_up(world: World, source: str = DOSED) -> World:
    """Publish a study in this world, with the cast at site 101 and kits of each type there."""
    config = load(source)
    here = world.of(config.code)
    here.do("import_users", "Admin", file=users(STAFF))
    here.do("publish", "Mia", file=source)
    depot = config.depots[0].code if config.depots else ""
    here.do("import_sites", "Mia", file=SITES.format(depot=depot))
    here.do("import_users", "Admin", file=users(SITE_STAFF))
    here.do("activate_site", "Mia", to_site="101", approval_date=TODAY)
    types = [each.code for each in config.kit_types]
    if types:
        lots = [(f"77{place:02d}", code, "2029-06") for place, code in enumerate(types)]
        here.stock(lots, STOCK_EACH)
        here.ship(STOCK_EACH)
    return here


def phase_arm(world: World, number: str) -> str:
    """The arm of a subject in the phase it is in, opened."""
    row = world.subject(number)
    about = f"{world.study}|subject|{number}|{row.phase}"
    return world.core.keys.open(Sealed(bytes(row.phase_arm), about))


def decide(world: World, decision: str, **given: Any) -> Receipt:
    """What follows a cohort."""
    return world.do("decide_cohort", "Mia", decision=decision, **given)


def run_in(world: World) -> str:
    """A subject in the run-in."""
    number = world.screen()
    world.do("enter_phase", "Ada", subject=number, phase="RI")
    return number


def dosed(world: World, number: str | None = None) -> str:
    """A subject randomized in the open cohort."""
    number = number or run_in(world)
    world.do("randomize", "Ivy", subject=number, consent="yes", eligible="yes")
    return number


def respond(world: World, number: str, answer: str = "no") -> Receipt:
    """The answer to the question of the study file, today."""
    day = world.core.now().date().isoformat()
    return world.do("respond", "Ada", subject=number, assessed_on=day, answer=answer)
