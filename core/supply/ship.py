"""Shipments to sites, ordered by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

from core.access.roles import Permission
from core.context import Context
from core.errors import InvalidInput, NoKitAvailable, SiteNotActive
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.screen import EVERYWHERE
from core.supply.days import limits
from core.supply.dispense import dispenses
from core.supply.ordering import at_depot, at_site, order
from core.supply.pick import pick, too_short
from core.supply.quantities import check_groups, of_each, read_quantities
from core.transaction import Answers, Kind, Outcome, Question, Transaction

KITS_EACH_MAX: Final = 99
QUANTITIES_CHARACTERS_MAX: Final = 400


def _check_active(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    check_active(facts.find_site(value), value)
    return None


def check_active(found: Record | None, number: str) -> Record:
    """Nothing is shipped to a site that is not active. Raises SiteNotActive."""
    if found is None or found.status != "active":
        raise SiteNotActive(site=Digits(number))
    return found


def _same_of_each(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return "quantities" not in answers


def _check_quantities(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    wanted = read_quantities(config, value)
    return wanted if isinstance(wanted, Message) else check_groups(config, wanted)


def _check_each(config: StudyConfig, facts: Facts, answers: Answers, value: int) -> Message | None:
    return check_groups(config, of_each(config, value))


def amounts(most: int) -> tuple[Question, ...]:
    """How many kits of each type: the same of each, at most so many; or, where there is a keyboard,
    quantities by type."""
    return (
        Question(
            "quantities",
            Kind.TEXT,
            check=_check_quantities,
            high=QUANTITIES_CHARACTERS_MAX,
            optional=True,
        ),
        Question(
            "kits_each",
            Kind.NUMBER,
            when=_same_of_each,
            check=_check_each,
            low=1,
            high=most,
            digits=(1, len(str(most))),
        ),
    )


def wanted_of(config: StudyConfig, answers: Answers) -> Mapping[str, int]:
    """Kit type to number, as `amounts` was answered."""
    if "quantities" in answers:
        wanted = read_quantities(config, str(answers["quantities"]))
        if isinstance(wanted, Message):
            raise InvalidInput("quantities", wanted)
        return wanted
    return of_each(config, int(str(answers["kits_each"])))


TO_SITE: Final = Question("to_site", Kind.SITE, check=_check_active, digits=(1, 11))
"""To which site; it is active."""


def create_questions(config: StudyConfig) -> tuple[Question, ...]:
    """To which site, and how many kits of each type: all types of a blinded group, or none."""
    return (TO_SITE, *amounts(KITS_EACH_MAX))


def run_create(context: Context, answers: Answers) -> Outcome:
    """Reserve kits at the site's depot, earliest expiry first, and order them there."""
    here = check_active(context.facts.find_site(str(answers["to_site"])), str(answers["to_site"]))
    if here.depot not in {depot.code for depot in context.config.depots}:
        raise NoKitAvailable(Message("error.depot_short"))
    wanted = wanted_of(context.config, answers)
    days = limits(context.config, here.country, here.depot).dns
    today = context.facts.today_at(here.number)
    chosen = pick(context, here.depot, here.country, wanted, today + dt.timedelta(days))
    if not chosen:
        raise too_short(context, here.depot, here.country, wanted, (today, days))
    number = order(
        context,
        kind="manual",
        source=at_depot(here.depot),
        target=at_site(here.number),
        items=chosen,
        why=Message("why.manual"),
    )
    facts = {
        "shipment": number,
        "site": here.number,
        "depot": here.depot,
        "kits": [item.number for item in chosen],
    }
    params: dict[str, Param] = {
        "shipment": Digits(number),
        "site": Digits(here.number),
        "count": len(chosen),
    }
    return Outcome(Message("said.create_shipment", params), facts)


CREATE_SHIPMENT = Transaction(
    "create_shipment",
    "6662",
    Permission.SUPPLY,
    create_questions,
    run_create,
    EVERYWHERE,
    site=False,
    used=dispenses,
)
