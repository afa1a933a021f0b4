"""Kits of a study, from the packager's list."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from core.access.roles import Permission
from core.bulk import Row, Sheet, file_question, is_number, store
from core.codes import is_damm
from core.context import Context
from core.db.models import kit, lot
from core.messages import Digits, Message
from core.supply.dispense import dispenses
from core.supply.kits import kit_about, lot_type
from core.supply.numbers import count_alike
from core.transaction import Answers, Channel, Outcome, Transaction

KIT_COLUMNS: Final = ("kit_number", "sequence", "kit_type", "lot")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _types(context: Context) -> frozenset[str]:
    return frozenset(kit_type.code for kit_type in context.config.kit_types)


def run_kits(context: Context, answers: Answers) -> Outcome:
    """Add every kit of the packaging list, or none: new, at the depot of the study.

    Numbers that are one slip of the keys apart are taken, for they are printed already, and told.
    """
    text = str(answers["file"])
    sheet = Sheet(text, KIT_COLUMNS, optional=("depot",))
    known = _Known.of(context)
    rows = []
    for line, row in sheet.rows():
        _check_kit(sheet, line, row, known)
        known.numbers.add(row["kit_number"])
        rows.append(row)
    sheet.check()
    store(context.db, kit, (_kit_values(context, row, known) for row in rows), len(rows))
    added = [row["kit_number"] for row in rows]
    alike = count_alike(added, known.numbers.difference(added))
    facts = {"kits": len(rows), "alike": alike}
    # Of a short file the digest gives the types away to whoever knows the rest of it.
    secret = {"file_sha256": context.seal("import_kits|file", _digest(text))}
    notes = (Message("note.kits_alike", {"count": alike}),) if alike else ()
    return Outcome(Message("said.import_kits", {"count": len(rows)}), facts, secret, notes=notes)


@dataclass(frozen=True, slots=True)
class _Lot:
    """A lot that kits may belong to, its kit type opened."""

    id: int
    kit_type: str
    disposition: str  # of a kit that joins it
    is_recalled: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """What the lines of a packaging list are held against: read once, not for each line."""

    lots: Mapping[str, _Lot]
    types: frozenset[str]
    depots: tuple[str, ...]
    numbers: set[str]

    @classmethod
    def of(cls, context: Context) -> _Known:
        """The study's lots, kit types, depots, and the numbers of the kits that it has."""
        study = context.study
        # Locked, so that a lot is not released or recalled between this and its new kits.
        rows = select(lot).where(lot.c.study == study).order_by(lot.c.id)
        locked = context.db.execute(rows.with_for_update(key_share=True)).all()
        lots = {
            row.number: _Lot(
                row.id,
                lot_type(context.keys, study, row.number, row.kit_type),
                first_disposition(row.status),
                row.status == "recalled",
            )
            for row in locked
        }
        numbers = context.db.scalars(select(kit.c.number).where(kit.c.study == study))
        depots = tuple(depot.code for depot in context.config.depots)
        return cls(lots, _types(context), depots, set(numbers))


def _check_kit(sheet: Sheet, line: int, row: Row, known: _Known) -> None:
    number = row["kit_number"]
    if len(number) != 8 or not is_damm(number):
        sheet.complain(line, "kit_number", Message("error.import_kit_number"))
    elif number in known.numbers:
        sheet.complain(line, "kit_number", Message("error.import_known", {"value": number}))
    if not is_number(row["sequence"], 9):
        sheet.complain(line, "sequence", Message("error.import_number"))
    if row["kit_type"] not in known.types:
        sheet.complain(line, "kit_type", Message("error.import_kit_type"))
    if row["lot"] not in known.lots:
        sheet.complain(line, "lot", Message("error.import_unknown", {"value": row["lot"]}))
    elif known.lots[row["lot"]].kit_type != row["kit_type"]:
        sheet.complain(line, "lot", Message("error.import_lot_type"))
    elif known.lots[row["lot"]].is_recalled:
        sheet.complain(line, "lot", Message("error.lot_recalled", {"lot": Digits(row["lot"])}))
    if not known.depots:
        sheet.complain(line, "kit_number", Message("error.import_no_depot"))
    if row.get("depot") and row["depot"] not in known.depots:
        sheet.complain(line, "depot", Message("error.import_unknown", {"value": row["depot"]}))


def _kit_values(context: Context, row: Row, known: _Known) -> dict[str, object]:
    found = known.lots[row["lot"]]
    place = (int(row["sequence"]), row.get("depot") or known.depots[0])
    return new_kit(context, row["kit_number"], found.kit_type, (found.id, found.disposition), place)


def new_kit(
    context: Context, number: str, kit_type: str, of_lot: tuple[int, str], place: tuple[int, str]
) -> dict[str, object]:
    """The row of a kit at a depot: `of_lot` is the lot's id and the disposition that its kits begin
    with, `place` the place in the packaging list and the depot."""
    lot_id, disposition = of_lot
    sequence, depot = place
    return {
        "study": context.study,
        "number": number,
        "sequence": sequence,
        "kit_type": context.keys.seal(kit_about(context.study, number), kit_type).token,
        "lot_id": lot_id,
        "disposition": disposition,
        "custody": "at_rest",
        "quality": "none",
        "depot": depot,
    }


def first_disposition(lot_status: str) -> str:
    """What a kit is that joins a lot: not to be given before the lot is released."""
    return "available" if lot_status == "released" else "new"


_CHANNELS = frozenset({Channel.COMMAND, Channel.WEB, Channel.API})
IMPORT_KITS = Transaction(
    "import_kits",
    "",
    Permission.SUPPLY,
    file_question,
    run_kits,
    _CHANNELS,
    signed=True,
    site=False,
    used=dispenses,
)
