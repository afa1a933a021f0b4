"""Kits that one site sends on to another: supply proposes, quality approves, the site sends them.

What was stored at a site goes on only where its storage history is in order, and only to a country
for which its lot is released.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from core.access.roles import Permission
from core.context import Context
from core.db.models import kit, lot
from core.db.stock import lot_release
from core.errors import InvalidInput, KitNotUsable, LotNotUsable
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.supply.days import last_day, limits
from core.supply.dispense import dispenses
from core.supply.kits import Stocked, type_of
from core.supply.lifecycle import check_step
from core.supply.ordering import at_site, order
from core.supply.quality import REASON_CHARACTERS_MAX, SCREENS
from core.supply.quantities import check_groups
from core.supply.ship import check_active
from core.transaction import Answers, Kind, Outcome, Question, Transaction


def _check_target(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    check_active(facts.find_site(value), value)
    return Message("error.transfer_same_site") if value == answers["from_site"] else None


def _check_kits(
    config: StudyConfig, facts: Facts, answers: Answers, value: tuple[str, ...]
) -> Message | None:
    if not value:
        return Message("error.no_kits")
    rows = _rows(facts, value)
    return _problem(config, facts, answers, rows)


def _check_storage(
    config: StudyConfig, facts: Facts, answers: Answers, value: bool
) -> Message | None:
    return None if value else Message("error.storage_not_confirmed")


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """From which site to which, which kits, whether their storage there is in order, and why."""
    return (
        Question("from_site", Kind.SITE, digits=(1, 11)),
        Question("to_site", Kind.SITE, check=_check_target, digits=(1, 11)),
        Question("kits", Kind.KITS, check=_check_kits, digits=(8, 8)),
        Question("storage_in_order", Kind.YES_NO, check=_check_storage),
        Question("reason", Kind.TEXT, high=REASON_CHARACTERS_MAX),
    )


def _rows(facts: Facts, numbers: Sequence[str], *, locking: bool = False) -> list[Any]:
    """The kits with what their lots say, in the order of their ids."""
    query = (
        select(
            kit,
            *(lot.c.expiry, lot.c.number.label("lot"), lot.c.status.label("lot_status")),
        )
        .join(lot, lot.c.id == kit.c.lot_id)
        .where(kit.c.study == facts.study, kit.c.number.in_(numbers))
        .order_by(kit.c.id)
    )
    return list(facts.db.execute(query.with_for_update(of=kit) if locking else query).all())


def _problem(
    config: StudyConfig, facts: Facts, answers: Answers, rows: Sequence[Any]
) -> Message | None:
    """What is wrong with sending these kits there, or nothing. Raises KitNotUsable, LotNotUsable,
    SiteNotActive."""
    source, number = str(answers["from_site"]), str(answers["to_site"])
    for row in rows:
        if row.site != source:
            params = {"kit": Digits(row.number), "site": Digits(source)}
            return Message("error.kit_not_at_site", params)
    check_step("reserve", rows, facts.today_at(source))
    target = check_active(facts.find_site(number), number)
    _check_lots(config, facts, target, rows)
    return check_groups(config, Counter(type_of(facts.core.keys, row) for row in rows))


def _check_lots(config: StudyConfig, facts: Facts, target: Record, rows: Sequence[Any]) -> None:
    """Each kit's lot is in use, released for the country of the site, and lasts long enough."""
    released = set(
        facts.db.scalars(
            select(lot_release.c.lot_id).where(
                lot_release.c.lot_id.in_({row.lot_id for row in rows}),
                lot_release.c.country == target.country,
            )
        )
    )
    days = limits(config, target.country).dns
    today = facts.today_at(target.number)
    for row in rows:
        named: dict[str, Param] = {"kit": Digits(row.number), "country": target.country}
        if row.lot_status != "released":
            raise LotNotUsable(lot=Digits(row.lot))
        if row.lot_id not in released:
            raise KitNotUsable(Message("error.kit_not_for_country", named))
        if last_day(row.expiry, days) < today:
            last = last_day(row.expiry, days)
            raise KitNotUsable(
                Message("error.kit_too_old", {"kit": Digits(row.number), "last": last})
            )


def run(context: Context, answers: Answers) -> Outcome:
    """Reserve the kits where they are; the site that has them is told to send them."""
    named = answers["kits"]
    numbers = named if isinstance(named, tuple) else ()
    rows = _rows(context.facts, numbers, locking=True)
    if problem := _problem(context.config, context.facts, answers, rows):
        raise InvalidInput("kits", problem)
    source, target = str(answers["from_site"]), str(answers["to_site"])
    items = [Stocked(row.id, row.number, type_of(context.keys, row), row.expiry) for row in rows]
    number = order(
        context,
        kind="transfer",
        source=at_site(source),
        target=at_site(target),
        items=items,
        why=Message("why.transfer", {"site": Digits(source)}),
    )
    facts = {
        "shipment": number,
        "from_site": source,
        "site": target,
        "kits": sorted(item.number for item in items),
        "storage_in_order": answers["storage_in_order"],
        "reason": answers["reason"],
    }
    params: dict[str, Param] = {
        "shipment": Digits(number),
        "site": Digits(target),
        "count": len(items),
    }
    return Outcome(Message("said.transfer_kits", params), facts)


TRANSFER_KITS = Transaction(
    "transfer_kits",
    "",
    Permission.SUPPLY,
    questions,
    run,
    SCREENS,
    signed=True,
    signers=(Permission.QUALITY,),
    site=False,
    used=dispenses,
)
