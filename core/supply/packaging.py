"""Kit numbers made here, for the packager to print; and the list of them."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, func, select

from core.access.roles import Actor, Permission
from core.bulk import store
from core.context import Context
from core.db.models import kit, lot, study
from core.errors import InvalidInput, NotFound
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.study.supply import Depot
from core.supply.bulk import first_disposition, new_kit
from core.supply.dispense import dispenses
from core.supply.kits import lot_type
from core.supply.lots import check_not_recalled, lock_lots
from core.supply.numbers import guarded
from core.supply.quality import SCREENS
from core.supply.unblinded import check_types, record_reading
from core.transaction import Answers, Channel, Choice, Kind, Outcome, Question, Transaction

if TYPE_CHECKING:
    from core.runtime import Core

KITS_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Packed:
    """A line of the packaging list: what to print on which carton, and what to put into it."""

    kit_number: str
    sequence: int
    kit_type: str
    lot: str
    label_lot: str
    expiry: dt.date
    depot: str


def _check_lot(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    check_not_recalled(facts.lot(value), value)
    return None if config.depots else Message("error.import_no_depot")


def _depots(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), one.code, Message("choice.depot", _named(one)))
        for place, one in enumerate(config.depots, start=1)
    )


def _named(one: Depot) -> dict[str, Param]:
    return {"depot": Digits(one.code), "name": one.name}


def _has_several(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return len(config.depots) > 1


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """For which lot, how many, and at which depot where the study has several."""
    return (
        Question("lot", Kind.LOT, check=_check_lot, digits=(1, 20)),
        Question("how_many", Kind.NUMBER, low=1, high=KITS_MAX, digits=(1, 5)),
        Question("depot", Kind.CHOICE, when=_has_several, choices=_depots),
    )


def run(context: Context, answers: Answers) -> Outcome:
    """Numbers that nobody takes for each other, in the order of chance, at the next places of the
    packaging list; those places too are given by chance."""
    number, count = str(answers["lot"]), int(str(answers["how_many"]))
    # One at a time: each has to see the numbers that the others made.
    context.db.execute(
        select(study.c.code).where(study.c.code == context.study).with_for_update(key_share=True)
    )
    found, _ = lock_lots(context.db, context.study, number)
    kit_type = lot_type(context.keys, context.study, number, found.kit_type)
    depot = str(answers.get("depot", context.config.depots[0].code))
    first, made = _numbers(context, count)
    packed = [
        Packed(one, sequence, kit_type, number, found.label_lot, found.expiry, depot)
        for sequence, one in enumerate(made, start=first)
    ]
    of_lot = (found.id, first_disposition(found.status))
    rows = (
        new_kit(context, one.kit_number, kit_type, of_lot, (one.sequence, depot))
        for one in sorted(packed, key=lambda one: one.kit_number)
    )
    store(context.db, kit, rows, count)
    facts = {
        "lot": number,
        "depot": depot,
        "kits": count,
        "first_sequence": first,
        "last_sequence": first + count - 1,
    }
    # Of a short list the digest gives the type away to whoever knows the rest of it.
    mark = hashlib.sha256(in_csv(packed).encode()).hexdigest()
    secret = {
        "kit_type": context.seal(f"packed|{number}|{first}", kit_type),
        "list_sha256": context.seal(f"packed|{number}|{first}|list", mark),
    }
    params: dict[str, Param] = {"lot": Digits(number), "count": count}
    return Outcome(Message("said.generate_kits", params), facts, secret)


def _numbers(context: Context, count: int) -> tuple[int, list[str]]:
    """The next place in the packaging list, and so many new numbers. Raises InvalidInput."""
    here = kit.c.study == context.study
    taken = context.db.scalars(select(kit.c.number).where(here).order_by(kit.c.id))
    last = context.db.scalar(select(func.max(kit.c.sequence)).where(here)) or 0
    try:
        return last + 1, guarded(count, taken, context.entropy.below)
    except ValueError:
        raise InvalidInput("how_many", Message("error.numbers_used_up")) from None


def in_csv(packed: Sequence[Packed]) -> str:
    """The list as text, a line for each carton."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(one.name for one in fields(Packed))
    writer.writerows(astuple(one) for one in packed)
    return text.getvalue()


def read_packaging_list(
    core: Core, actor: Actor, study_code: str, lot_number: str | None, *, channel: Channel
) -> tuple[Packed, ...]:
    """The packaging list of a lot, or of the study, in its order. The reading goes on record.

    Raises NotFound for whoever may not read types in the whole study, and for an unknown lot.
    """
    check_types(actor, study_code, None, Permission.SUPPLY)
    with core.reading() as db:
        packed = _packed(db, core, study_code, lot_number)
    record_reading(core, actor, study_code, "packaging_list", of=lot_number, channel=channel.value)
    return packed


def _packed(
    db: Connection, core: Core, study_code: str, lot_number: str | None
) -> tuple[Packed, ...]:
    lots: dict[int, Any] = {
        row.id: row
        for row in db.execute(select(lot).where(lot.c.study == study_code))
        if lot_number in (None, row.number)
    }
    if not lots:
        raise NotFound
    types = {
        one.id: lot_type(core.keys, study_code, one.number, one.kit_type) for one in lots.values()
    }
    query = (
        select(kit.c.number, kit.c.sequence, kit.c.lot_id, kit.c.depot)
        .where(kit.c.study == study_code, kit.c.lot_id.in_(lots))
        .order_by(kit.c.sequence, kit.c.number)
    )
    return tuple(
        Packed(
            *(row.number, row.sequence, types[row.lot_id], lots[row.lot_id].number),
            *(lots[row.lot_id].label_lot, lots[row.lot_id].expiry, row.depot or ""),
        )
        for row in db.execute(query)
    )


GENERATE_KITS = Transaction(
    "generate_kits",
    "",
    Permission.SUPPLY,
    questions,
    run,
    SCREENS,
    signed=True,
    site=False,
    used=dispenses,
)
