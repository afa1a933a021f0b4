"""The people and sites of the demo, all invented; telephone numbers are kept for fiction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.access.secrets import pin_problem
from core.context import Entropy

ADMINISTRATOR: Final = "1"
MANAGER, SAFETY, OPERATOR = "1001", "1006", "1007"


@dataclass(frozen=True, slots=True)
class Member:
    """A person and the role held in one study; no sites: the study as a whole."""

    user_id: str
    name: str
    role: str
    sites: tuple[str, ...] = ()
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Hospital:
    """A site as its CSV row has it."""

    number: str
    name: str
    country: str
    zone: str
    language: str = "en"
    depot: str = ""


OFFICE: Final = (
    Member("1001", "Mia Okafor", "study_manager"),
    Member("1002", "Sam Whitlock", "supply_manager"),
    Member("1003", "Quinn Abara", "quality"),
    Member("1004", "Dee Marsh", "depot"),
    Member("1005", "Stan Kowal", "statistician"),
    Member("1006", "Safi Rahman", "safety"),
    Member("1007", "Opal Jensen", "emergency_operator"),
    Member("1008", "Hal Porter", "helpdesk"),
    Member("1009", "Audrey Klein", "auditor"),
)
STAFF: Final = (
    Member("1101", "Ada Brennan", "coordinator", ("101",)),
    Member("1102", "Bo Larsen", "unblinded_pharmacist", ("101",)),
    Member("1103", "Ivo Castle", "investigator", ("101",)),
    Member("1104", "Pia Novak", "pharmacist", ("101",)),
    Member("1201", "Di Romero", "coordinator", ("102",), "es"),
    Member("1202", "Ines Vidal", "investigator", ("102",), "es"),
    Member("1301", "Nilo Santos", "coordinator", ("103",)),
    Member("1302", "Rosa Dizon", "investigator", ("103",)),
    Member("1901", "Eve Tanaka", "coordinator", ("101", "103")),
    Member("1902", "Cy Fontaine", "monitor", ("101", "102", "103")),
)
NEWCOMER: Final = Member("1105", "Noor Haddad", "coordinator", ("101",))
"""Invited on the last day: the activation code is still on its way."""
LOCUM: Final = Member("1106", "Lou Garner", "investigator", ("101",))
"""Stood in for some weeks; the delegation has ended, and nobody signs in by it any more."""

SITES: Final = (
    Hospital("101", "Hudson Heart Clinic, New York", "US", "America/New_York", "en", "900"),
    Hospital("102", "Hospital del Retiro, Madrid", "ES", "Europe/Madrid", "es", "901"),
    Hospital("103", "Bay Health Post, Manila (phone only)", "PH", "Asia/Manila", "en", "901"),
)
IST_OFFICE: Final = (Member("1001", "Mia Okafor", "study_manager"),)
IST_STAFF: Final = (
    Member("2101", "Greer Munro", "investigator", ("201",)),
    Member("2201", "Lia Ferrante", "investigator", ("202",)),
    Member("2301", "Luz Herrera", "investigator", ("203",), "es"),
    Member("2401", "Urs Amsler", "investigator", ("204",)),
    Member("1902", "Cy Fontaine", "monitor"),
)
IST_SITES: Final = (
    Hospital("201", "Glenmoray Royal Infirmary", "GB", "Europe/London"),
    Hospital("202", "Ospedale Porta Nuova", "IT", "Europe/Rome"),
    Hospital("203", "Hospital Costa Serena", "ES", "Europe/Madrid", "es"),
    Hospital("204", "Spital Oberwald", "CH", "Europe/Zurich"),
)

_WORDS: Final = (
    *("amber", "birch", "cedar", "coral", "ember", "fjord", "grove", "heron", "lagoon", "maple"),
    *("meadow", "onyx", "pebble", "quartz", "raven", "saffron", "tundra", "velvet", "willow"),
)


def new_pin(entropy: Entropy, user_id: str) -> str:
    """A PIN that is easy to remember, three digits there and back, and would be accepted."""
    while True:
        half = str(entropy.below(1000)).zfill(3)
        pin = half + half[::-1]
        if len(set(half)) == 3 and pin_problem(pin, user_id) is None:
            return pin


def new_password(entropy: Entropy) -> str:
    """Three words that can be typed."""
    return "-".join(_WORDS[entropy.below(len(_WORDS))] for _ in range(3))


def mobile_of(user_id: str) -> str:
    """A mobile number (E.164) of the range kept for fiction, +1 212 555 0100 to 0199."""
    return f"+121255501{_PLACES[user_id]:02d}"


def people_csv(members: tuple[Member, ...]) -> str:
    """The file that `import_users` takes."""
    lines = ["user_id,name,email,mobile,role,sites,language"]
    for member in members:
        address = member.name.lower().replace(" ", ".") + "@example.org"
        sites = " ".join(member.sites)
        who = f"{member.user_id},{member.name},{address},{mobile_of(member.user_id)}"
        lines.append(f"{who},{member.role},{sites},{member.language}")
    return "\n".join(lines) + "\n"


def sites_csv(hospitals: tuple[Hospital, ...]) -> str:
    """The file that `import_sites` takes."""
    lines = ["number,name,country,timezone,language,phone,depot"]
    lines += [
        f'{h.number},"{h.name}",{h.country},{h.zone},{h.language},,{h.depot}' for h in hospitals
    ]
    return "\n".join(lines) + "\n"


_EVERYBODY: Final = (*OFFICE, *STAFF, NEWCOMER, *IST_STAFF, LOCUM)
_PLACES: Final = {
    user_id: place
    for place, user_id in enumerate(dict.fromkeys(member.user_id for member in _EVERYBODY))
}
