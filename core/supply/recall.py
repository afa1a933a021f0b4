"""A lot is recalled: nothing of it is shipped, given or handed over any more, from this moment.

Kits that no subject has are put into quarantine wherever they are, on their way too. Sites hear
which of their subjects have one, without a word on its type; who has what stands in the trace
(`core.supply.trace`), which only the unblinded read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import select, update

from core.access.roles import Permission
from core.context import Context
from core.db.models import kit, lot, subject
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.supply.dispense import dispenses
from core.supply.kits import set_kits
from core.supply.lifecycle import STEPS, state_of
from core.supply.lots import check_not_recalled, lock_lots
from core.supply.quality import KEEPERS, REASON_CHARACTERS_MAX, SCREENS
from core.transaction import Answers, Kind, Notice, Outcome, Question, Transaction

STOPPED: Final = ("recall", "recall_reserved", "recall_on_the_way")
"""The steps of the kits that no subject has, by where they stand."""
_WITH_SUBJECTS: Final = ("dispensed", "misallocated")
_TOLD_AT_ONCE: Final = 4
"""Subjects named in one message."""


def _check_lot(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    check_not_recalled(facts.lot(value), value)
    return None


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which lot, and why."""
    return (
        Question("lot", Kind.LOT, check=_check_lot, digits=(1, 20)),
        Question("reason", Kind.TEXT, high=REASON_CHARACTERS_MAX),
    )


def run(context: Context, answers: Answers) -> Outcome:
    """Stop the lot, put its kits aside, and tell the sites and monitors concerned."""
    number = str(answers["lot"])
    found, _ = lock_lots(context.db, context.study, number)
    check_not_recalled(found, number)
    context.db.execute(update(lot).where(lot.c.id == found.id).values(status="recalled"))
    kits = _kits(context, found.id)
    stopped = _stop(context, kits)
    given = _given(context, found.id)
    facts = {
        "lot": number,
        "reason": answers["reason"],
        "count": len(stopped),
        "with_subjects": len(given),
    }
    secret = {
        "kits": context.seal(f"recalled|{number}", " ".join(row.number for row in stopped)),
        "subjects": context.seal(
            f"recalled_from|{number}", " ".join(f"{row.of}:{row.number}" for row in given)
        ),
    }
    params: dict[str, Param] = {
        "lot": Digits(number),
        "count": len(stopped),
        "given": len(given),
    }
    said = Message("said.recall_lot", params)
    return Outcome(said, facts, secret, _notices(number, stopped, given))


def _kits(context: Context, lot_id: int) -> list[Any]:
    """The lot's kits with its expiry, locked."""
    query = (
        select(kit, lot.c.expiry)
        .join(lot, lot.c.id == kit.c.lot_id)
        .where(kit.c.lot_id == lot_id)
        .order_by(kit.c.id)
        .with_for_update(of=kit)
    )
    return list(context.db.execute(query).all())


def _given(context: Context, lot_id: int) -> list[Any]:
    """The kits that subjects have, with each one's number and site. Read once the kits are locked:
    a join would still show what was there before somebody gave one."""
    query = (
        select(kit.c.number, subject.c.number.label("of"), subject.c.site)
        .join(subject, subject.c.id == kit.c.subject_id)
        .where(kit.c.lot_id == lot_id, kit.c.disposition.in_(_WITH_SUBJECTS))
        .order_by(kit.c.id)
    )
    return list(context.db.execute(query).all())


def _stop(context: Context, kits: Sequence[Any]) -> list[Any]:
    """Quarantine those that could still be given; what was rejected stays rejected."""
    stopped = []
    for step in STOPPED:
        rows = [
            row
            for row in kits
            if row.quality in ("none", "pre_quarantined")
            and state_of(row, context.facts.today) in STEPS[step].before
        ]
        set_kits(context.db, [row.id for row in rows], **STEPS[step].values)
        stopped += rows
    return stopped


def _notices(number: str, stopped: Sequence[Any], given: Sequence[Any]) -> tuple[Notice, ...]:
    held = {row.site for row in stopped if row.site is not None}
    subjects: dict[str, list[str]] = {}
    for row in given:
        subjects.setdefault(row.site, []).append(row.of)
    told = [
        Notice(Message("sms.put_aside", {"site": Digits(site)}), roles=KEEPERS, site=site)
        for site in sorted(held)
    ]
    for site in sorted(subjects):
        told += [
            Notice(
                Message("sms.recall_subjects", {"site": Digits(site), "subjects": some}),
                roles=(*KEEPERS, "investigator"),
                site=site,
            )
            for some in _few(sorted(set(subjects[site])))
        ]
    told += [
        Notice(
            Message("sms.lot_recalled_at", {"site": Digits(site)}), roles=("monitor",), site=site
        )
        for site in sorted(held | set(subjects))
    ]
    office = Message("sms.lot_recalled", {"lot": Digits(number)})
    return (*told, Notice(office, roles=("supply_manager", "depot")))


def _few(numbers: Sequence[str]) -> Iterable[tuple[Digits, ...]]:
    for start in range(0, len(numbers), _TOLD_AT_ONCE):
        yield tuple(Digits(one) for one in numbers[start : start + _TOLD_AT_ONCE])


RECALL_LOT = Transaction(
    "recall_lot",
    "",
    Permission.QUALITY,
    questions,
    run,
    SCREENS,
    signed=True,
    site=False,
    used=dispenses,
)
