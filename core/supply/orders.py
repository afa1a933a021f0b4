"""An order as a depot gets it: where it goes, when, and which cartons, as CSV and as JSON.

It names kits by what is printed on them and never by type, so that neither a file nor an e-mail
that goes astray tells anyone what is in a carton.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from core.access.roles import Actor, Permission
from core.db.models import kit, lot, shipment, site
from core.db.stock import shipment_kit
from core.errors import NotFound
from core.facts import is_keyed
from core.sight import Sight
from core.study.versions import latest_config
from core.supply.kits import type_of

if TYPE_CHECKING:
    from core.runtime import Core
    from core.study.schema import StudyConfig

KIT_COLUMNS: Final = ("kit_number", "label_lot", "expiry", "group")
COLUMNS: Final = (
    *("order", "kind", "study", "status", "ordered_at", "acknowledged_at"),
    *("leaves_on", "due_on", "from_depot", "from_name"),
    *("to_site", "to_depot", "to_name", "to_country"),
    *KIT_COLUMNS,
)
"""The columns of the CSV file: the order's own on every line, then a kit's."""


@dataclass(frozen=True, slots=True)
class OrderedKit:
    """A carton: its number, the lot and the expiry printed on it, and its blinded group."""

    kit_number: str
    label_lot: str
    expiry: dt.date
    group: str


@dataclass(frozen=True, slots=True)
class Order:
    """A shipment that leaves a depot. Moments are UTC; `to_country` only of a site."""

    order: str
    kind: str
    study: str
    status: str
    ordered_at: dt.datetime
    acknowledged_at: dt.datetime | None
    leaves_on: dt.date | None
    due_on: dt.date | None
    from_depot: str
    from_name: str
    to_site: str | None
    to_depot: str | None
    to_name: str
    to_country: str | None
    kits: tuple[OrderedKit, ...]

    def as_json(self) -> bytes:
        """One object, its kits in a list; dates as YYYY-MM-DD, moments in UTC."""
        return json.dumps(self.values(), ensure_ascii=False, indent=1).encode()

    def values(self) -> dict[str, Any]:
        """The same as plain values."""
        kits = [{name: _plain(getattr(one, name)) for name in KIT_COLUMNS} for one in self.kits]
        return {**self._own(), "kits": kits}

    def as_csv(self) -> bytes:
        """A line for each kit, with the names of the columns above."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        own = [value or "" for value in self._own().values()]
        for one in self.kits:
            writer.writerow([*own, *(_plain(getattr(one, name)) for name in KIT_COLUMNS)])
        return out.getvalue().encode()

    def _own(self) -> dict[str, str | None]:
        return {name: _plain(getattr(self, name)) for name in COLUMNS if name not in KIT_COLUMNS}


FORMATS: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
"""The files there are of an order, and their media types."""


def file_of(found: Order, form: str) -> bytes:
    """The file of that format. Raises NotFound for another one."""
    if form not in FORMATS:
        raise NotFound
    return found.as_json() if form == "json" else found.as_csv()


def _plain(value: Any) -> str | None:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, dt.date) else value


def read_order(core: Core, db: Connection, actor: Actor, study: str, number: str) -> Order:
    """The order, for those who send from that depot. Raises NotFound for anybody else, and for
    what has not been ordered from a depot."""
    Sight(core, db, actor, study)
    found = load_order(core, db, study, number)
    depots = actor.depots_where(Permission.DISPATCH, study)
    if found is None or not (depots is None or found.from_depot in depots):
        raise NotFound
    return found


def load_order(core: Core, db: Connection, study: str, number: str) -> Order | None:
    """The order of that number; None for what has not been ordered from a depot."""
    query = select(shipment).where(shipment.c.study == study, shipment.c.number == number)
    row = db.execute(query).one_or_none() if is_keyed(number) else None
    if row is None or row.depot is None or row.status == "draft":
        return None
    config = latest_config(db, core, study)
    names = {depot.code: depot.name for depot in config.depots}
    to_name, to_country = names.get(row.to_depot or "", row.to_depot or ""), None
    if row.site is not None:
        there = db.execute(
            select(site.c.name, site.c.country).where(
                site.c.study == study, site.c.number == row.site
            )
        ).one()
        to_name, to_country = there.name, there.country
    return Order(
        order=row.number,
        kind=row.kind,
        study=study,
        status=row.status,
        ordered_at=row.created_at,
        acknowledged_at=row.confirmed_at,
        leaves_on=row.leaves_on,
        due_on=row.due_on,
        from_depot=row.depot,
        from_name=names.get(row.depot, row.depot),
        to_site=row.site,
        to_depot=row.to_depot,
        to_name=to_name,
        to_country=to_country,
        kits=_kits(core, db, config, row.id),
    )


def _kits(
    core: Core, db: Connection, config: StudyConfig, shipment_id: int
) -> tuple[OrderedKit, ...]:
    query = (
        select(
            *(kit.c.study, kit.c.number, kit.c.kit_type, kit.c.labelled_until),
            *(lot.c.label_lot, lot.c.expiry),
        )
        .join(shipment_kit, shipment_kit.c.kit_id == kit.c.id)
        .join(lot, lot.c.id == kit.c.lot_id)
        .where(shipment_kit.c.shipment_id == shipment_id)
        .order_by(kit.c.number)
    )
    groups = {kit_type.code: kit_type.group for kit_type in config.kit_types}
    rows: Sequence[Any] = db.execute(query).all()
    return tuple(
        OrderedKit(
            row.number,
            row.label_lot,
            row.labelled_until or row.expiry,
            groups.get(type_of(core.keys, row), ""),
        )
        for row in rows
    )
