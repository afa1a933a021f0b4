"""What the deeds that open a treatment have in common: reasons, who stays blinded, who is told."""

from __future__ import annotations

from typing import Final

from core.access.roles import ROLES, UNBLINDED, Permission
from core.context import Context
from core.facts import Facts, Record
from core.messages import Digits, Message, Param
from core.randomization.drawn import arm_of
from core.sealed import Sealed
from core.study.schema import StudyConfig
from core.subjects.status import REASON_CHARACTERS_MAX, check_randomized
from core.transaction import Answers, Channel, Choice, Kind, Notice, Question
from core.unblinding.failures import WATCHERS

BREAK_REASONS: Final = ("medical_emergency", "accidental_intake", "suspected_reaction", "other")
STILL_BLINDED: Final = tuple(
    role
    for role, held in ROLES.items()
    if role not in UNBLINDED and held & {Permission.SEE_SUBJECTS, Permission.OPERATE}
)
"""The roles that stay blinded when a treatment is opened to one person: all others who hold them
know as little as before."""
SITE_TOLD: Final = ("investigator", "coordinator")
AT_A_DESK: Final = frozenset({Channel.WEB, Channel.API, Channel.COMMAND})


def is_randomizing(config: StudyConfig) -> bool:
    """Whether there is anything to open: the study randomizes."""
    return config.has_randomization


def check_subject(
    config: StudyConfig, facts: Facts, answers: Answers, value: str
) -> Message | None:
    """The subject has been randomized, whatever became of it since. Raises NotRandomized."""
    check_randomized(facts.the_subject({"subject": value}))
    return None


def break_reasons(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Choice, ...]:
    """Why a code is broken."""
    return tuple(
        Choice(str(place), reason, Message(f"choice.break_{reason}"))
        for place, reason in enumerate(BREAK_REASONS, start=1)
    )


def break_questions(config: StudyConfig) -> tuple[Question, ...]:
    """Whose, why, and what there is to say about it where there is a keyboard."""
    return (
        Question("subject", Kind.SUBJECT, check=check_subject, digits=(1, 16)),
        Question("reason", Kind.CHOICE, choices=break_reasons),
        Question("details", Kind.TEXT, optional=True, high=REASON_CHARACTERS_MAX),
    )


def who_it_is(found: Record) -> Message:
    """What tells a row of the subject table from a mistyped number: the year of birth, or where
    that is not kept, the site and the day of randomization."""
    if found.year_of_birth is not None:
        year: dict[str, Param] = {
            "subject": Digits(found.number),
            "year": str(found.year_of_birth),
        }
        return Message("warn.subject_born", year)
    where: dict[str, Param] = {
        "subject": Digits(found.number),
        "site": Digits(found.site),
        "date": found.randomized_on,
    }
    return Message("warn.subject_at", where)


def warn_who(config: StudyConfig, facts: Facts, answers: Answers) -> tuple[Message, ...]:
    """Who it is, before it is confirmed."""
    return (who_it_is(facts.the_subject(answers)),)


def sealed_arm(context: Context, found: Record) -> Sealed:
    """The arm on record, as the entry of an opening keeps it: what was opened."""
    arm = context.keys.open(arm_of(context.study, found))
    return context.seal(f"opening|{found.number}", arm)


def notices(
    text: str, site: str | None, params: dict[str, Param], *roles: str
) -> tuple[Notice, ...]:
    """The blinded notice to those who watch, and to `roles` at the site, by SMS and by e-mail: the
    same to everyone, and whatever the study file says."""
    return (Notice(Message(text, params), (*roles, *WATCHERS), site=site, by_mail=True),)
