"""A try to open a treatment that came to nothing: on record, and told, like one that did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, select

from core.db.models import subject as subjects
from core.facts import is_keyed
from core.ledger.append import INSTALLATION, Entry, append
from core.messages import Digits, Message, Param
from core.outbox import enqueue
from core.transaction import Notice

if TYPE_CHECKING:
    from core.runtime import Core

FAILED: Final = "code_break_failed"
"""The event's name in the ledger."""
WATCHERS: Final = ("study_manager", "monitor", "safety")
"""Who hears of everything that has to do with the blind; of them safety alone is unblinded, and
what is sent is the same to all."""
INSTALLERS: Final = ("administrator", "helpdesk")
NOWHERE: Final = "IxRS"
"""What stands for a study where the caller named none."""
WHY: Final = (
    "refused",  # by a rule, which its own entry names
    "subject_unknown",  # not a subject of this site
    "kit_unknown",
    "not_open",  # somebody asked for a treatment that was not opened to this person
    "not_identified",  # no user ID and secret that were right, or the person is locked
    "cut_off",  # the caller hung up before the deed was done
    "not_told",  # the deed was done, and the treatment could not be told
    "no_operator",  # none of the operators answered
    "fetched_again",  # somebody tried to hear a recording a second time
    "left_open",  # an operator took a call, and neither broke the code nor declined
)
"""Why a try may come to nothing."""


def failed(
    core: Core,
    db: Connection,
    study: str | None,
    why: str,
    *,
    actor: str | None = None,
    channel: str,
    site: str | None = None,
    subject: str | None = None,
    deed: str = "code_break",
    call: str | None = None,
    at: dt.datetime | None = None,
) -> int:
    """Put on record that a try to open a treatment failed, and tell those who watch; in the
    caller's own write session. `subject` is what was keyed, known or not; `deed` what was tried;
    `call` the number of the operator's call that it was, `at` the moment, if not this one.

    Returns the entry's sequence in the study's chain. Where no study is known the entry is the
    installation's, and its administrators and helpdesk are told.
    """
    if why not in WHY:
        raise ValueError(why)
    known = _site_of(db, study, subject)
    site = site or known
    # A PIN may have been keyed in its place: of what names nobody only a keyed digest is kept.
    keyed = core.keys.mac("keyed", subject) if subject and known is None else None
    facts = {"deed": deed, "why": why, "keyed": keyed}
    entry = Entry(
        FAILED,
        "done",
        channel,
        at or core.now(),
        actor=actor,
        site=site,
        subject=subject if known is not None else None,
        facts=facts if call is None else {**facts, "call": call},
        simulated=core.simulated,
    )
    sequence = append(db, core.keys, study or INSTALLATION, entry, b"")
    told = alert(study or NOWHERE, why, subject=entry.subject, actor=actor)
    if study is None:
        told = replace(told, roles=INSTALLERS, by_mail=False)
    enqueue(db, core, told, study, site)
    return sequence


def note_wrong(
    core: Core,
    deed: str,
    field: str,
    given: Mapping[str, str],
    *,
    actor: str,
    channel: str,
    study: str,
    site: str | None,
) -> None:
    """Whoever names no subject or kit that is there has tried to open one: that is on record, in a
    write session of its own. Another `field` that is wrong is nothing of the kind."""
    why = {"subject": "subject_unknown", "kit": "kit_unknown"}.get(field)
    if why is None or not given.get(field):
        return
    named = given.get("subject")
    with core.writing() as db:
        failed(
            *(core, db, study, why), actor=actor, channel=channel, site=site, subject=named,
            deed=deed,
        )  # fmt: skip


def note_unseen(
    core: Core, deed: str, given: Mapping[str, str], actor: str, channel: str, study: str
) -> None:
    """Whoever tries it where nothing is there for that person has tried it all the same: on record
    in a write session of its own, beside the answer that there is no such thing."""
    with core.writing() as db:
        failed(
            *(core, db, study, "not_open"), actor=actor, channel=channel,
            subject=given.get("subject"), deed=deed,
        )  # fmt: skip


def alert_refused(
    core: Core, db: Connection, study: str, *, actor: str, site: str | None, keyed: str | None
) -> None:
    """Tell those who watch that a deed which opens a treatment was refused; a number that was keyed
    is told only where it is a subject's."""
    at = _site_of(db, study, keyed)
    told = alert(study, "refused", subject=keyed if at is not None else None, actor=actor)
    enqueue(db, core, told, study, site or at)


def alert(study: str, why: str, *, subject: str | None, actor: str | None) -> Notice:
    """What those who watch are told of a try that failed."""
    params: dict[str, Param] = {"study": study, "why": Message(f"word.break_failed_{why}")}
    text = "sms.code_break_failed"
    if subject is not None:
        text, params["subject"] = "sms.code_break_failed_subject", Digits(subject)
    params["user_id"] = Digits(actor) if actor is not None else Message("word.nobody_known")
    return Notice(Message(text, params), roles=WATCHERS, by_mail=True)


def _site_of(db: Connection, study: str | None, number: str | None) -> str | None:
    if study is None or not number or not is_keyed(number):
        return None
    query = select(subjects.c.site).where(subjects.c.study == study, subjects.c.number == number)
    site: str | None = db.scalar(query)
    return site
