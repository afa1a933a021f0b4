"""Transactions: what one may do, the next question, and the deed itself, once for each key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache, partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from core.access.openings import offered, open_studies
from core.access.signin import sign
from core.db.faces import api_token
from core.db.models import receipt
from core.errors import InvalidInput, NotFound, Refused, RequestReused
from core.facts import Facts, is_keyed
from core.interview import (
    Ask,
    Complete,
    Given,
    Wrong,
    advance,
    check_offered,
    check_sight,
    words,
)
from core.ledger.signed import of_entry
from core.messages import Message
from core.perform import perform, refuse
from core.randomization.lists.escrow import TAKE, tell_share
from core.register import find, transactions
from core.study.fields import is_study_code
from core.study.schema import Screening, StudyConfig, unpublished
from core.study.versions import latest_config
from core.transaction import (
    Channel,
    Choice,
    Question,
    Receipt,
    Signature,
    Transaction,
    always,
)
from core.treatment import treatment_of
from core.unblinding.failures import note_wrong
from web.api.operations import Answer, Body, Call, Operation
from web.api.problems import tell
from web.api.schema import FACTOR, NUMBER, Schema, is_valid, of_question, raw
from web.api.shapes import many, ref
from web.api.signed import signature

_TAG: Final = "transactions"
_MAYBE_SITE: Final[Schema] = {"anyOf": [NUMBER, {"type": "null"}]}
_SECRET: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 200, "writeOnly": True}


@cache
def questions_of(transaction: Transaction) -> Mapping[str, Schema]:
    """The answers that a transaction may take in any study, the factors of a study file apart."""
    bare = unpublished("any")
    screening = bare.model_copy(update={"screening": Screening.model_construct()})
    configs: tuple[StudyConfig, ...] = (screening, bare)
    found = (one for config in configs for one in transaction.questions(config))
    return {question.name: of_question(question) for question in found}


def _place(call: Call, db: Connection, transaction: Transaction) -> str | None:
    """The site named, or the only one that the person has in the study."""
    if not transaction.site:
        return None
    named: str | None = call.body.get("site")
    if named is not None:
        return named
    found = (one for one in open_studies(db, call.core, call.actor) if one.code == _study(call))
    sites = [site.number for study in found for site in study.sites]
    return sites[0] if len(sites) == 1 else None


def _study(call: Call) -> str:
    return call.path["study"]


def _given(transaction: Transaction, answers: Mapping[str, Any]) -> dict[str, str]:
    """The answers as a keyboard would give them. Raises InvalidInput."""
    known, given = questions_of(transaction), {}
    for name, value in answers.items():
        if not is_valid(known.get(name, FACTOR), value):
            raise InvalidInput(name[:80], Message("api.value", {"name": name[:40]}))
        given[name] = raw(value)
    return given


def check(name: str, call: Call) -> Answer:
    """The next question, what is wrong, or all that will be done. Nothing is recorded but a try to
    open a treatment that names nobody."""
    transaction = find(name)
    given = _given(transaction, call.body.get("answers", {}))
    with call.core.reading() as db:
        site = _place(call, db, transaction)
        check_sight(call.actor, transaction, _study(call), site)
        if not transaction.bare:
            check_offered(transaction, latest_config(db, call.core, _study(call)), Channel.API)
        found = advance(call.core, db, transaction, call.actor, _study(call), site, given)
    match found:
        case Ask(question, choices):
            asked = _question(question, choices, call.language)
            return Answer({"status": "ask", "question": asked})
        case Wrong(field, message):
            if transaction.watched:
                note_wrong(
                    *(call.core, name, field, given),
                    actor=call.actor.user_id,
                    channel=Channel.API.value,
                    study=_study(call),
                    site=site,
                )
            detail = tell(message, call.language)
            return Answer({"status": "wrong", "field": field, "detail": detail})
        case Complete():
            return Answer(
                {
                    "status": "complete",
                    "read_back": [tell(one, call.language) for one in found.read_back],
                    "warnings": [tell(one, call.language) for one in found.warnings],
                    "signed": found.signed,
                }
            )


def do(name: str, call: Call) -> Answer:
    """The deed, with the receipt that the same key gets every time."""
    done = _perform(call, find(name))
    with call.core.reading() as db:
        treatment = treatment_of(call.core, db, done.id, call.actor.user_id)
        signatures = of_entry(db, done.study, done.sequence)
    share = None
    if name == TAKE:
        share = tell_share(call.core, done.id, call.actor.user_id)
    value = {
        "transaction": done.transaction,
        "study": done.study,
        "site": done.site,
        "subject": done.subject,
        "sequence": done.sequence,
        "confirmation": done.confirmation,
        "facts": dict(done.facts),
        "said": tell(done.said, call.language),
        "notes": [tell(note, call.language) for note in done.notes],
        "treatment": treatment.text(call.language) if treatment else None,
        "share": share,
        "signatures": [signature(asdict(one), done.zone, call.language) for one in signatures],
        "at": done.at,
        "at_local": done.at.astimezone(ZoneInfo(done.zone)),
        "pending": done.pending,
        "replayed": done.replayed,
    }
    if done.replayed:
        return Answer(value, 200, {"Idempotency-Replayed": "true"})
    return Answer(value, 201)


def _perform(call: Call, transaction: Transaction) -> Receipt:
    core, study = call.core, _study(call)
    with core.reading() as db:
        site = _place(call, db, transaction)
        check_sight(call.actor, transaction, study, site)
        _check_key(call.actor.user_id, study, transaction.name, call.key, db)
    given = _given(transaction, call.body["answers"])
    request: dict[str, Any] = {
        "actor": call.actor,
        "study": study,
        "site": site,
        "channel": Channel.API,
        "request_id": call.key,
        # Once more, behind the lock on the study's chain, where two at once see one another.
        "also": lambda db, result: _check_key(
            call.actor.user_id, study, transaction.name, call.key, db
        ),
    }
    try:
        with core.reading() as db:
            found = advance(core, db, transaction, call.actor, study, site, given)
    except Refused as refused:
        return refuse(core, transaction, given, refused, **request)
    if not isinstance(found, Complete):
        return _done_before(call, transaction, given, request)
    signature = _signature(call, transaction) if found.signed else None
    return perform(core, transaction, given, signature=signature, **request)


def _done_before(
    call: Call, transaction: Transaction, given: Given, request: Mapping[str, Any]
) -> Receipt:
    """The receipt of a key that was used already, after which its answers fit no more (the visit
    is recorded). Raises InvalidInput for the first answer that is missing or wrong."""
    return perform(call.core, transaction, given, **request)


def _signature(call: Call, transaction: Transaction) -> Signature | None:
    """The secret given once more, counted as on every channel; None if there is none."""
    given: Mapping[str, str] | None = call.body.get("signature")
    if given is None:
        return None
    return sign(
        call.core,
        call.actor,
        given["secret"],
        meaning=transaction.name,
        source=call.source,
        channel=Channel.API,
    )


def _check_key(actor: str, study: str, name: str, key: str, db: Connection) -> None:
    """Nobody else has used the key for this transaction. Raises RequestReused, saying no more.

    Looked up by the people who have tokens, along the index of receipts, which begins with them.
    """
    others = select(api_token.c.user_id).where(api_token.c.user_id != actor).distinct()
    query = select(receipt.c.id).where(
        receipt.c.study == study,
        receipt.c.actor.in_(others),
        receipt.c.channel == Channel.API.value,
        receipt.c.transaction == name,
        receipt.c.request_id == key,
    )
    if db.execute(query.limit(1)).first() is not None:
        raise RequestReused


def list_offers(call: Call) -> Answer:
    """What the person may do in the study, at the site if one is given, and what is asked then."""
    study, site = _study(call), call.query.get("site")
    if not is_study_code(study) or not call.actor.sees_study(study):
        raise NotFound
    if site is not None and not (is_keyed(site) and call.actor.sees_site(study, site)):
        raise NotFound
    with call.core.reading() as db:
        facts = Facts(db, call.core, actor=call.actor, study=study, site=site, now=call.core.now())
        menu = offered(call.core, db, call.actor, study, site, Channel.API)
        items = [_offer(one, facts, call.language) for one in menu if site or not one.site]
    return Answer({"items": items})


def _offer(transaction: Transaction, facts: Facts, language: str) -> dict[str, Any]:
    return {
        "name": transaction.name,
        "title": tell(Message(f"menu.{transaction.name}"), language),
        "signed": transaction.signed or transaction.name in facts.config.signatures,
        "site": facts.site_number if transaction.site else None,
        "questions": [_question(one, (), language) for one in transaction.questions(facts.config)],
    }


def _question(question: Question, choices: tuple[Choice, ...], language: str) -> dict[str, Any]:
    made = {
        "name": question.name,
        "kind": question.kind.value,
        "text": tell(words("ask", question), language),
        "optional": question.optional,
        "sometimes": question.when is not always,
        "schema": dict(of_question(question)),
    }
    if not choices:
        return made
    return {**made, "choices": [_choice(one, language) for one in choices]}


def _choice(choice: Choice, language: str) -> dict[str, str]:
    label = choice.label
    told = tell(label, language) if isinstance(label, Message) else label.text(language)
    return {"value": choice.value, "label": told}


def _answers(transaction: Transaction) -> Body:
    """What the document says of the answers; a study's own factors come with some."""
    factors = FACTOR if transaction.name in ("randomize", "place_hold") else None
    return Body(questions_of(transaction), others=factors, answered=True)


def _operations(transaction: Transaction) -> Iterator[Operation]:
    name, answers = transaction.name, _answers(transaction)
    members = {"site": _MAYBE_SITE} if transaction.site else {}
    signature = Body({"secret": _SECRET}, ("secret",))
    make: Callable[..., Operation] = partial(Operation, method="post", tag=_TAG)
    path = f"/studies/{{study}}/transactions/{name}"
    title = tell(Message(f"menu.{name}"), "en")
    yield make(
        name=name,
        path=path,
        summary=title,
        description=_told(transaction),
        handler=partial(do, name),
        answers={201: ("Done.", ref("Receipt")), 200: ("It was done before.", ref("Receipt"))},
        body=Body(members, ("answers",), {"answers": answers, "signature": signature}),
        keyed=True,
        refusals=(400, 403, 404, 409, 413, 415, 422),
    )
    yield make(
        name=f"check_{name}",
        path=f"{path}/check",
        summary=f"{title}: what comes next",
        handler=partial(check, name),
        answers={200: ("A question, what is wrong, or all that will be done.", ref("Check"))},
        body=Body(members, (), {"answers": answers}),
        refusals=(400, 403, 404, 409, 413, 415, 422),
    )


def _told(transaction: Transaction) -> str:
    signed = (
        "Always signed: `signature` holds the PIN or password."
        if transaction.signed
        else ("Signed where the study file says so.")
    )
    second = " A second person approves it before it is done." if transaction.signers else ""
    return signed + second


_OFFERS: Final = {
    "type": "object",
    "properties": {"items": many("Offer")},
    "required": ["items"],
    "additionalProperties": False,
}
OPERATIONS: Final = (
    Operation(
        "list_transactions", "get", "/studies/{study}/transactions",
        "What the token's owner may do, and the questions of each", list_offers,
        {200: ("With `site`, what is done there too.", _OFFERS)}, _TAG,
        query={"site": NUMBER}, refusals=(400, 404),
    ),
    *(
        operation
        for transaction in transactions()
        if Channel.API in transaction.channels
        for operation in _operations(transaction)
    ),
)  # fmt: skip
