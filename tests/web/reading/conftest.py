"""The world with people of every role, a subject with kits, and its pages."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import insert

from core.db.models import grant, person
from tests.support.world import PEOPLE, World
from tests.web.reading.pages import Pages

OFFICE = {
    "Aud": ("31", "auditor"),
    "Stat": ("32", "statistician"),
    "Dep": ("33", "depot"),
    "Saf": ("34", "safety"),
    "Opal": ("35", "emergency_operator"),
}
"""The roles that the small world does without."""


@dataclass(frozen=True)
class Known:
    """What the tests look for."""

    subject: str
    kit: str
    shipment: str
    other_subject: str
    other_kit: str
    other_shipment: str


@pytest.fixture
def pages(quick_world: World, monkeypatch: pytest.MonkeyPatch) -> Pages:
    """Browsers for everyone, those of the office included."""
    now = quick_world.core.now()
    people = [
        {"user_id": number, "name": who, "language": "en", "status": "active", "created_at": now}
        for who, (number, _) in OFFICE.items()
    ]
    roles = [
        {"user_id": number, "role": role, "study": "combi", "starts_at": now}
        for number, role in OFFICE.values()
    ]
    with quick_world.core.writing() as db:
        db.execute(insert(person), people)
        db.execute(insert(grant), roles)
    for who, (number, _) in OFFICE.items():
        monkeypatch.setitem(PEOPLE, who, number)
    return Pages(quick_world)


@pytest.fixture
def known(pages: Pages) -> Known:
    """A subject with a kit at 101, another at 102, and a shipment to each."""
    world = pages.world
    subject, other = world.randomized(), world.randomized(who="Dan")
    (kit,) = world.dispense(subject)
    (other_kit,) = world.dispense(other, who="Di")
    shipped = "SELECT number FROM shipment WHERE study = :study AND site = :site"
    return Known(
        subject,
        kit,
        world.one(shipped, site="101"),
        other,
        other_kit,
        world.one(shipped, site="102"),
    )
