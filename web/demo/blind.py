"""What the demo tells of the blind: codes that were broken, and tries that came to nothing.

All of it is simulated, and every entry says so. A code break with its notices, one that failed, one
by the operator, a lockout, a correction that a second person approved, a delegation that ended.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from sqlalchemy import select

from core.access.attempts import FAILURES_MAX
from core.access.signin import sign_in, sign_in_emergency
from core.db.models import grant
from core.errors import LockedOut, NotAuthenticated
from core.transaction import Channel
from core.unblinding.reading import read_treatment
from web.demo.cast import LOCUM, MANAGER, OPERATOR, SAFETY
from web.demo.stage import Place, Play, Stage, mobile
from web.demo.stories import screened, treated

_EMERGENCY: Final = "medical_emergency"
_NOT_A_PIN: Final = "000000"  # no PIN is a repeat


def at_night(place: Place, day: int, *, born: int) -> Play[None]:
    """At ten past three an investigator breaks a code and writes the treatment down; safety looks
    too, and the sponsor says what it means for the study."""
    subject = yield from treated(place, day, 3, born=born, sex="male")
    yield place.at(day + 33, 3, 10)
    done = place.do("code_break", place.investigator, subject=subject, reason=_EMERGENCY)
    _told(place, place.investigator, subject, Channel.PHONE)
    yield place.at(day + 33, 10, 20)
    _office(place, SAFETY, "code_view", subject=subject, reason="safety_report")
    _told(place, SAFETY, subject, Channel.COMMAND)
    yield place.at(day + 34, 15)
    found = "One subject, treatment stopped, visits go on. The investigator rates no outcome."
    _office(place, MANAGER, "assess_break", code_break=done.confirmation, assessment=found)
    yield place.at(day + 42, 11)
    place.do("visit_without_drug", subject=subject, visit="V4", reason="investigator")


def not_randomized(place: Place, day: int, *, born: int) -> Play[None]:
    """Somebody keys three wrong PINs on the emergency line, and then the code of a subject who was
    never randomized: there is none."""
    subject = yield from screened(place, day - 1, born=born)
    who, stage = place.investigator, place.stage
    yield place.at(day, 22, 40)
    for _ in range(3):
        with suppress(NotAuthenticated):
            sign_in_emergency(stage.core, who, _NOT_A_PIN, source=mobile(who))
    yield place.at(day, 22, 50)
    given = {"subject": subject, "reason": _EMERGENCY}
    stage.refused("not_randomized", who, "code_break", place.study, place.site, **given)


def by_the_operator(place: Place, day: int, *, born: int) -> Play[None]:
    """A hospital elsewhere has the subject and her card; the operator calls back the investigator
    on record, and breaks the code. What it means for the study nobody has said yet."""
    subject = yield from treated(place, day, 2, born=born)
    yield place.at(day + 20, 4, 35)
    caller = {"caller": "Dr Lorna Quist", "position": "emergency_service", "card_code": "K7-2291"}
    call = str(_office(place, OPERATOR, "take_emergency_call", subject=subject, **caller)["call"])
    yield place.at(day + 20, 4, 47)
    back = {"called_back": place.investigator, "reason": _EMERGENCY}
    _office(place, OPERATOR, "break_for_caller", call=call, **back)
    _told(place, OPERATOR, subject, Channel.COMMAND)


def lockout(place: Place, day: int, who: str) -> Play[None]:
    """Five wrong PINs lock a person; half an hour later the right one works again."""
    stage = place.stage
    yield place.at(day, 8, 5)
    for _ in range(FAILURES_MAX):
        with suppress(NotAuthenticated, LockedOut):
            sign_in(stage.core, who, _NOT_A_PIN, source=mobile(who))
    yield place.at(day, 8, 50)
    sign_in(stage.core, who, stage.secrets[who].pin, source=mobile(who))


def corrected(place: Place, day: int, *, born: int) -> Play[None]:
    """A year of birth was keyed wrongly; the coordinator says so, the investigator signs."""
    subject = yield from screened(place, day, born=born)
    yield place.at(day + 1, 9, 15)
    right = {"which_entry": "year_of_birth", "right_year": str(born + 1), "reason": "entry"}
    given = {**right, "source_document": "Identity card, seen on the day of consent"}
    proposed = place.do("correct_subject", subject=subject, **given)
    yield place.at(day + 1, 16, 40)
    _office(place, place.investigator, "approve", proposal=str(proposed.facts["proposal"]))


def ended_delegation(stage: Stage, study: str, days: int) -> Play[None]:
    """A locum's time is over: the delegation ends, and what was done by it stays."""
    yield stage.now - dt.timedelta(days=days)
    held = select(grant.c.id).where(grant.c.study == study, grant.c.user_id == LOCUM.user_id)
    with stage.core.reading() as db:
        number = db.execute(held).scalar_one()
    stage.do(MANAGER, "end_role", study, grant=str(number))


def everywhere(new_york: Place, madrid: Place, manila: Place) -> Iterator[Play[None]]:
    """All of it, each at its site."""
    yield at_night(new_york, -70, born=1956)
    yield not_randomized(madrid, -17, born=1950)
    yield by_the_operator(manila, -31, born=1957)
    yield lockout(new_york, -9, "1901")
    yield corrected(new_york, -11, born=1939)
    yield ended_delegation(new_york.stage, new_york.study, 21)


def _office(place: Place, who: str, name: str, **given: str) -> dict[str, object]:
    """A deed that belongs to the study as a whole; its facts."""
    return dict(place.stage.do(who, name, place.study, **given).facts)


def _told(place: Place, who: str, subject: str, channel: Channel) -> None:
    """The treatment is read by the one to whom it was opened; the reading is on record."""
    stage = place.stage
    read_treatment(stage.core, stage.actor(who), place.study, subject=subject, channel=channel)
