"""Kits get a label with the date that holds now, carton by carton, under the eyes of two."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, Final

from core.access.roles import Permission
from core.context import Context
from core.errors import InvalidInput
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits_with_expiry, set_kits
from core.supply.lifecycle import STEPS, check_step
from core.supply.quality import SCREENS
from core.transaction import Answers, Check, Kind, Outcome, Question, Transaction

LABELS_MAX: Final = 99_999


def _named(answers: Answers) -> tuple[str, ...]:
    value = answers["kits"]
    return value if isinstance(value, tuple) else ()


def _check_kits(
    config: StudyConfig, facts: Facts, answers: Answers, value: tuple[str, ...]
) -> Message | None:
    if not value:
        return Message("error.no_kits")
    _check(facts, [row for row in map(facts.kit, value) if row is not None])
    return None


def _check_at_depot(
    config: StudyConfig, facts: Facts, answers: Answers, value: tuple[str, ...]
) -> Message | None:
    for row in filter(None, map(facts.kit, value)):
        if row.depot is None or not facts.sends_from(row.depot):
            return Message("error.kit_unknown", {"number": Digits(row.number)})
    return _check_kits(config, facts, answers, value)


def _check(facts: Facts, rows: Sequence[Any]) -> None:
    """Raises KitNotUsable for a kit that does not wait for a label, where it is today."""
    for row in rows:
        check_step("relabel", (row,), facts.today_at(row.site) if row.site else facts.today)


def _check_date(
    config: StudyConfig, facts: Facts, answers: Answers, value: dt.date
) -> Message | None:
    """The date printed is the one that holds, for each of the kits."""
    return _date_problem(filter(None, map(facts.kit, _named(answers))), value)


def _date_problem(rows: Iterable[Any], value: object) -> Message | None:
    for row in rows:
        if row.expiry != value:
            params: dict[str, Param] = {"kit": Digits(row.number), "date": row.expiry}
            return Message("error.label_date", params)
    return None


def _check_used(config: StudyConfig, facts: Facts, answers: Answers, value: int) -> Message | None:
    least = len(_named(answers))
    return Message("error.labels_few", {"count": least}) if value < least else None


def _questions(check: Check) -> tuple[Question, ...]:
    return (
        Question("kits", Kind.KITS, check=check, digits=(8, 8)),
        Question("label_date", Kind.DATE, check=_check_date),
        Question("labels_used", Kind.NUMBER, check=_check_used, low=1, high=LABELS_MAX),
        Question("labels_destroyed", Kind.NUMBER, low=0, high=LABELS_MAX),
    )


def site_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kits, the date on their new labels, how many labels were used, how many destroyed."""
    return _questions(_check_kits)


def depot_questions(config: StudyConfig) -> tuple[Question, ...]:
    """The same of kits at a depot."""
    return _questions(_check_at_depot)


def run(context: Context, answers: Answers) -> Outcome:
    """The kits may be given again: their labels show the date that holds."""
    rows = lock_kits_with_expiry(context.db, context.study, _named(answers))
    _check(context.facts, rows)
    # The date may have moved until the kits were locked: the new label would not show it.
    if problem := _date_problem(rows, answers["label_date"]):
        raise InvalidInput("label_date", problem)
    values: dict[str, Any] = {**STEPS["relabel"].values, "labelled_until": None}
    set_kits(context.db, [row.id for row in rows], **values)
    facts = {
        "kits": sorted(row.number for row in rows),
        "before": sorted({row.labelled_until.isoformat() for row in rows}),
        "after": answers["label_date"],
        "labels_used": answers["labels_used"],
        "labels_destroyed": answers["labels_destroyed"],
    }
    return Outcome(Message("said.relabel_kits", {"count": len(rows)}), facts)


RELABEL_KITS = Transaction(
    "relabel_kits",
    "",
    Permission.STOCK,
    site_questions,
    run,
    SCREENS,
    signed=True,
    signers=(Permission.STOCK,),
    used=dispenses,
)
RELABEL_STOCK = Transaction(
    "relabel_stock",
    "",
    Permission.DISPATCH,
    depot_questions,
    run,
    SCREENS,
    signed=True,
    signers=(Permission.DISPATCH,),
    site=False,
    used=dispenses,
)
