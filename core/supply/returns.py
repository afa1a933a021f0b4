"""Drug that comes back: from subjects to the site, and past the monitor before it is destroyed."""

from __future__ import annotations

from typing import Any, Final

from core.access.roles import Permission
from core.context import Context
from core.errors import KitNotUsable
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.screen import EVERYWHERE
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits_with_expiry, set_kits, type_of
from core.supply.lifecycle import STEPS, check_step, state_of
from core.supply.quality import REASON_CHARACTERS_MAX, SCREENS
from core.transaction import Answers, Kind, Outcome, Question, Transaction

UNITS: Final = ("units_used", "units_unused", "units_missing")
UNITS_MAX: Final = 9999
_OUT: Final = STEPS["return"].before


def _check_has(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    found = facts.the_subject({"subject": value})
    if not any(state_of(row, facts.today) in _OUT for row in facts.kits_of(found.id)):
        raise KitNotUsable(Message("error.nothing_to_return", {"subject": Digits(value)}))
    return None


def _check_own(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    if (found := facts.kit(value)) is not None:
        _check_returnable(found, facts, facts.the_subject(answers).id)
    return None


def _check_returnable(found: Any, facts: Facts, subject_id: int) -> None:
    """Raises KitNotUsable, of another subject or not in the subject's hands."""
    if found.subject_id != subject_id:
        raise KitNotUsable(Message("error.kit_not_of_subject", {"kit": Digits(found.number)}))
    check_step("return", (found,), facts.today)


def _check_some(config: StudyConfig, facts: Facts, answers: Answers, value: int) -> Message | None:
    """Not nothing at all: a kit of which no unit is told is not returned."""
    return None if _sum({**answers, UNITS[-1]: value}) else Message("error.no_units")


def _sum(answers: Answers) -> int:
    return sum(int(str(answers[name])) for name in UNITS)


def return_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose kit, which, and how many of its units were used, came back, and are missing."""
    *counted, last = UNITS
    return (
        Question("subject", Kind.SUBJECT, check=_check_has, digits=(1, 16)),
        Question("kit", Kind.KIT, check=_check_own, digits=(8, 8)),
        *(Question(one, Kind.NUMBER, low=0, high=UNITS_MAX, digits=(1, 4)) for one in counted),
        Question(last, Kind.NUMBER, check=_check_some, low=0, high=UNITS_MAX, digits=(1, 4)),
    )


def units_warning(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """The units told are not those of a full kit, as the study file has it."""
    found = facts.kit(str(answers["kit"]))
    if found is None:
        return ()
    pack = _pack_size(config, type_of(facts.core.keys, found))
    told = _sum(answers)
    if pack is None or told == pack:
        return ()
    params: dict[str, Param] = {"kit": Digits(found.number), "told": told, "pack": pack}
    return (Message("warn.units", params),)


def _pack_size(config: StudyConfig, code: str) -> int | None:
    """How many units such a kit holds; None where they are not counted."""
    return next((one.pack_size for one in config.kit_types if one.code == code), None)


def run_return(context: Context, answers: Answers) -> Outcome:
    """Take the kit back, with the units as they were counted."""
    found = context.facts.the_subject(answers)
    number = str(answers["kit"])
    (row,) = lock_kits_with_expiry(context.db, context.study, [number])
    _check_returnable(row, context.facts, found.id)
    units = {name: answers[name] for name in UNITS}
    pack = _pack_size(context.config, type_of(context.keys, row))
    here = context.facts.here.number
    set_kits(context.db, [row.id], **STEPS["return"].values, **units, site=here)
    facts = {
        "kit": number,
        "before": row.disposition,
        "after": "returned",
        **units,
        "units_expected": pack,
    }
    params: dict[str, Param] = {"subject": Digits(found.number), "kit": Digits(number)}
    return Outcome(Message("said.return_kit", params), facts, subject=found.number)


def _check_verifiable(
    config: StudyConfig, facts: Facts, answers: Answers, value: tuple[str, ...]
) -> Message | None:
    if not value:
        return Message("error.no_kits")
    rows = [row for row in map(facts.kit, value) if row is not None]
    mine = facts.actor.sites_where(Permission.VERIFY, facts.study)
    for row in rows:
        if row.site is None or (mine is not None and row.site not in mine):
            return Message("error.kit_unknown", {"number": Digits(row.number)})
    check_step("verify", rows, facts.today)
    return None


def _differs(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return answers.get("agrees") is False


def verify_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kits, whether what is there agrees with the record, and if not, how it differs."""
    return (
        Question("kits", Kind.KITS, check=_check_verifiable, digits=(8, 8)),
        Question("agrees", Kind.YES_NO),
        Question("discrepancy", Kind.TEXT, when=_differs, high=REASON_CHARACTERS_MAX),
    )


def run_verify(context: Context, answers: Answers) -> Outcome:
    """The monitor has counted: the kits may go on to be destroyed."""
    named = answers["kits"]
    numbers = list(named) if isinstance(named, tuple) else []
    rows = lock_kits_with_expiry(context.db, context.study, numbers)
    check_step("verify", rows, context.facts.today)
    set_kits(context.db, [row.id for row in rows], **STEPS["verify"].values)
    facts: dict[str, object] = {
        "kits": sorted(row.number for row in rows),
        "count": len(rows),
        **{name: sum(getattr(row, name) or 0 for row in rows) for name in UNITS},
        "discrepancy": answers.get("discrepancy"),
    }
    return Outcome(Message("said.verify_kits", {"count": len(rows)}), facts)


RETURN_KIT = Transaction(
    "return_kit",
    "6669",
    Permission.DRUG,
    return_questions,
    run_return,
    EVERYWHERE,
    used=dispenses,
    warns=units_warning,
)
VERIFY_KITS = Transaction(
    "verify_kits",
    "",
    Permission.VERIFY,
    verify_questions,
    run_verify,
    SCREENS,
    signed=True,
    site=False,
    used=dispenses,
)
