"""Lots and kits of a study, from the packager's lists."""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import insert, select

from core.access.roles import Permission
from core.bulk import Row, Sheet, file_question, is_number, store
from core.codes import is_damm
from core.context import Context
from core.db.models import kit, lot
from core.messages import Message
from core.sealed import Sealed
from core.supply.dispense import dispenses
from core.supply.kits import kit_about, lot_about
from core.transaction import Answers, Channel, Outcome, Transaction

LOT_COLUMNS: Final = ("lot", "kit_type", "expiry", "countries")
KIT_COLUMNS: Final = ("kit_number", "sequence", "kit_type", "lot")


def expiry_of(text: str) -> dt.date | None:
    """YYYY-MM-DD, or YYYY-MM for the last day of that month; None for anything else."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            year, month = int(text[:4]), int(text[5:])
            return dt.date(year, month, calendar.monthrange(year, month)[1])
        return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except (ValueError, calendar.IllegalMonthError):
        return None


def run_lots(context: Context, answers: Answers) -> Outcome:
    """Add every lot of the file, or none; none is released by this."""
    text = str(answers["file"])
    sheet = Sheet(text, LOT_COLUMNS)
    known = set(context.db.scalars(select(lot.c.number).where(lot.c.study == context.study)))
    rows = []
    for line, row in sheet.rows():
        _check_lot(sheet, line, row, known, context)
        known.add(row["lot"])
        rows.append(row)
    sheet.check()
    context.db.execute(insert(lot), [_lot_values(context, row) for row in rows])
    facts = {"file_sha256": _digest(text), "lots": [row["lot"] for row in rows]}
    return Outcome(Message("said.import_lots", {"count": len(rows)}), facts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _types(context: Context) -> frozenset[str]:
    return frozenset(kit_type.code for kit_type in context.config.kit_types)


def _check_lot(sheet: Sheet, line: int, row: Row, known: set[str], context: Context) -> None:
    if not is_number(row["lot"], 20):
        sheet.complain(line, "lot", Message("error.import_number"))
    elif row["lot"] in known:
        sheet.complain(line, "lot", Message("error.import_known", {"value": row["lot"]}))
    if row["kit_type"] not in _types(context):
        sheet.complain(line, "kit_type", Message("error.import_kit_type"))
    if expiry_of(row["expiry"]) is None:
        sheet.complain(line, "expiry", Message("error.import_expiry"))
    if not re.fullmatch(r"[A-Z]{2}( [A-Z]{2})*", row["countries"]):
        sheet.complain(line, "countries", Message("error.import_countries"))


def _lot_values(context: Context, row: Row) -> dict[str, object]:
    about = lot_about(context.study, row["lot"])
    return {
        "study": context.study,
        "number": row["lot"],
        "kit_type": context.keys.seal(about, row["kit_type"]).token,
        "expiry": expiry_of(row["expiry"]),
        "stable_until": expiry_of(row["expiry"]),
        "label_lot": row["lot"],
        "countries": f" {row['countries']} ",
        "status": "new",
    }


def run_kits(context: Context, answers: Answers) -> Outcome:
    """Add every kit of the packaging list, or none: new, at the depot of the study."""
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
    facts = {"file_sha256": _digest(text), "kits": len(rows)}
    return Outcome(Message("said.import_kits", {"count": len(rows)}), facts)


@dataclass(frozen=True, slots=True)
class _Lot:
    """A lot that kits may belong to, its kit type opened."""

    id: int
    kit_type: str
    disposition: str  # of a kit that joins it


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
        lots = {
            row.number: _Lot(
                row.id,
                context.keys.open(Sealed(row.kit_type, lot_about(study, row.number))),
                "available" if row.status == "released" else "new",
            )
            for row in context.db.execute(select(lot).where(lot.c.study == study))
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
    if not known.depots:
        sheet.complain(line, "kit_number", Message("error.import_no_depot"))
    if row.get("depot") and row["depot"] not in known.depots:
        sheet.complain(line, "depot", Message("error.import_unknown", {"value": row["depot"]}))


def _kit_values(context: Context, row: Row, known: _Known) -> dict[str, object]:
    number = row["kit_number"]
    found = known.lots[row["lot"]]
    about = kit_about(context.study, number)
    return {
        "study": context.study,
        "number": number,
        "sequence": int(row["sequence"]),
        "kit_type": context.keys.seal(about, row["kit_type"]).token,
        "lot_id": found.id,
        "disposition": found.disposition,
        "custody": "at_rest",
        "quality": "none",
        "depot": row.get("depot") or known.depots[0],
    }


_CHANNELS = frozenset({Channel.COMMAND, Channel.WEB, Channel.API})
IMPORT_LOTS = Transaction(
    "import_lots",
    "",
    Permission.SUPPLY,
    file_question,
    run_lots,
    _CHANNELS,
    site=False,
    used=dispenses,
)
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
