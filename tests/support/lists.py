"""A study whose list is made elsewhere, and Tess, its statistician."""

from __future__ import annotations

from typing import Final

from core.transaction import Receipt
from tests.support.studies import SOLO
from tests.support.world import PEOPLE, TODAY, World

LISTED: Final = (
    SOLO.replace('"solo"', '"listed"')
    .replace('number = "402"', 'number = "409"')
    .replace("Study solo", "Study listed")
    .replace('method = "permuted_block"\nblock_sizes = [3, 6]', 'method = "list"')
)
HEADER: Final = "stratum,sequence,randomization_number,arm,block"
SITES: Final = "number,name,country,timezone,language,phone,depot\n"
USERS: Final = "user_id,name,email,mobile,role,sites,language\n"


def statistician(world: World) -> None:
    """Tess joins the study."""
    line = f"{PEOPLE['Tess']},Tess,tess@example.org,+12025550105,statistician,,en"
    world.do("import_users", "Admin", file=USERS + line)


def listed(
    world: World, code: str = "listed", *, text: str = LISTED, training: bool = False
) -> World:
    """A study that draws from imported lists, its site 101 active, with Mia, Ivy, Cy and Tess."""
    here = world.of(code)
    number = str(500 + sum(map(ord, code)) % 400)
    text = text.replace('"listed"', f'"{code}"').replace('"409"', f'"{number}"')
    if training:
        text = text.replace('blinding = "open"', 'blinding = "open"\ntraining = true')
    people = (
        ("Mia", "study_manager", ""),
        ("Ivy", "investigator", "101"),
        ("Cy", "monitor", "101"),
    )
    here.do("import_users", "Admin", file=_users(people[:1]))
    here.do("publish", "Mia", file=text)
    here.do("import_sites", "Mia", file=SITES + "101,Boston,US,America/New_York,en,,")
    here.do("import_users", "Admin", file=_users(people[1:]))
    statistician(here)
    here.do("activate_site", "Mia", to_site="101", approval_date=TODAY)
    return here


def _users(people: tuple[tuple[str, str, str], ...]) -> str:
    lines = [
        f"{PEOPLE[who]},{who},{who.lower()}@example.org,+120255501{PEOPLE[who]:0>2},{role},{at},en"
        for who, role, at in people
    ]
    return USERS + "\n".join(lines)


def rows(
    stratum: str, arms: str, *, start: int = 1, number: int = 1001, block: int | None = 1
) -> list[str]:
    """Lines of a list, a letter for each arm ("a" active, "p" placebo), in blocks of three."""
    names = {"a": "active", "p": "placebo"}
    return [
        f"{stratum},{start + at},{number + at},{names[one]},"
        + ("" if block is None else str(block + at // 3))
        for at, one in enumerate(arms)
    ]


def a_list(*parts: list[str]) -> str:
    """A file of these lines."""
    return "\n".join([HEADER, *(line for part in parts for line in part)]) + "\n"


FIRST: Final = a_list(rows("sex=F", "aapapa"), rows("sex=M", "paaaap", number=1101))


def activated(world: World, opened: str = "1") -> Receipt:
    """Tess proposes that it be opened, and Mia approves."""
    proposed = world.do("activate_list", "Tess", opened=opened)
    return world.do("approve", "Mia", proposal=str(proposed.facts["proposal"]))
