"""The investigator's own code break: nobody is asked, everybody concerned is told.

It needs no permission of the sponsor, and no study file can make it wait for one. It works at a
site in any state and for a subject who has left the study; done twice, it is on record twice and
changes nothing more. The treatment is told by `core.unblinding.reading` alone.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import update

from core.access.roles import Permission
from core.context import Context
from core.db.models import subject
from core.facts import Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.status import DISCONTINUED, RANDOMIZED
from core.transaction import Answers, Channel, Opens, Outcome, Transaction
from core.unblinding.common import (
    AT_A_DESK,
    SITE_TOLD,
    STILL_BLINDED,
    break_questions,
    is_randomizing,
    notices,
    sealed_arm,
    warn_who,
)
from core.unblinding.openings import CODE_BREAK as BY_CODE_BREAK

GO_ON: Final = "continue"
_OPEN_LABEL: Final = "open"


def run(context: Context, answers: Answers) -> Outcome:
    """Open the treatment to the person who signed; treatment stops unless the study file lets it
    go on, follow-up goes on in any case."""
    found = context.facts.the_subject(answers)
    changed = broken(context, found)
    params: dict[str, Param] = {"subject": Digits(found.number)}
    facts = {
        "reason": answers["reason"],
        "details": answers.get("details"),
        **changed,
        "still_blinded": list(STILL_BLINDED),
    }
    text = "sms.code_broken_again" if changed["repeated"] else "sms.code_broken"
    stopped = changed["before"] != changed["after"]
    said = Message("said.code_break_stopped" if stopped else "said.code_break", params)
    where: dict[str, Param] = {**params, "study": context.study, "site": Digits(found.site)}
    return Outcome(
        said,
        facts,
        {"arm": sealed_arm(context, found)},
        notices(text, found.site, where, *SITE_TOLD),
        found.number,
        opens=(Opens(BY_CODE_BREAK, context.actor.user_id, found.number),),
    )


def broken(context: Context, found: Record) -> dict[str, Any]:
    """Mark the subject as one whose code is broken, and stop treatment where the file says so.

    Returns the facts `repeated`, `before` and `after`, the subject's state.
    """
    # The subject's own version, where the deed does not name the subject.
    config = context.core.config(context.db, context.study, found.version)
    after = _status_after(config, found)
    values: dict[str, Any] = {"status": after}
    if found.code_broken_at is None:
        values["code_broken_at"] = context.now
    if after != found.status:
        values["treatment"] = "stopped"
    context.db.execute(update(subject).where(subject.c.id == found.id).values(**values))
    return {
        "repeated": found.code_broken_at is not None,
        "before": found.status,
        "after": after,
    }


def _status_after(config: StudyConfig, found: Record) -> str:
    """Who knows the treatment gets no more of it; where nothing was blinded nothing changes."""
    stays = config.code_break == GO_ON or config.study.blinding == _OPEN_LABEL
    status: str = found.status
    return DISCONTINUED if status == RANDOMIZED and not stays else status


CODE_BREAK = Transaction(
    "code_break",
    "9",
    Permission.CODE_BREAK,
    break_questions,
    run,
    AT_A_DESK | {Channel.PHONE},
    signed=True,
    used=is_randomizing,
    warns=warn_who,
    watched=True,
)
