"""The demonstration study, published into the small world: bilingual, signed, for training."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.support.world import PEOPLE, TODAY, World

DEMO_TELEPHONE: Final = "+12025550100"
_FILE: Final = Path(__file__).parents[2] / "web" / "demo" / "studies" / "demo.toml"
_SITES: Final = """number,name,country,timezone,language,phone,depot
101,Boston,US,America/New_York,en,,900
102,Madrid,ES,Europe/Madrid,es,,900
"""
_WHO: Final = (
    ("Mia", "study_manager", ""),
    ("Sam", "supply_manager", ""),
    ("Quinn", "quality", ""),
    ("Di", "coordinator", "102"),
    ("Dan", "investigator", "101 102"),
)


def publish_demo(world: World) -> World:
    """The world seen in the demonstration study, with active sites and stock at 102."""
    here = world.of("demo")
    header = "user_id,name,email,mobile,role,sites,language"
    lines = [
        f"{PEOPLE[who]},{who},{who.lower()}@example.org,+120255501{PEOPLE[who]:0>2},{role},{at},en"
        for who, role, at in _WHO
    ]
    staff, rest = lines[:3], lines[3:]
    here.do("import_users", "Admin", file="\n".join([header, *staff]))
    here.do("publish", "Mia", file=_FILE.read_text(encoding="utf-8"))
    here.do("import_sites", "Mia", file=_SITES)
    here.do("import_users", "Admin", file="\n".join([header, *rest]))
    for number in ("101", "102"):
        here.do("activate_site", "Mia", to_site=number, approval_date=TODAY)
    here.stock([("7001", "A", "2028-06"), ("7002", "B", "2028-06")], 12, start=500)
    here.ship(6, "102", receive="Di")
    return here
