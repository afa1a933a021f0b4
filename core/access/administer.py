"""Accounts: the first administrator, people from a CSV file, a fresh code for a forgotten PIN."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, insert, select

from core.access.activation import issue_code
from core.access.contacts import mobile_token, seal_email, seal_mobile
from core.access.roles import ROLES, Permission
from core.bulk import Row, Sheet, file_question, is_number
from core.context import Context
from core.db.models import grant, person, site
from core.errors import Refused
from core.facts import Facts
from core.ledger.append import append_system
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.telephone import phone_of
from core.transaction import Answers, Channel, Kind, Outcome, Question, Transaction

if TYPE_CHECKING:
    from core.runtime import Core

COLUMNS: Final = ("user_id", "name", "email", "mobile", "role", "sites", "language")
USER_DIGITS_MAX: Final = 11
FIRST_USER: Final = "1"
AT_DEPOT: Final = "depot"
"""The role whose places, in the column `sites`, are depots; with none it is held at all of them."""
NO_CODE: Final = dt.timedelta(hours=24)
"""How long no code goes to a mobile that was changed: its owner is told meanwhile."""
_LANGUAGES: Final = ("en", "es")
_CHANNELS: Final = frozenset({Channel.COMMAND, Channel.WEB, Channel.API})


class MobileTooNew(Refused):
    """The mobile was changed within the last 24 hours: no code goes there yet."""

    code = "mobile_too_new"


class AlreadySetUp(Refused):
    """There is an administrator already; others are made by administrators."""

    code = "already_set_up"


def set_up(core: Core) -> tuple[str, str]:
    """Make the first administrator; returns user ID and activation code, told once.

    Raises AlreadySetUp if there is anybody in the database.
    """
    with core.writing() as db:
        if db.scalar(select(func.count()).select_from(person)):
            raise AlreadySetUp
        now = core.now()
        _insert = {"user_id": FIRST_USER, "name": "Administrator", "language": "en"}
        db.execute(insert(person), {**_insert, "status": "invited", "created_at": now})
        db.execute(
            insert(grant), {"user_id": FIRST_USER, "role": "administrator", "starts_at": now}
        )
        code = issue_code(db, core, FIRST_USER, send=False)
        facts = {"user_id": FIRST_USER, "role": "administrator"}
        append_system(db, core, None, "set_up", facts, channel=Channel.COMMAND, at=now)
    return FIRST_USER, code


def run_import(context: Context, answers: Answers) -> Outcome:
    """Add every person and role of the file, or none; new people get a code by SMS."""
    text = str(answers["file"])
    sheet = Sheet(text, COLUMNS)
    sites = set(context.db.scalars(select(site.c.number).where(site.c.study == context.study)))
    people = {row.user_id: row.name for row in context.db.execute(select(person))}
    rows, names = [], dict(people)
    depots = {depot.code for depot in context.config.depots}
    for line, row in sheet.rows():
        _check(sheet, line, row, depots if row["role"] == AT_DEPOT else sites, names)
        names.setdefault(row["user_id"], row["name"])
        rows.append(row)
    sheet.check()
    made = [row for row in _first_lines(rows) if row["user_id"] not in people]
    for row in made:
        _add_person(context, row)
    for row in rows:
        _add_grants(context, row)
    facts = {
        "file_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "people": [row["user_id"] for row in made],
        "roles": [[row["user_id"], row["role"], row["sites"]] for row in rows],
        "identity_checked": True,
    }
    return Outcome(Message("said.import_users", {"count": len(rows)}), facts)


def _states_identity(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """What is stated by confirming: nobody is named who was not identified (21 CFR 11.100(b))."""
    return (Message("warn.identity"),)


def _first_lines(rows: list[Row]) -> list[Row]:
    return list({row["user_id"]: row for row in reversed(rows)}.values())[::-1]


def _check(sheet: Sheet, line: int, row: Row, places: set[str], people: dict[str, str]) -> None:
    user_id = row["user_id"]
    if not is_number(user_id, USER_DIGITS_MAX):
        sheet.complain(line, "user_id", Message("error.import_user_id"))
    elif people.get(user_id, row["name"]) != row["name"]:
        # A user ID is never given to another person (21 CFR 11.100(a)).
        sheet.complain(line, "user_id", Message("error.import_other_name", {"value": user_id}))
    if not row["name"]:
        sheet.complain(line, "name", Message("error.import_empty"))
    if "@" not in row["email"]:
        sheet.complain(line, "email", Message("error.import_email"))
    if phone_of(row["mobile"]) is None:
        sheet.complain(line, "mobile", Message("error.import_phone"))
    if row["role"] not in ROLES or row["role"] == "administrator":
        roles = ", ".join(role for role in ROLES if role != "administrator")
        sheet.complain(line, "role", Message("error.import_role", {"values": roles}))
    if row["language"] not in _LANGUAGES:
        values = ", ".join(_LANGUAGES)
        sheet.complain(line, "language", Message("error.import_language", {"values": values}))
    for number in row["sites"].split():
        if number not in places:
            sheet.complain(line, "sites", Message("error.import_unknown", {"value": number}))


def _add_person(context: Context, row: Row) -> None:
    user_id, keys = row["user_id"], context.keys
    mobile = phone_of(row["mobile"]) or ""
    context.db.execute(
        insert(person),
        {
            "user_id": user_id,
            "name": row["name"],
            "email": seal_email(keys, user_id, row["email"]),
            "mobile": seal_mobile(keys, user_id, mobile),
            "mobile_token": mobile_token(keys, mobile),
            "language": row["language"],
            "status": "invited",
            "created_at": context.now,
        },
    )
    issue_code(context.db, context.core, user_id)


def _add_grants(context: Context, row: Row) -> None:
    places: list[str | None] = [*row["sites"].split()] or [None]
    at_depot = row["role"] == AT_DEPOT
    context.db.execute(
        insert(grant),
        [
            {
                "user_id": row["user_id"],
                "role": row["role"],
                "study": context.study,
                "site": None if at_depot else number,
                "depot": number if at_depot else None,
                "starts_at": context.now,
            }
            for number in places
        ],
    )


def check_person(config: StudyConfig, facts: Facts, answers: Answers, value: int) -> Message | None:
    """Whether this is somebody of the study, or of the installation."""
    query = select(grant.c.id).where(
        grant.c.user_id == str(value),
        (grant.c.study == facts.study) | grant.c.study.is_(None),
    )
    if facts.db.execute(query.limit(1)).first() is None:
        return Message("error.person_unknown", {"number": Digits(str(value))})
    return None


def code_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose PIN was forgotten."""
    return (Question("user_id", Kind.NUMBER, check=check_person, low=1, high=10**9 - 1),)


def run_send_code(context: Context, answers: Answers) -> Outcome:
    """Send a fresh code to the registered mobile; whoever asked for it never sees it. Raises
    MobileTooNew."""
    user_id = str(answers["user_id"])
    set_at = context.db.scalar(select(person.c.mobile_set_at).where(person.c.user_id == user_id))
    if set_at is not None and context.now - set_at < NO_CODE:
        raise MobileTooNew
    issue_code(context.db, context.core, user_id)
    said = Message("said.send_code", {"user_id": Digits(user_id)})
    return Outcome(said, {"user_id": user_id})


SEND_CODE = Transaction(
    "send_code",
    "",
    Permission.RESET,
    code_questions,
    run_send_code,
    _CHANNELS,
    site=False,
)
IMPORT_USERS = Transaction(
    "import_users",
    "",
    Permission.USERS,
    file_question,
    run_import,
    _CHANNELS,
    site=False,
    bare=True,
    warns=_states_identity,
)
