"""The study is set up, its drug comes in, and what may not be given is not given."""

from __future__ import annotations

import datetime as dt
from typing import Final

from core.access.administer import FIRST_USER
from core.study.schema import StudyConfig
from core.validation.bench import BEGIN, OTHER_SITE, SITE, Bench
from core.validation.subjects import dispensed, enrolled, handler

_SITES: Final = """number,name,country,timezone,language,phone,depot
{site},Acceptance test site,{country},{zone},{language},,{depot}
{other},Another site,{country},{zone},{language},,{depot}
"""
_USERS: Final = "user_id,name,email,mobile,role,sites,language"
_AT_SITES: Final = frozenset(
    {"investigator", "coordinator", "pharmacist", "unblinded_pharmacist", "monitor"}
)
_YEARS: Final = 6
_EACH: Final = 60
_ALARMED: Final = 2


def set_up(here: Bench) -> None:
    """Publishing, people, sites."""
    here.begin("Set-up", "The study is published, its people and sites are there, and a site that "
               "is not active does nothing.")  # fmt: skip
    config = here.config
    first = "The manager of the study and the administrators have an account"
    here.do("administrator", "import_users", first, site=None,
            shown="people", file=_people(here, whole=True))  # fmt: skip
    here.do("study_manager", "publish", "The file is published as version 1, signed", site=None,
            shown="the study file", file=here.source)  # fmt: skip
    depot = config.depots[0].code if config.depots else ""
    file = _SITES.format(
        site=SITE, other=OTHER_SITE, country=here.country, zone=here.zone,
        language=config.languages[0], depot=depot,
    )  # fmt: skip
    here.do("study_manager", "import_sites", "Two sites, both pending", site=None,
            shown="sites", file=file)  # fmt: skip
    here.do("administrator", "import_users", "Everybody else has an account and the roles given",
            site=None, shown="people", file=_people(here, whole=False))  # fmt: skip
    deed = "screen" if config.screening else "randomize"
    here.refused("coordinator", deed, "site_not_active", "the site is not active")
    for number in (SITE, OTHER_SITE):
        here.do("study_manager", "activate_site", "The site is active, signed, with the approval's "
                "date", site=None, to_site=number)  # fmt: skip


def _people(here: Bench, *, whole: bool) -> str:
    lines = [_USERS]
    for place, (role, user) in enumerate(here.people.items()):
        at_site = role in _AT_SITES
        if user == FIRST_USER or at_site == whole:
            continue
        mobile = f"+1202555{100 + place:04d}"
        where = SITE if at_site else ""
        lines.append(f"{user},Test {role},{role}@example.org,{mobile},{role},{where},en")
    return "\n".join(lines)


def drug(here: Bench) -> None:
    """Lots, kits, shipments: until quality has released and the site received, nothing is given."""
    config = here.config
    if not config.kit_types:
        return
    here.begin("Drug", "Lots are released by two people, shipments sent and received; what arrived "
               "with an alarm is put aside until quality has judged.")  # fmt: skip
    expiry = BEGIN.replace(year=BEGIN.year + _YEARS)
    lots = {one.code: str(9001 + place) for place, one in enumerate(config.kit_types)}
    lines = ["lot,kit_type,expiry,countries"]
    lines += [f"{lot},{kind},{expiry},{here.country}" for kind, lot in lots.items()]
    here.do("supply_manager", "import_lots", "A lot of each kit type, not released", site=None,
            shown=f"{len(lots)} lots", file="\n".join(lines))  # fmt: skip
    _import_kits(here, lots)
    for lot in lots.values():
        made = here.do("supply_manager", "release_lot", "Proposed: quality has to approve",
                       site=None, lot=lot, certificate="4711")  # fmt: skip
        here.approve(made, f"Lot {lot} is released")
    for each in (_EACH, _ALARMED):
        _shipped(here, each, alarm=each == _ALARMED)


def _import_kits(here: Bench, lots: dict[str, str]) -> None:
    depot = here.config.depots[0].code if here.config.depots else ""
    head = "kit_number,sequence,kit_type,lot" + (",depot" if depot else "")
    each = _EACH + 2 * _ALARMED
    kinds = [kind for kind in lots for _ in range(each)]
    numbers = here.kit_numbers(len(kinds))
    rows = [
        f"{number},{place},{kind},{lots[kind]}" + (f",{depot}" if depot else "")
        for place, (number, kind) in enumerate(zip(numbers, kinds, strict=True), start=1)
    ]
    here.do("supply_manager", "import_kits", f"{each} kits of each lot", site=None,
            shown=f"{len(rows)} kits", file="\n".join([head, *rows]))  # fmt: skip


def _shipped(here: Bench, each: int, *, alarm: bool) -> None:
    made = here.do("supply_manager", "create_shipment", "A shipment is ordered", site=None,
                   to_site=SITE, kits_each=str(each))  # fmt: skip
    number = str(made.facts["shipment"])
    here.do("supply_manager", "dispatch_shipment", "The shipment is on its way", site=None,
            shipment=number)  # fmt: skip
    by = receiver(here.config)
    if not alarm:
        here.do(by, "receive", "The kits are on the shelf", shipment=number, logger="no_alarm",
                damaged="", missing="")  # fmt: skip
        return
    here.do(by, "receive", "All kits are put aside: the logger gave an alarm", shipment=number,
            logger="alarm", damaged="", missing="")  # fmt: skip
    judged = here.do("quality", "judge_excursion", "The kits go back to the shelf, signed",
                     site=None, chosen_by="shipment", shipment=number, verdict="clear")  # fmt: skip
    count = len(judged.facts.get("kits", ()))
    here.check("Kits that quality judged", "Those of the shipment, all of them", f"{count} kits",
               passed=count == each * len(here.config.kit_types))  # fmt: skip


def receiver(config: StudyConfig) -> str:
    """Who receives: the pharmacist who may know where there are kits that tell."""
    return (
        "unblinded_pharmacist" if any(one.unblinded for one in config.kit_types) else "coordinator"
    )


def kits(here: Bench) -> None:
    """Replacing, returning, and hand-over."""
    config = here.config
    if not config.dispenses or not config.dispenses_at(config.visits_in(None)[0].code):
        return
    here.begin("Kits", "What was given is handed over by its last digits, replaced by a kit of the "
               "same type, and counted when it comes back.")  # fmt: skip
    number = enrolled(here)
    code = config.visits_in(None)[0].code
    given = dispensed(here, number, code, "Kits for the visit")
    if not given:
        return
    by = handler(here, number, code)
    waits = here.waiting(number)
    wrong = f"{(int(waits[0][-4:]) + 1) % 10000:04d}"
    cartons = {f"carton_{n}": kit[-4:] for n, kit in enumerate(waits, start=1)}
    here.refused(by, "hand_over", "wrong_carton", "the digits are those of another carton",
                 subject=number, **{**cartons, "carton_1": wrong})  # fmt: skip
    here.do(by, "hand_over", "The hand-over is confirmed", subject=number, **cartons)
    other = here.do(by, "replace", "Another kit of the same type", subject=number,
                    kit=given[0], reason="damaged")  # fmt: skip
    (kit,) = other.facts["kits"]
    same = here.kit_type(given[0]) == here.kit_type(kit)
    here.check("Types of the two kits", "The same", "the same" if same else "not the same",
               passed=same)  # fmt: skip
    here.refused(by, "replace", "kit_not_usable", "the kit was replaced already", subject=number,
                 kit=given[0], reason="damaged")  # fmt: skip
    size = config.kit_type(here.kit_type(kit)).pack_size or 1
    here.do(by, "return_kit", "The kit is back, its units counted", subject=number, kit=kit,
            units_used="0", units_unused=str(size), units_missing="0")  # fmt: skip


def expired(here: Bench) -> None:
    """The last day of every lot has passed."""
    config = here.config
    extra = config.unscheduled
    if not config.dispenses or extra is None or not (any(extra.kits.values()) or extra.dose):
        return
    here.begin("Expiry", "An expired kit is given by no channel; the date is looked at when it is "
               "given.")  # fmt: skip
    number = here.treated()
    by = handler(here, number, None)
    here.do(by, "unscheduled", "Kits for an unscheduled visit", subject=number)
    here.go_to(BEGIN.replace(year=BEGIN.year + _YEARS) + dt.timedelta(1))
    here.refused(by, "unscheduled", "no_kit_available", "every kit is past its last day",
                 subject=number)  # fmt: skip
