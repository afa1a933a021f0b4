"""Orders: kits are reserved, the shipment is on record, and the depot is told.

One way for every kind of shipment: by hand, from a resupply, between depots, between sites.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import insert, update

from core.codes import shipment_number
from core.context import Context
from core.db.models import shipment
from core.db.stock import shipment_kit
from core.db.upsert import new_id
from core.messages import Digits, Message, Param, to_json
from core.outbox import enqueue, enqueue_mail
from core.sealed import Keys, Sealed
from core.study.schema import StudyConfig
from core.study.supply import Depot
from core.supply.calendar import planned
from core.supply.kits import Stocked, set_kits
from core.supply.lifecycle import STEPS
from core.transaction import Notice

Shipping = Literal["seed", "resupply", "manual", "depot", "transfer"]
"""What a shipment is for."""


@dataclass(frozen=True, slots=True)
class Place:
    """A depot or a site of the study, by its number."""

    number: str
    is_site: bool = False


def at_depot(code: str) -> Place:
    """The depot of that code."""
    return Place(code)


def at_site(number: str) -> Place:
    """The site of that number."""
    return Place(number, is_site=True)


def order(
    context: Context,
    *,
    kind: Shipping,
    source: Place,
    target: Place,
    items: Sequence[Stocked],
    why: Message | None = None,
    reasons: str | None = None,
    draft: bool = False,
) -> str:
    """Reserve these kits, which the caller has locked, as a shipment; returns its number.

    `why` is read by the blinded too. `reasons` may name kit types: it is sealed. A draft waits for
    `approve_shipment`; any other is requested of the depot at once. Raises KeyError for a depot
    that the study file does not have.
    """
    number = shipment_number(context.entropy)
    values = {
        "study": context.study,
        "number": number,
        "kind": kind,
        "depot": None if source.is_site else source.number,
        "from_site": source.number if source.is_site else None,
        "site": target.number if target.is_site else None,
        "to_depot": None if target.is_site else target.number,
        "status": "draft" if draft else "requested",
        "created_at": context.now,
        "why": json.dumps(to_json(why)) if why else None,
        "reasons": context.seal(_about(number), reasons).token if reasons else None,
    }
    made = new_id(context.db.execute(insert(shipment), values))
    ids = [item.id for item in items]
    set_kits(context.db, ids, **STEPS["reserve"].values, shipment_id=made)
    if ids:
        rows = [{"shipment_id": made, "kit_id": one} for one in ids]
        context.db.execute(insert(shipment_kit), rows)
    if not draft:
        request(context, made, number, source, target)
    return number


def request(context: Context, made: int, number: str, source: Place, target: Place) -> None:
    """Plan the days of a shipment that is now wanted, and tell those who are to send it."""
    if source.is_site:
        told = Message("sms.transfer", {"shipment": Digits(number), "site": Digits(source.number)})
        _tell(context, Notice(told, roles=SENDERS, site=source.number))
        return
    depot = get_depot(context.config, source.number)
    leaves, due = plan(context, depot, target)
    remind_at = context.now + dt.timedelta(hours=depot.acknowledge_hours)
    context.db.execute(
        update(shipment)
        .where(shipment.c.id == made)
        .values(leaves_on=leaves, due_on=due, remind_at=remind_at)
    )
    tell_depot(context, depot, "order", number)


SENDERS: Final = ("pharmacist", "unblinded_pharmacist", "coordinator")


def plan(context: Context, depot: Depot, target: Place) -> tuple[dt.date, dt.date]:
    """When what is confirmed now leaves the depot, and when it is due where it goes."""
    config = context.config
    if not target.is_site:
        there = get_depot(config, target.number)
        return planned(config, context.now, depot, target=there)
    found = context.facts.find_site(target.number)
    return planned(config, context.now, depot, country=found.country if found else None)


def tell_depot(context: Context, depot: Depot, what: str, number: str) -> None:
    """Send the people of the depot the words `sms.depot_<what>`, and the depot the order itself.

    Where no e-mail can be sent the supply manager is told to pass the order on.
    """
    params: dict[str, Param] = {"shipment": Digits(number), "depot": Digits(depot.code)}
    _tell(context, Notice(Message(f"sms.depot_{what}", params), roles=("depot",), depot=depot.code))
    if depot.email is None:
        return
    mail = Message(f"mail.depot_{what}", {**params, "study": context.study})
    enqueue_mail(context.db, context.core, mail, context.study, depot.code)
    if not context.core.settings.smtp_url:
        told = Message("sms.order_not_mailed", params)
        _tell(context, Notice(told, roles=("supply_manager",)))


def _tell(context: Context, notice: Notice) -> None:
    enqueue(context.db, context.core, notice, context.study, notice.site)


def get_depot(config: StudyConfig, code: str) -> Depot:
    """The depot of that code; KeyError if there is none."""
    for depot in config.depots:
        if depot.code == code:
            return depot
    raise KeyError(code)


def _about(number: str) -> str:
    return f"shipment|{number}"


def reasons_of(keys: Keys, row: Any) -> str | None:
    """What `order` was told in `reasons`, of a row of the shipment table; it may name kit types, so
    never for a blinded reader."""
    if row.reasons is None:
        return None
    return keys.open(Sealed(row.reasons, f"{row.study}|{_about(row.number)}"))


def in_neutral_order(stock: Iterable[Stocked], wanted: Mapping[str, int]) -> list[str]:
    """The kit types wanted, each as often as it is, for `choose`: types in the order of the stock.

    Not in that of the study file: numbers are then drawn for the same lots first, whichever of two
    types is in which lot, so that neither the kits drawn nor their numbers tell anything.
    """
    first: dict[str, int] = {}
    for item in stock:
        if item.kit_type in wanted and first.setdefault(item.kit_type, item.id) > item.id:
            first[item.kit_type] = item.id
    known = sorted((code for code in wanted if code in first), key=first.__getitem__)
    lacking = [code for code in wanted if code not in first]
    return [code for code in (*known, *lacking) for _ in range(wanted[code])]
