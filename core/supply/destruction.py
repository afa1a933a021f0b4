"""The end of a kit: the sponsor authorises, a site or a depot destroys, a certificate says so.

At a site the monitor counted it before; at a depot, where no monitor comes, whoever authorises
vouches for the count.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from core.access.roles import Permission
from core.context import Context
from core.facts import Facts
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.subjects.status import day_has_come
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits_with_expiry, set_kits
from core.supply.lifecycle import STEPS, check_step, state_of
from core.supply.quality import REASON_CHARACTERS_MAX, SCREENS
from core.transaction import (
    Answers,
    Check,
    Choice,
    Kind,
    Notice,
    Outcome,
    Question,
    Transaction,
)

METHODS: Final = ("incinerated", "chemical", "other")
CERTIFICATE_CHARACTERS_MAX: Final = 80
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def _named(answers: Answers) -> tuple[str, ...]:
    value = answers["kits"]
    return value if isinstance(value, tuple) else ()


def _kits(facts: Facts, numbers: Iterable[str]) -> list[Any]:
    return [row for row in map(facts.kit, numbers) if row is not None]


def _check_ready(
    config: StudyConfig, facts: Facts, answers: Answers, value: tuple[str, ...]
) -> Message | None:
    if not value:
        return Message("error.no_kits")
    _check_authorised(_kits(facts, value), facts)
    return None


def _check_authorised(rows: Sequence[Any], facts: Facts) -> None:
    """Raises KitNotUsable for a kit whose destruction cannot be authorised where it is."""
    for row in rows:
        check_step(_authorising(row), (row,), _today(facts, row))


def _authorising(row: Any) -> str:
    return "authorise" if row.site is not None else "authorise_at_depot"


def _today(facts: Facts, row: Any) -> dt.date:
    """The day where the kit is."""
    if row.site is not None:
        return facts.today_at(row.site)
    return facts.today_at_depot(row.depot) if row.depot is not None else facts.today


def authorise_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kits may be destroyed."""
    return (
        Question("kits", Kind.KITS, check=_check_ready, digits=(8, 8)),
        Question("details", Kind.TEXT, optional=True, high=REASON_CHARACTERS_MAX),
    )


def run_authorise(context: Context, answers: Answers) -> Outcome:
    """The kits wait to be destroyed; those who have them are told."""
    rows = lock_kits_with_expiry(context.db, context.study, _named(answers))
    _check_authorised(rows, context.facts)
    for step in ("authorise", "authorise_at_depot"):
        ids = [row.id for row in rows if _authorising(row) == step]
        if ids:
            set_kits(context.db, ids, **STEPS[step].values)
    before = {state_of(row, _today(context.facts, row)) for row in rows}
    facts = {
        "kits": sorted(row.number for row in rows),
        "count": len(rows),
        "before": sorted(before),
        "after": "to_destroy",
        "details": answers.get("details"),
    }
    said = Message("said.authorise_destruction", {"count": len(rows)})
    return Outcome(said, facts, notices=tuple(_told(rows)))


def _told(rows: Sequence[Any]) -> Iterable[Notice]:
    """A word to each site and depot that has some of the kits: no numbers, no type."""
    for number in sorted({row.site for row in rows if row.site is not None}):
        message = Message("sms.to_destroy", {"site": Digits(number)})
        yield Notice(message, roles=("pharmacist", "unblinded_pharmacist"), site=number)
    for code in sorted({row.depot for row in rows if row.site is None and row.depot}):
        message = Message("sms.to_destroy_depot", {"depot": Digits(code)})
        yield Notice(message, roles=("depot",), depot=code)


def _check_here(
    config: StudyConfig, facts: Facts, answers: Answers, value: tuple[str, ...]
) -> Message | None:
    """The kits are at this site: one that left with a subject who moved is destroyed where it is
    accounted for."""
    for row in _kits(facts, value):
        if row.site != facts.here.number:
            return Message("error.kit_unknown", {"number": Digits(row.number)})
    return _check_waiting(facts, value)


def _check_at_depot(
    config: StudyConfig, facts: Facts, answers: Answers, value: tuple[str, ...]
) -> Message | None:
    for row in _kits(facts, value):
        if row.site is not None or row.depot is None or not facts.sends_from(row.depot):
            return Message("error.kit_unknown", {"number": Digits(row.number)})
    return _check_waiting(facts, value)


def _check_waiting(facts: Facts, value: tuple[str, ...]) -> Message | None:
    if not value:
        return Message("error.no_kits")
    check_step("destroy", _kits(facts, value), facts.today)
    return None


def _check_day(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    rows = _kits(facts, _named(answers))
    return day_has_come(value, _today(facts, rows[0]) if rows else facts.today)


def _methods(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), value, Message(f"choice.destroyed_{value}"))
        for place, value in enumerate(METHODS, start=1)
    )


def _check_digest(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    return None if _DIGEST.fullmatch(value) else Message("error.certificate_digest")


def _questions(check: Check) -> tuple[Question, ...]:
    return (
        Question("kits", Kind.KITS, check=check, digits=(8, 8)),
        Question("destroyed_date", Kind.DATE, check=_check_day),
        Question("method", Kind.CHOICE, choices=_methods),
        Question("certificate_number", Kind.TEXT, high=CERTIFICATE_CHARACTERS_MAX),
        Question("witness", Kind.TEXT, high=CERTIFICATE_CHARACTERS_MAX),
        Question("certificate_digest", Kind.TEXT, check=_check_digest, optional=True, high=64),
    )


def site_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kits at the site, when, how, under which certificate, before whose eyes, and the
    SHA-256 of the certificate's file if there is one."""
    return _questions(_check_here)


def depot_questions(config: StudyConfig) -> tuple[Question, ...]:
    """The same of kits at a depot."""
    return _questions(_check_at_depot)


def run_destroy(context: Context, answers: Answers) -> Outcome:
    """The kits are no more."""
    rows = lock_kits_with_expiry(context.db, context.study, _named(answers))
    check_step("destroy", rows, context.facts.today)
    set_kits(context.db, [row.id for row in rows], **STEPS["destroy"].values)
    facts = {
        "kits": sorted(row.number for row in rows),
        "count": len(rows),
        "before": "to_destroy",
        "after": "destroyed",
        "destroyed_date": answers["destroyed_date"],
        "method": answers["method"],
        "certificate_number": answers["certificate_number"],
        "witness": answers["witness"],
        "certificate_digest": answers.get("certificate_digest"),
    }
    return Outcome(Message("said.destroy_kits", {"count": len(rows)}), facts)


AUTHORISE_DESTRUCTION = Transaction(
    "authorise_destruction",
    "",
    Permission.SUPPLY,
    authorise_questions,
    run_authorise,
    SCREENS,
    signed=True,
    site=False,
    used=dispenses,
)
DESTROY_KITS = Transaction(
    "destroy_kits",
    "",
    Permission.STOCK,
    site_questions,
    run_destroy,
    SCREENS,
    signed=True,
    used=dispenses,
)
DESTROY_STOCK = Transaction(
    "destroy_stock",
    "",
    Permission.DISPATCH,
    depot_questions,
    run_destroy,
    SCREENS,
    signed=True,
    site=False,
    used=dispenses,
)
