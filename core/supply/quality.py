"""Quality holds: kits put aside, judged after an excursion, released or rejected, found again."""

from __future__ import annotations

from typing import Final

from core.access.roles import Permission
from core.context import Context
from core.facts import Facts
from core.messages import Digits, Message
from core.study.schema import StudyConfig
from core.supply import chosen
from core.supply.dispense import dispenses
from core.supply.kits import lock_kits_with_expiry, set_kits
from core.supply.lifecycle import STEPS, check_step
from core.supply.lots import check_kits_not_recalled
from core.transaction import (
    Answers,
    Channel,
    Choice,
    Kind,
    Notice,
    Outcome,
    Question,
    Transaction,
)

EVENTS: Final = ("excursion", "doubt", "recall")
VERDICTS: Final = ("confirm", "clear")
REASON_CHARACTERS_MAX: Final = 400
MINUTES_MAX: Final = 999_999
SCREENS: Final = frozenset({Channel.COMMAND, Channel.WEB, Channel.API})


def _events(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), value, Message(f"choice.event_{value}"))
        for place, value in enumerate(EVENTS, start=1)
    )


def _verdicts(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(place), value, Message(f"choice.verdict_{value}"))
        for place, value in enumerate(VERDICTS, start=1)
    )


def quarantine_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kits at the site, and what has happened."""
    return (
        *chosen.questions("quarantine", ways=chosen.AT_SITE),
        Question("event", Kind.CHOICE, choices=_events),
    )


def stock_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kits anywhere, and what has happened."""
    return (*chosen.questions("quarantine"), Question("event", Kind.CHOICE, choices=_events))


def run_quarantine(context: Context, answers: Answers) -> Outcome:
    """Put the kits aside until quality has decided; quality and the sites concerned hear of it."""
    taken = chosen.take_step(context, answers, "quarantine")
    facts = {**taken.facts, "event": answers["event"]}
    notices = [Notice(Message("sms.quarantined"), roles=("quality", "supply_manager"))]
    if context.site is None:
        notices += _to_sites("sms.put_aside", taken)
    said = Message("said.quarantined", {"count": len(taken.rows)})
    return Outcome(said, facts, taken.secret, tuple(notices))


def _to_sites(message: str, taken: chosen.Chosen) -> list[Notice]:
    """A word to each site that has some of the kits: look at the stock, no numbers, no type."""
    return [
        Notice(Message(message, {"site": Digits(number)}), roles=KEEPERS, site=number)
        for number in chosen.sites_of(taken.rows)
    ]


KEEPERS: Final = ("pharmacist", "unblinded_pharmacist", "coordinator")


def judge_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kits that wait, how long they were outside the limits, and whether that is harmful."""
    return (
        *chosen.questions("confirm_excursion"),
        Question("minutes", Kind.NUMBER, low=0, high=MINUTES_MAX, digits=(1, 6)),
        Question("verdict", Kind.CHOICE, choices=_verdicts),
    )


def run_judge(context: Context, answers: Answers) -> Outcome:
    """After an alarm or without a logger: to the shelf, or into quarantine."""
    verdict = str(answers["verdict"])
    taken = chosen.take_step(context, answers, f"{verdict}_excursion")
    facts = {**taken.facts, "minutes": answers["minutes"], "verdict": verdict}
    clear = verdict == "clear"
    if clear:
        check_kits_not_recalled(context.db, taken.rows)
    notices = _to_sites("sms.cleared" if clear else "sms.put_aside", taken)
    params = {"count": len(taken.rows)}
    said = Message("said.cleared" if clear else "said.quarantined", params)
    return Outcome(said, facts, taken.secret, tuple(notices))


def _basis(step: str) -> tuple[Question, ...]:
    return (
        *chosen.questions(step),
        Question("basis", Kind.TEXT, high=REASON_CHARACTERS_MAX),
        Question("budget_minutes", Kind.NUMBER, low=0, high=MINUTES_MAX, digits=(1, 6)),
    )


def release_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kits, on what basis, and how much of the excursion budget is used up."""
    return _basis("release")


def run_release(context: Context, answers: Answers) -> Outcome:
    """Out of quarantine, back to the shelf."""
    taken = chosen.take_step(context, answers, "release")
    check_kits_not_recalled(context.db, taken.rows)
    said = Message("said.cleared", {"count": len(taken.rows)})
    notices = tuple(_to_sites("sms.cleared", taken))
    return Outcome(said, {**taken.facts, **_why(answers)}, taken.secret, notices)


def reject_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kits, on what basis, and how much of the excursion budget is used up."""
    return _basis("reject")


def run_reject(context: Context, answers: Answers) -> Outcome:
    """Out of quarantine, never to be given."""
    taken = chosen.take_step(context, answers, "reject")
    said = Message("said.rejected", {"count": len(taken.rows)})
    notices = tuple(_to_sites("sms.rejected", taken))
    return Outcome(said, {**taken.facts, **_why(answers)}, taken.secret, notices)


def _why(answers: Answers) -> dict[str, object]:
    return {"basis": answers["basis"], "budget_minutes": answers["budget_minutes"]}


def _check_missing(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    if (found := facts.kit(value)) is not None:
        check_step("find", (found,), facts.today)
    return None


def found_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which kit."""
    return (Question("kit", Kind.KIT, check=_check_missing, digits=(8, 8)),)


def run_found(context: Context, answers: Answers) -> Outcome:
    """A missing kit is there again: nobody knows where it was, so quality decides."""
    number = str(answers["kit"])
    (found,) = lock_kits_with_expiry(context.db, context.study, [number])
    check_step("find", (found,), context.facts.today)
    set_kits(context.db, [found.id], **STEPS["find"].values)
    facts = {"kit": number, "before": "missing", "after": "quarantined"}
    notice = Notice(Message("sms.quarantined"), roles=("quality", "supply_manager"))
    return Outcome(Message("said.kit_found", {"kit": Digits(number)}), facts, notices=(notice,))


QUARANTINE_KITS = Transaction(
    "quarantine_kits",
    "",
    Permission.STOCK,
    quarantine_questions,
    run_quarantine,
    SCREENS,
    used=dispenses,
)
QUARANTINE_STOCK = Transaction(
    "quarantine_stock",
    "",
    Permission.QUARANTINE,
    stock_questions,
    run_quarantine,
    SCREENS,
    site=False,
    used=dispenses,
)
JUDGE_EXCURSION = Transaction(
    "judge_excursion",
    "",
    Permission.QUALITY,
    judge_questions,
    run_judge,
    SCREENS,
    signed=True,
    site=False,
    used=dispenses,
)
RELEASE_KITS = Transaction(
    "release_kits",
    "",
    Permission.QUALITY,
    release_questions,
    run_release,
    SCREENS,
    signed=True,
    site=False,
    used=dispenses,
)
REJECT_KITS = Transaction(
    "reject_kits",
    "",
    Permission.QUALITY,
    reject_questions,
    run_reject,
    SCREENS,
    signed=True,
    site=False,
    used=dispenses,
)
KIT_FOUND = Transaction(
    "kit_found",
    "",
    Permission.SUPPLY,
    found_questions,
    run_found,
    SCREENS,
    site=False,
    used=dispenses,
)
