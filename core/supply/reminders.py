"""Orders that no depot has acknowledged: told again, and the supply manager with them.

May run in any number of workers: each shipment is looked at again under its lock, and told in the
same database transaction in which the next time is set.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select, update

from core.db.models import shipment
from core.messages import Digits, Message
from core.outbox import enqueue
from core.study.versions import latest_config
from core.supply.ordering import tell_depot
from core.transaction import Notice

if TYPE_CHECKING:
    from core.runtime import Core

AT_ONCE_MAX: Final = 20
_AGAIN_OTHERWISE: Final = dt.timedelta(hours=24)
"""For a depot that the study file no longer has."""


def remind_due(core: Core) -> int:
    """Tell again what is due; returns how many orders that were."""
    now = core.now()
    due = select(shipment.c.id).where(shipment.c.remind_at <= now).order_by(shipment.c.remind_at)
    with core.reading() as db:
        found = list(db.scalars(due.limit(AT_ONCE_MAX)))
    told = 0
    for one in found:
        with core.writing() as db:
            told += _remind(db, core, one, now)
    return told


def _remind(db: Connection, core: Core, shipment_id: int, now: dt.datetime) -> bool:
    query = select(shipment).where(shipment.c.id == shipment_id, shipment.c.remind_at <= now)
    row: Any = db.execute(query.with_for_update()).one_or_none()
    if row is None:
        return False  # another worker was here, or it was acknowledged meanwhile
    config = latest_config(db, core, row.study)
    depot = next((one for one in config.depots if one.code == row.depot), None)
    wait = dt.timedelta(hours=depot.acknowledge_hours) if depot is not None else _AGAIN_OTHERWISE
    is_open = row.status == "requested"
    db.execute(
        update(shipment)
        .where(shipment.c.id == shipment_id)
        .values(remind_at=now + wait if is_open else None)
    )
    if not is_open:
        return False
    if depot is not None:
        tell_depot(db, core, row.study, depot, "reminder", row.number)
    params = {"shipment": Digits(row.number), "depot": Digits(row.depot)}
    alert = Notice(Message("sms.order_unacknowledged", params), roles=("supply_manager",))
    enqueue(db, core, alert, row.study, None)
    return True
