"""One deed, all of it or none of it: every channel's way into the record.

Locks are taken in this order: the receipt's own key, subject, caps, allocator, kits, and last the
head of the study's chain. A refusal rolls back whatever the deed had begun and is recorded in a
session of its own (docs/adr/).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from core.access.roles import Actor, load_actor
from core.codes import confirmation_number
from core.context import Context
from core.errors import (
    InvalidInput,
    NotFound,
    Refused,
    RequestReused,
    SignatureMissing,
    Unavailable,
)
from core.facts import Facts
from core.interview import (
    Ask,
    Complete,
    Given,
    Wrong,
    check_allowed,
    check_offered,
    check_sight,
    walk,
)
from core.ledger.append import Entry, HeldMeanwhile, append
from core.messages import Digits, Message, Param, to_json
from core.outbox import enqueue
from core.propose import propose
from core.receipts import Also, Request, answers_digest, claim, replay, settle
from core.records.reviews import keep_review
from core.runtime import is_retryable
from core.study.versions import UNPUBLISHED
from core.transaction import (
    Channel,
    Notice,
    Outcome,
    Receipt,
    Signature,
    Transaction,
)
from core.unblinding.failures import alert_refused, note_unseen, note_wrong
from core.unblinding.openings import find_subject, open_to

if TYPE_CHECKING:
    from core.runtime import Core

TRIES: Final = 8


def perform(
    core: Core,
    transaction: Transaction,
    answers: Given,
    *,
    actor: Actor,
    study: str,
    site: str | None,
    channel: Channel,
    request_id: str,
    signature: Signature | None = None,
    also: Also | None = None,
) -> Receipt:
    """Do it once: the same `request_id` with the same answers gives the same receipt.

    `answers` are raw, by question name; they are checked again here under the locks. `also` is
    called in the same database transaction with the receipt or the refusal.
    Raises InvalidInput (nothing recorded), Refused (recorded), NotFound, Unavailable.
    """
    request = Request(
        transaction, answers, actor, study, site, channel, request_id, signature, also
    )
    try:
        result = _retrying(lambda: _attempt(core, request))
    except RequestReused:
        raise
    except InvalidInput as wrong:
        if transaction.watched:
            note_wrong(
                *(core, transaction.name, wrong.field, answers),
                actor=actor.user_id,
                channel=channel.value,
                study=study,
                site=site,
            )
        raise
    except NotFound:
        if transaction.watched and actor.sees_study(study):
            note_unseen(core, transaction.name, answers, actor.user_id, channel.value, study)
        raise
    except Refused as error:
        refused = error
        result = _retrying(lambda: _record(core, request, refused))
    return _told(result)


def refuse(
    core: Core,
    transaction: Transaction,
    answers: Given,
    refused: Refused,
    *,
    actor: Actor,
    study: str,
    site: str | None,
    channel: Channel,
    request_id: str,
    also: Also | None = None,
) -> Receipt:
    """Record a refusal that was clear before all questions were asked; raises it.

    Returns a receipt only if this very request was done already.
    """
    request = Request(transaction, answers, actor, study, site, channel, request_id, None, also)
    return _told(_retrying(lambda: _record(core, request, refused)))


def _told(result: Receipt | Refused) -> Receipt:
    if isinstance(result, Refused):
        raise result
    return result


def _retrying(attempt: Callable[[], Receipt | Refused]) -> Receipt | Refused:
    for _ in range(TRIES):
        try:
            return attempt()
        except (IntegrityError, HeldMeanwhile):
            continue  # a number was taken, the same request won, a hold was placed: look again
        except DBAPIError as error:
            if not is_retryable(error):
                raise
    raise Unavailable


def _is_signed_by(request: Request) -> bool:
    """Whether the signature is this person's, for this very deed (21 CFR 11.70)."""
    signed = request.signature
    return (
        signed is not None
        and signed.user_id == request.actor.user_id
        and signed.meaning == request.transaction.name
    )


def _attempt(core: Core, request: Request) -> Receipt | Refused:
    with core.writing() as db:
        now = core.now()
        actor = load_actor(db, request.actor.user_id, now)
        check_sight(actor, request.transaction, request.study, request.site)
        mark = answers_digest(core, request)
        claimed = claim(db, request, mark, now)
        if claimed is None:
            return replay(db, request, mark)
        facts = Facts(
            db,
            core,
            actor=actor,
            study=request.study,
            site=request.site,
            now=now,
            locking=True,
        )
        facts.settle(request.given.get("subject"))
        if facts.version == UNPUBLISHED and not request.transaction.bare:
            raise NotFound
        outcome = _run(core, db, request, actor, facts)
        return _finish(core, db, request, facts, claimed, outcome)


def _run(core: Core, db: Connection, request: Request, actor: Actor, facts: Facts) -> Outcome:
    check_offered(request.transaction, facts.config, request.channel)
    check_allowed(actor, request.transaction, request.study, request.site)
    found = walk(request.transaction, facts, request.given)
    match found:
        case Ask(question):
            raise InvalidInput(
                question.name, Message("error.missing_answer", {"name": question.name})
            )
        case Wrong(name, message):
            raise InvalidInput(name, message)
        case Complete():
            if found.signed and not _is_signed_by(request):
                raise SignatureMissing
    context = Context(
        core,
        db,
        facts.config,
        facts,
        facts.now,
        actor,
        request.study,
        request.site,
        request.channel,
        request.signature,
    )
    if request.transaction.signers:
        return propose(context, request)
    return request.transaction.run(context, found.answers)


def _finish(
    core: Core,
    db: Connection,
    request: Request,
    facts: Facts,
    claimed: int,
    outcome: Outcome,
) -> Receipt:
    """Ledger entry, receipt, messages and the face's own turn; the chain's head is locked here."""
    pending = bool(request.transaction.signers)
    confirmation = confirmation_number(core.entropy)
    for notice in _notices(request, facts, outcome, confirmation):
        enqueue(db, core, notice, request.study, notice.site or request.site)
    entry = Entry(
        request.transaction.name,
        "proposed" if pending else "done",
        request.channel.value,
        facts.now,
        actor=request.actor.user_id,
        site=request.site,
        subject=outcome.subject,
        version=facts.version,
        confirmation=confirmation,
        facts=outcome.facts,
        secret=outcome.secret,
        signatures=(request.signature,) if request.signature else (),
        simulated=core.simulated,
    )
    salts = core.entropy.bytes(16 * len(outcome.secret)) if outcome.secret else b""
    sequence = append(db, core.keys, request.study, entry, salts, holds=facts.holds)
    for one in outcome.opens:
        open_to(db, request.study, one, sequence, facts.now)
    if outcome.review is not None:
        keep_review(db, request.study, outcome.review, request.actor.user_id, sequence, facts.now)
    result = {
        "said": to_json(outcome.said),
        "notes": [to_json(note) for note in outcome.notes],
        "facts": entry.facts,
        "zone": facts.zone,
    }
    values = {"claimed": claimed, "n": sequence, "o": entry.outcome, "c": confirmation}
    settle.run(
        db,
        {**values, "j": outcome.subject, "r": json.dumps(result, default=str)},
    )
    done = Receipt(
        claimed,
        request.study,
        sequence,
        request.transaction.name,
        confirmation,
        outcome.said,
        outcome.notes,
        outcome.facts,
        facts.now,
        facts.zone,
        pending=pending,
        subject=outcome.subject,
        site=request.site,
    )
    if request.also:
        request.also(db, done)
    return done


def _notices(
    request: Request, facts: Facts, outcome: Outcome, confirmation: str
) -> tuple[Notice, ...]:
    """The deed's own notices, and those that the study file asks for: what was done, no more."""
    name = request.transaction.name
    params: dict[str, Param] = {
        "study": request.study,
        "deed": Message(f"sms.deed.{name}"),
        "confirmation": Digits(confirmation),
    }
    text = "sms.notice"
    if outcome.subject:
        text, params["subject"] = "sms.notice_subject", Digits(outcome.subject)
    elif request.site:
        text, params["site"] = "sms.notice_site", Digits(request.site)
    told = tuple(
        Notice(Message(text, params), roles=rule.roles)
        for rule in facts.config.notices
        if rule.on == name
    )
    own = tuple(
        Notice(
            Message(n.message.id, {"confirmation": Digits(confirmation), **n.message.params}),
            n.roles,
            n.people,
            n.site,
            n.depot,
            n.by_mail,
        )
        for n in outcome.notices
    )
    return own + told


def _record(core: Core, request: Request, refused: Refused) -> Receipt | Refused:
    """Put a refusal on record; what the request has led to if it was made in between."""
    with core.writing() as db:
        now = core.now()
        mark = answers_digest(core, request)
        claimed = claim(db, request, mark, now)
        if claimed is None:
            return replay(db, request, mark)
        sequence = _append_refusal(core, db, request, refused, now)
        for notice in refused.notices:
            if isinstance(notice, Notice):
                enqueue(db, core, notice, request.study, request.site)
        if request.transaction.watched:
            alert_refused(
                *(core, db, request.study),
                actor=request.actor.user_id,
                site=request.site,
                keyed=request.given.get("subject"),
            )
        result = {"refused": refused.code, "message": to_json(refused.on_record)}
        values = {"claimed": claimed, "n": sequence, "o": "refused", "c": None}
        settle.run(db, {**values, "j": _subject_named(db, request), "r": json.dumps(result)})
        if request.also:
            request.also(db, refused)
    return refused


def _subject_named(db: Connection, request: Request) -> str | None:
    """The subject that the answers name, if there is one: what was keyed in its place otherwise (a
    PIN, it may be) is not kept."""
    named = request.given.get("subject", "")
    return named if find_subject(db, request.study, named) is not None else None


def _append_refusal(
    core: Core, db: Connection, request: Request, refused: Refused, now: dt.datetime
) -> int:
    facts = {"refused": refused.code, "message": to_json(refused.on_record)}
    entry = Entry(
        request.transaction.name,
        "refused",
        request.channel.value,
        now,
        actor=request.actor.user_id,
        site=request.site,
        subject=_subject_named(db, request),
        facts=facts,
        simulated=core.simulated,
    )
    return append(db, core.keys, request.study, entry, b"")
