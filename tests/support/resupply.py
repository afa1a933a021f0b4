"""Studies of the small world with a resupply rule, and what was ordered."""

from __future__ import annotations

from collections import Counter
from typing import Final

from tests.support.shipments import kits_in
from tests.support.studies import COMBI
from tests.support.world import World

KINDS: Final = {"active": "A", "placebo": "B"}
"""The kit type of each arm of `combi`."""

MIN_MAX: Final = """
[resupply]
strategy = "min_max"
minimum = {{ "*" = {minimum} }}
maximum = {{ "*" = {maximum} }}
"""
PREDICTIVE: Final = """
[resupply]
strategy = "predictive"
short_days = 42
long_days = 42
minimum = {{ "*" = {minimum} }}
maximum = {{ "*" = {maximum} }}
"""
"""Sections to be filled in: `format(minimum=…, maximum=…)`."""


def publish(world: World, section: str, source: str = COMBI) -> None:
    """Amend the study by a section at the end of its file."""
    world.do("publish", "Mia", file=source + section)


def ordered(world: World, shipment: str) -> dict[str, int]:
    """The kit types in a shipment."""
    found = Counter(world.kit_type(number) for number in kits_in(world, shipment))
    return dict(sorted(found.items()))
