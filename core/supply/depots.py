"""From depot to depot: ordered by supply, sent like any other shipment, received by the people
there."""

from __future__ import annotations

import datetime as dt
from typing import Final

from core.access.roles import Permission
from core.context import Context
from core.errors import NoKitAvailable
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.study.supply import Depot
from core.supply.days import limits
from core.supply.ordering import at_depot, get_depot, order
from core.supply.pick import pick
from core.supply.quality import SCREENS
from core.supply.quantities import KITS_MAX
from core.supply.receive import receive_questions, run_receive
from core.supply.ship import amounts, wanted_of
from core.transaction import Answers, Choice, Kind, Outcome, Question, Transaction


def supplied(config: StudyConfig) -> tuple[Depot, ...]:
    """The depots that another one supplies, in the order of the study file."""
    return tuple(depot for depot in config.depots if depot.supplied_by is not None)


def has_supplied(config: StudyConfig) -> bool:
    """Whether any depot is supplied by another."""
    return bool(supplied(config))


def _depots(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), depot.code, Message("choice.depot", _named(depot)))
        for place, depot in enumerate(supplied(config), start=1)
    )


def _named(depot: Depot) -> dict[str, Param]:
    return {"name": depot.name, "depot": Digits(depot.code)}


def ship_questions(config: StudyConfig) -> tuple[Question, ...]:
    """To which depot, and how many kits of each type."""
    return (Question("to_depot", Kind.CHOICE, choices=_depots), *amounts(KITS_MAX))


def run_ship(context: Context, answers: Answers) -> Outcome:
    """Reserve kits at the depot that supplies this one, whatever country they are released for,
    and order them there. Raises NoKitAvailable."""
    there = get_depot(context.config, str(answers["to_depot"]))
    source = there.supplied_by or ""
    good_until = context.facts.today_at_depot(there.code) + dt.timedelta(
        limits(context.config, None, source).dns
    )
    wanted = wanted_of(context.config, answers)
    chosen = pick(context, source, None, wanted, good_until)
    if not chosen:
        raise NoKitAvailable(Message("error.depot_short"))
    number = order(
        context, kind="depot", source=at_depot(source), target=at_depot(there.code), items=chosen
    )
    facts = {
        "shipment": number,
        "depot": source,
        "to_depot": there.code,
        "kits": [item.number for item in chosen],
    }
    params: dict[str, Param] = {
        "shipment": Digits(number),
        "depot": Digits(there.code),
        "count": len(chosen),
    }
    return Outcome(Message("said.ship_to_depot", params), facts)


SHIP_TO_DEPOT: Final = Transaction(
    "ship_to_depot",
    "",
    Permission.SUPPLY,
    ship_questions,
    run_ship,
    SCREENS,
    site=False,
    used=has_supplied,
)
RECEIVE_AT_DEPOT: Final = Transaction(
    "receive_at_depot",
    "",
    Permission.DISPATCH,
    receive_questions,
    run_receive,
    SCREENS,
    site=False,
    used=has_supplied,
)
