"""Sites of a study, from a CSV file: pending until each is activated."""

from __future__ import annotations

import hashlib
from typing import Final
from zoneinfo import available_timezones

from sqlalchemy import select

from core.access.roles import Permission
from core.bulk import Row, Sheet, file_question, is_number, store
from core.context import Context
from core.db.models import site
from core.messages import Message
from core.telephone import phone_of
from core.transaction import Answers, Channel, Outcome, Transaction

COLUMNS: Final = ("number", "name", "country", "timezone", "language", "phone", "depot")


def run(context: Context, answers: Answers) -> Outcome:
    """Add every site of the file, or none."""
    text = str(answers["file"])
    sheet = Sheet(text, COLUMNS)
    known = set(context.db.scalars(select(site.c.number).where(site.c.study == context.study)))
    zones = available_timezones()
    rows = []
    for line, row in sheet.rows():
        _check(sheet, line, row, known, zones, context)
        known.add(row["number"])
        rows.append(row)
    sheet.check()
    store(context.db, site, (_values(context, row) for row in rows), len(rows))
    facts = {
        "file_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "sites": [row["number"] for row in rows],
    }
    return Outcome(Message("said.import_sites", {"count": len(rows)}), facts)


def _check(
    sheet: Sheet, line: int, row: Row, known: set[str], zones: set[str], context: Context
) -> None:
    number, depots = row["number"], {depot.code for depot in context.config.depots}
    if not is_number(number, 11):
        sheet.complain(line, "number", Message("error.import_number"))
    elif number in known:
        sheet.complain(line, "number", Message("error.import_known", {"value": number}))
    if not row["name"]:
        sheet.complain(line, "name", Message("error.import_empty"))
    if not (len(row["country"]) == 2 and row["country"].isalpha() and row["country"].isupper()):
        sheet.complain(line, "country", Message("error.import_country"))
    if row["timezone"] not in zones:
        sheet.complain(line, "timezone", Message("error.import_timezone"))
    if row["language"] not in context.config.languages:
        words = ", ".join(context.config.languages)
        sheet.complain(line, "language", Message("error.import_language", {"values": words}))
    if row["phone"] and phone_of(row["phone"], row["country"]) is None:
        sheet.complain(line, "phone", Message("error.import_phone"))
    if row["depot"] and row["depot"] not in depots:
        sheet.complain(line, "depot", Message("error.import_unknown", {"value": row["depot"]}))


def phone_about(study: str, number: str) -> str:
    """What a site's telephone number is bound to."""
    return f"{study}|site|{number}|phone"


def _values(context: Context, row: Row) -> dict[str, object]:
    phone = phone_of(row["phone"], row["country"]) if row["phone"] else None
    about = phone_about(context.study, row["number"])
    return {
        "study": context.study,
        "number": row["number"],
        "name": row["name"],
        "country": row["country"],
        "timezone": row["timezone"],
        "language": row["language"],
        "phone": context.keys.seal(about, phone).token if phone else None,
        "depot": row["depot"] or None,
        "status": "pending",
    }


IMPORT_SITES = Transaction(
    "import_sites",
    "",
    Permission.SITES,
    file_question,
    run,
    frozenset({Channel.COMMAND, Channel.WEB, Channel.API}),
    site=False,
)
