"""Orders: kits are reserved, the shipment is on record, and the depot is told.

One way for every kind of shipment: by hand, from a resupply, between depots, between sites.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import Connection, insert, update

from core.codes import shipment_number
from core.context import Context
from core.db.models import shipment
from core.db.stock import shipment_kit
from core.db.upsert import new_id
from core.messages import Digits, Message, Param, to_json
from core.outbox import Claimed, enqueue, enqueue_mail
from core.sealed import Keys, Sealed
from core.study.schema import StudyConfig
from core.study.supply import Depot
from core.supply.calendar import planned
from core.supply.kits import Stocked, set_kits
from core.supply.lifecycle import STEPS
from core.supply.quality import KEEPERS
from core.transaction import Notice

if TYPE_CHECKING:
    from core.runtime import Core

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
    about = reasons_about(context.study, number)
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
        "reasons": context.keys.seal(about, reasons).token if reasons else None,
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


def source_of(row: Any) -> Place:
    """Where a shipment, a row of the table, comes from."""
    return at_site(row.from_site) if row.from_site is not None else at_depot(row.depot)


def target_of(row: Any) -> Place:
    """Where it goes."""
    return at_site(row.site) if row.site is not None else at_depot(row.to_depot)


def request(context: Context, made: int, number: str, source: Place, target: Place) -> None:
    """Plan the days of a shipment (its id and number) that is now wanted, and tell those who are
    to send it."""
    if source.is_site:
        tell_site(context, "sms.transfer", number, source.number)
        return
    depot = get_depot(context.config, source.number)
    leaves, due = plan(context, depot, target)
    remind_at = context.now + dt.timedelta(hours=depot.acknowledge_hours)
    context.db.execute(
        update(shipment)
        .where(shipment.c.id == made)
        .values(leaves_on=leaves, due_on=due, remind_at=remind_at)
    )
    tell_depot(context.db, context.core, context.study, depot, "order", number)


def tell_site(context: Context, text: str, number: str, site: str) -> None:
    """Send those who keep a site's stock this text about a shipment."""
    params: dict[str, Param] = {"shipment": Digits(number), "site": Digits(site)}
    _tell(context, Notice(Message(text, params), roles=KEEPERS, site=site))


def plan(context: Context, depot: Depot, target: Place) -> tuple[dt.date, dt.date]:
    """When what is confirmed now leaves the depot, and when it is due where it goes."""
    config = context.config
    if not target.is_site:
        there = get_depot(config, target.number)
        return planned(config, context.now, depot, target=there)
    found = context.facts.find_site(target.number)
    return planned(config, context.now, depot, country=found.country if found else None)


def tell_depot(
    db: Connection, core: Core, study: str, depot: Depot, what: str, number: str
) -> None:
    """Queue for the depot's people the words `sms.depot_<what>`, one of `TOLD`, and for its e-mail
    `mail.depot_<what>`.

    Where no e-mail can be sent the supply manager is told to pass it on.
    """
    params: dict[str, Param] = {"shipment": Digits(number), "depot": Digits(depot.code)}
    sms = Notice(Message(f"sms.depot_{what}", params), roles=("depot",), depot=depot.code)
    enqueue(db, core, sms, study, None)
    if depot.email is None:
        return
    enqueue_mail(
        db, core, Message(f"mail.depot_{what}", {**params, "study": study}), study, depot.code
    )
    if not core.settings.smtp_url:
        _tell_supply(db, core, study, Message("sms.order_not_mailed", params))


def tell_undelivered(db: Connection, core: Core, row: Claimed) -> None:
    """Tell the supply manager that the e-mail of this row of the outbox has not gone out."""
    params = {name: row.message.params[name] for name in ("shipment", "depot")}
    if row.study is not None:
        _tell_supply(db, core, row.study, Message("sms.order_not_mailed", params))


def _tell_supply(db: Connection, core: Core, study: str, message: Message) -> None:
    enqueue(db, core, Notice(message, roles=("supply_manager",)), study, None)


def call_off(context: Context, found: Any) -> None:
    """Tell whoever was to send a shipment, a row of the table, that it is not to be sent."""
    if found.from_site is not None:
        tell_site(context, "sms.transfer_called_off", found.number, found.from_site)
        return
    depots = [one for one in context.config.depots if one.code == found.depot]
    for depot in depots:
        tell_depot(context.db, context.core, context.study, depot, "called_off", found.number)


TOLD: Final = ("order", "reminder", "called_off")
"""What a depot is told: an order, that it has not acknowledged it, that it is not to send it."""


def _tell(context: Context, notice: Notice) -> None:
    enqueue(context.db, context.core, notice, context.study, notice.site)


def get_depot(config: StudyConfig, code: str) -> Depot:
    """The depot of that code; KeyError if there is none."""
    for depot in config.depots:
        if depot.code == code:
            return depot
    raise KeyError(code)


def reasons_about(study: str, number: str) -> str:
    """What the reasons of a shipment are bound to."""
    return f"{study}|shipment|{number}"


def reasons_of(keys: Keys, row: Any) -> str | None:
    """What `order` was told in `reasons`, of a row of the shipment table; it may name kit types, so
    never for a blinded reader."""
    if row.reasons is None:
        return None
    return keys.open(Sealed(row.reasons, reasons_about(row.study, row.number)))
