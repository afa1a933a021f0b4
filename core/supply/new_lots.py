"""Lots of a study, from the packager's list; several may share one label."""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import exists, insert, select, update

from core.access.roles import Permission
from core.bulk import Row, Sheet, file_question, is_number
from core.context import Context
from core.db.models import kit, lot
from core.messages import Message
from core.supply.dispense import dispenses
from core.supply.kits import lot_about, lot_type
from core.supply.lots import COUNTRIES, shown_expiry
from core.supply.quantities import types_by_group
from core.transaction import Answers, Channel, Outcome, Transaction

LOT_COLUMNS: Final = ("lot", "kit_type", "expiry", "countries")
LABEL: Final = "label_lot"
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9./-]{0,39}")


def expiry_of(text: str) -> dt.date | None:
    """YYYY-MM-DD, or YYYY-MM for the last day of that month; None for anything else."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            year, month = int(text[:4]), int(text[5:])
            return dt.date(year, month, calendar.monthrange(year, month)[1])
        return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except (ValueError, calendar.IllegalMonthError):
        return None


def run(context: Context, answers: Answers) -> Outcome:
    """Add every lot of the file, or none; none is released by this.

    Lots with one label are of one blinded group and go by the earliest date of them all. Where
    kits carry that label already, a new lot must not bring an earlier date.
    """
    text = str(answers["file"])
    sheet = Sheet(text, LOT_COLUMNS, optional=(LABEL,))
    known = set(context.db.scalars(select(lot.c.number).where(lot.c.study == context.study)))
    types = {kit_type.code: kit_type.group for kit_type in context.config.kit_types}
    lines = []
    for line, row in sheet.rows():
        _check(sheet, line, row, known, types)
        known.add(row["lot"])
        lines.append(_Line(line, row, expiry_of(row["expiry"]) or dt.date.min))
    sheet.check()
    labels = _labels(context, lines, types)
    for one in lines:
        labels[one.label].add(sheet, one, types[one.row["kit_type"]])
    sheet.check()
    for number, label in labels.items():
        alike = (lot.c.study == context.study, lot.c.label_lot == number)
        context.db.execute(update(lot).where(*alike).values(expiry=label.expiry))
    values = [_values(context, one, labels[one.label].expiry) for one in lines]
    context.db.execute(insert(lot), values)
    facts = {"lots": [one.row["lot"] for one in lines]}
    # Of a short file the digest gives the types away to whoever knows the rest of it.
    mark = hashlib.sha256(text.encode()).hexdigest()
    secret = {"file_sha256": context.seal("import_lots|file", mark)}
    said = Message("said.import_lots", {"count": len(lines)})
    return Outcome(said, facts, secret, notes=_notes(context, labels.values()))


def _notes(context: Context, labels: Iterable[_Label]) -> tuple[Message, ...]:
    """Under double blind, cartons that look alike are told apart by a printed lot that not all
    types of their group share."""
    alike = types_by_group(context.config)
    telling = sum(one.group is not None and one.types != alike[one.group] for one in labels)
    if not context.config.is_blinded or not telling:
        return ()
    return (Message("note.labels_tell", {"count": telling}),)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file, and until when its lot lasts by itself."""

    line: int
    row: Row
    own: dt.date

    @property
    def label(self) -> str:
        """What is printed as the lot: its own number where the file says nothing else."""
        return self.row.get(LABEL) or self.row["lot"]


def _check(sheet: Sheet, line: int, row: Row, known: set[str], types: Iterable[str]) -> None:
    if not is_number(row["lot"], 20):
        sheet.complain(line, "lot", Message("error.import_number"))
    elif row["lot"] in known:
        sheet.complain(line, "lot", Message("error.import_known", {"value": row["lot"]}))
    if row["kit_type"] not in types:
        sheet.complain(line, "kit_type", Message("error.import_kit_type"))
    if expiry_of(row["expiry"]) is None:
        sheet.complain(line, "expiry", Message("error.import_expiry"))
    if not COUNTRIES.fullmatch(row["countries"]):
        sheet.complain(line, "countries", Message("error.import_countries"))
    if row.get(LABEL) and not _LABEL.fullmatch(row[LABEL]):
        sheet.complain(line, LABEL, Message("error.import_label"))


@dataclass
class _Label:
    """What lots with one label have in common."""

    own: list[dt.date] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    group: str | None = None
    fixed: dt.date | None = None  # what is printed on kits that carry the label already

    @property
    def expiry(self) -> dt.date:
        return shown_expiry(self.own)

    def add(self, sheet: Sheet, one: _Line, group: str) -> None:
        """Take one more lot in, or say why it cannot carry this label."""
        if self.group not in (None, group):
            sheet.complain(one.line, LABEL, Message("error.import_label_group"))
        if self.fixed is not None and one.own < self.fixed:
            told = Message("error.import_label_date", {"date": self.fixed})
            sheet.complain(one.line, "expiry", told)
        self.group = group
        self.types.add(one.row["kit_type"])
        self.own.append(one.own)


def _labels(
    context: Context, lines: Sequence[_Line], groups: Mapping[str, str]
) -> dict[str, _Label]:
    """The labels that the file names, with the lots that have them already."""
    labels = {one.label: _Label() for one in lines}
    query = (
        select(lot, exists().where(kit.c.lot_id == lot.c.id).label("has_kits"))
        .where(
            lot.c.study == context.study,
            lot.c.label_lot.in_(labels),
            lot.c.status != "recalled",
        )
        .order_by(lot.c.id)
        .with_for_update(of=lot, key_share=True)
    )
    for found in context.db.execute(query).all():
        label = labels[found.label_lot]
        kit_type = lot_type(context.keys, context.study, found.number, found.kit_type)
        label.own.append(found.stable_until)
        label.types.add(kit_type)
        label.group = groups.get(kit_type)
        if found.has_kits:
            label.fixed = found.expiry
    return labels


def _values(context: Context, one: _Line, expiry: dt.date) -> dict[str, Any]:
    about = lot_about(context.study, one.row["lot"])
    return {
        "study": context.study,
        "number": one.row["lot"],
        "kit_type": context.keys.seal(about, one.row["kit_type"]).token,
        "expiry": expiry,
        "stable_until": one.own,
        "label_lot": one.label,
        "countries": f" {one.row['countries']} ",
        "status": "new",
    }


IMPORT_LOTS = Transaction(
    "import_lots",
    "",
    Permission.SUPPLY,
    file_question,
    run,
    frozenset({Channel.COMMAND, Channel.WEB, Channel.API}),
    site=False,
    used=dispenses,
)
