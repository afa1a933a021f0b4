"""The periodic look over the audit trail, signed: up to which entry, and what was found."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import func, select

from core.access.roles import Permission
from core.context import Context
from core.db.models import chain, ledger
from core.errors import NotAllowed
from core.facts import Facts
from core.messages import Digits, Message, Param
from core.records.reviews import AUDIT_TRAIL, last_review
from core.study.schema import StudyConfig
from core.subjects.screen import AT_A_DESK
from core.subjects.status import REASON_CHARACTERS_MAX
from core.transaction import Answers, Kind, Outcome, Question, Reviewed, Transaction

_DIGITS_MAX: Final = 9


def _is_by_site(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return config.audit_review is not None and config.audit_review.by == "site"


def _check_site(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    mine = facts.actor.sites_where(Permission.REVIEW, facts.study)
    if mine is not None and value not in mine:
        raise NotAllowed
    return None


def _scope(answers: Answers) -> str | None:
    site = answers.get("to_site")
    return None if site is None else str(site)


def _reviewed(facts: Facts, answers: Answers) -> int:
    """The last entry that was looked at before; 0 if nothing was."""
    last = last_review(facts.db, facts.study, AUDIT_TRAIL, _scope(answers))
    return 0 if last is None else int(last.upto)


def _check_upto(config: StudyConfig, facts: Facts, answers: Answers, value: int) -> Message | None:
    """A later entry than last time's, and one that there is. Raises NotAllowed for the whole study
    where the person may look over single sites."""
    if (
        _scope(answers) is None
        and facts.actor.sites_where(Permission.REVIEW, facts.study) is not None
    ):
        raise NotAllowed
    low = _reviewed(facts, answers) + 1
    head = facts.db.scalar(select(chain.c.sequence).where(chain.c.study == facts.study)) or 0
    if not low <= value <= head:
        return Message("error.review_upto", {"low": low, "high": head})
    return None


def _has_finding(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return answers.get("anything_found") is True


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Of which site if sites are reviewed by themselves, up to which entry, and what was found."""
    return (
        Question("to_site", Kind.SITE, when=_is_by_site, check=_check_site, digits=(1, 11)),
        Question("review_upto", Kind.NUMBER, check=_check_upto, low=1, digits=(1, _DIGITS_MAX)),
        Question("anything_found", Kind.YES_NO),
        Question("findings", Kind.TEXT, when=_has_finding, high=REASON_CHARACTERS_MAX),
    )


def range_told(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """The entries that are signed for, and how many of them are refusals and corrections."""
    first, upto = _reviewed(facts, answers) + 1, int(str(answers["review_upto"]))
    counts = _counts(facts, answers, first, upto)
    return (Message("warn.review_range", {"first": first, "upto": upto, **counts}),)


def _counts(facts: Facts, answers: Answers, first: int, upto: int) -> dict[str, int]:
    query = (
        select(ledger.c.transaction, ledger.c.outcome, func.count().label("entries"))
        .where(ledger.c.study == facts.study, ledger.c.sequence.between(first, upto))
        .group_by(ledger.c.transaction, ledger.c.outcome)
    )
    if (site := _scope(answers)) is not None:
        query = query.where(ledger.c.site == site)
    rows: list[Any] = list(facts.db.execute(query).all())
    return {
        "entries": sum(row.entries for row in rows),
        "refused": sum(row.entries for row in rows if row.outcome == "refused"),
        "proposed": sum(row.entries for row in rows if row.outcome == "proposed"),
    }


def run(context: Context, answers: Answers) -> Outcome:
    """Keep the review: the next one is due so many days from today."""
    site, upto = _scope(answers), int(str(answers["review_upto"]))
    first = _reviewed(context.facts, answers) + 1
    on = context.facts.today if site is None else context.facts.today_at(site)
    facts = {
        "site": site,
        "first": first,
        "upto": upto,
        "entries": _counts(context.facts, answers, first, upto)["entries"],
        "anything_found": answers["anything_found"],
        "findings": answers.get("findings"),
    }
    params: dict[str, Param] = {"upto": upto}
    said = Message("said.review_audit", params)
    if site is not None:
        said = Message("said.review_audit_at", {**params, "site": Digits(site)})
    return Outcome(said, facts, review=Reviewed(AUDIT_TRAIL, on, site, upto))


REVIEW_AUDIT = Transaction(
    "review_audit",
    "",
    Permission.REVIEW,
    questions,
    run,
    AT_A_DESK,
    signed=True,
    site=False,
    warns=range_told,
)
