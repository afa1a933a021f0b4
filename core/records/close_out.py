"""A site at its end: what is still open there, derived, and a checklist that the monitor signs.

It keeps nobody from closing the site, who is warned where it is missing.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, or_, select

from core.access.roles import Permission
from core.context import Context
from core.db.models import kit, proposal, shipment, subject
from core.errors import NotAllowed
from core.facts import Facts
from core.messages import Digits, Message
from core.records.reviews import CLOSE_OUT, last_review
from core.study.schema import StudyConfig
from core.subjects.screen import AT_A_DESK
from core.subjects.status import DISCONTINUED, RANDOMIZED, REASON_CHARACTERS_MAX, SCREENED
from core.transaction import Answers, Kind, Outcome, Question, Reviewed, Transaction
from core.unblinding.assess import breaks_at

CHECKS: Final = ("records_filed", "drug_settled", "cards_collected")
"""What only people can say: the investigator's file, the drug and its certificates, the cards."""
POINTS: Final = ("subjects", "kits", "hand_overs", "shipments", "proposals", "code_breaks")
"""What may be open by the record, in the order in which it is told."""
_NOT_ENDED: Final = (SCREENED, RANDOMIZED, DISCONTINUED)
_GONE: Final = ("destroyed", "lost", "missing")
_SETTLED: Final = ("received", "cancelled", "lost")


def open_points(db: Connection, study: str, site: str) -> dict[str, int]:
    """What is not settled at the site, each with how many: subjects who have not ended, kits
    neither destroyed nor known to be gone, hand-overs nobody confirmed, shipments under way,
    proposals nobody decided, code breaks nobody assessed."""
    own = (subject.c.study == study) & (subject.c.site == site)
    kits = (kit.c.study == study) & (kit.c.site == site)
    ways = (shipment.c.study == study) & or_(shipment.c.site == site, shipment.c.from_site == site)
    unconfirmed = (kit.c.disposition == "dispensed") & kit.c.confirmed_at.is_(None)
    asked = (proposal.c.study == study) & (proposal.c.site == site)
    counts = (
        _count(db, subject.c.id, own & subject.c.status.in_(_NOT_ENDED)),
        _count(db, kit.c.id, kits & kit.c.disposition.not_in(_GONE)),
        _count(db, kit.c.id, kits & unconfirmed),
        _count(db, shipment.c.id, ways & shipment.c.status.not_in(_SETTLED)),
        _count(db, proposal.c.id, asked & proposal.c.decided_at.is_(None)),
        len(breaks_at(db, study, frozenset({site}), missing=True)),
    )
    return {name: count for name, count in zip(POINTS, counts, strict=True) if count}


def _count(db: Connection, column: Any, condition: ColumnElement[bool]) -> int:
    return int(db.execute(select(func.count(column)).where(condition)).scalar_one())


def _check_site(config: StudyConfig, facts: Facts, answers: Answers, value: str) -> Message | None:
    mine = facts.actor.sites_where(Permission.CLOSE_OUT, facts.study)
    if mine is not None and value not in mine:
        raise NotAllowed
    return None


def _dispenses(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return config.dispenses


def _has_cards(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    return config.is_blinded and bool(config.sealed_cards)


def _needs_words(config: StudyConfig, facts: Facts, answers: Answers) -> bool:
    """Whether something is open, so that the monitor has to say what becomes of it."""
    if any(answers.get(name) is False for name in CHECKS):
        return True
    return bool(open_points(facts.db, facts.study, str(answers["to_site"])))


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which site, the checklist, and what becomes of whatever is still open."""
    return (
        Question("to_site", Kind.SITE, check=_check_site, digits=(1, 11)),
        Question("records_filed", Kind.YES_NO),
        Question("drug_settled", Kind.YES_NO, when=_dispenses),
        Question("cards_collected", Kind.YES_NO, when=_has_cards),
        Question("remarks", Kind.TEXT, when=_needs_words, high=REASON_CHARACTERS_MAX),
    )


def what_is_open(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """Each open point with its count, before it is signed; that there is none, if so."""
    found = open_points(facts.db, facts.study, str(answers["to_site"]))
    told = tuple(Message(f"warn.open_{name}", {"count": count}) for name, count in found.items())
    return told or (Message("warn.nothing_open"),)


def run(context: Context, answers: Answers) -> Outcome:
    """Keep the checklist, with what was open when it was signed."""
    site = str(answers["to_site"])
    facts = {
        "site": site,
        "open": open_points(context.db, context.study, site),
        **{name: answers.get(name) for name in CHECKS},
        "remarks": answers.get("remarks"),
    }
    said = Message("said.close_out_site", {"site": Digits(site)})
    reviewed = Reviewed(CLOSE_OUT, context.facts.today_at(site), site)
    return Outcome(said, facts, review=reviewed)


def close_out_missing(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """What whoever closes a site is warned of: nobody has signed the checklist for it."""
    site = str(answers["to_site"])
    if last_review(facts.db, facts.study, CLOSE_OUT, site) is not None:
        return ()
    return (Message("warn.no_close_out", {"site": Digits(site)}),)


CLOSE_OUT_SITE = Transaction(
    "close_out_site",
    "",
    Permission.CLOSE_OUT,
    questions,
    run,
    AT_A_DESK,
    signed=True,
    site=False,
    warns=what_is_open,
)
