"""Any transaction on pages: its questions one by one, check, sign, do. Derived from the register.

A draft's id is the request id, so a form sent twice does one deed. Every POST that goes well ends
in a redirect; an answer that will not do is shown again with what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from core import drafts
from core.access import sessions
from core.access.signin import sign
from core.db.models import proposal
from core.drafts import Draft
from core.errors import (
    InvalidInput,
    LockedOut,
    MustWait,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Refused,
)
from core.interview import Ask, Complete, Wrong, check_offered, words
from core.ledger.signed import APPROVE, of_proposal
from core.messages import Message
from core.perform import perform, refuse
from core.randomization.lists.escrow import TAKE, tell_share
from core.receipts import find_result
from core.study.versions import latest_config, newest_version
from core.transaction import Channel, Kind, Receipt, Signature, Transaction
from core.unblinding.failures import note_wrong
from web import once
from web.db import close, connection, the_core
from web.errors import status_of
from web.pages import forms
from web.pages.forms import Problem, field_of
from web.pages.receipt import SHARE
from web.pages.walk import Walk, deed_named
from web.reading.signed import SignedWords, signed_words
from web.session import current, drop_cookie, end_session, go_to, open_session, signed_in, source
from web.viewed import about
from web.words import say, t, upper_first

FILE_BYTES_MAX: Final = 2 * 1024 * 1024
PROBLEMS_SHOWN_MAX: Final = 50
PUBLISH: Final = "publish"
_ASK: Final = "deed.answer"


def allow_files() -> None:
    """Where a file may be sent, more may be sent than elsewhere. Before the form is read."""
    if request.endpoint in (_ASK, "reading.upload"):
        request.max_content_length = FILE_BYTES_MAX
        request.max_form_memory_size = FILE_BYTES_MAX


class Done(Exception):
    """The draft has led to a receipt or a refusal already."""


pages = Blueprint("deed", __name__)


@pages.errorhandler(Done)
def done(error: Done) -> Response:
    """Whatever is asked of a draft that is done leads to what it has led to."""
    return redirect(url_for("deed.result", id_=error.args[0]), 303)


@pages.get("/do/<name>")
@signed_in
def start(name: str) -> Response:
    core, me, transaction = the_core(), current(), deed_named(name)
    homeless = transaction.site and me.site is None
    if homeless and me.study.sites:
        return redirect(url_for("place.choose", next=request.full_path), 303)
    site = me.site.number if me.site and transaction.site else None
    asked_for = {key: value for key, value in request.args.items() if value}
    _check_offered(transaction, me.study.code)
    close()
    made = drafts.begin(core, me.session.token, me.study.code, site, name, asked_for)
    walk = Walk(core, Draft(made, me.study.code, site, name, asked_for, None))
    try:
        if homeless:
            raise NotAllowed
        given = walk.in_order(asked_for)
    except Refused as refused:
        return _refuse(walk, asked_for, refused)
    return _keep(walk, given)


@pages.get("/draft/<id_>/ask/<question>")
@signed_in
def ask(id_: str, question: str) -> Response | str:
    walk = _walk(id_)
    asked = walk.ask(question)
    if asked is None:
        return redirect(walk.next_page(), 303)
    problems = []
    raw = walk.draft.given.get(question)
    if raw is not None and (wrong := walk.problem_of(question, raw)):
        problems = _problems(asked, raw, wrong)
    return _question_page(walk, asked, raw or "", problems)


@pages.post("/draft/<id_>/ask/<question>", endpoint="answer")
@signed_in
def answer(id_: str, question: str) -> Response:
    walk = _walk(id_)
    asked = walk.ask(question)
    if asked is None:
        return redirect(walk.next_page(), 303)
    return _take(walk, asked)


@pages.get("/draft/<id_>/check")
@signed_in
def check(id_: str) -> Response | str:
    walk = _walk(id_)
    found = walk.found()
    if not isinstance(found, Complete):
        return redirect(walk.next_page(), 303)
    if walk.draft.transaction == PUBLISH:  # a study file is checked by what it would change
        return redirect(url_for("reading.difference", draft_id=id_), 303)
    return _last_page("check.html", walk, found)


@pages.post("/draft/<id_>/check")
@signed_in
def confirm(id_: str) -> Response:
    return _confirm(id_, signing=False)


@pages.get("/draft/<id_>/sign")
@signed_in
def signature(id_: str) -> Response | str:
    walk = _walk(id_)
    found = walk.found()
    if not isinstance(found, Complete) or not found.signed:
        return redirect(walk.next_page(), 303)
    return _last_page("sign.html", walk, found)


@pages.post("/draft/<id_>/sign")
@signed_in
def signed(id_: str) -> Response:
    return _confirm(id_, signing=True)


@pages.get("/draft/<id_>/result")
@signed_in
def result(id_: str) -> Response:
    draft = drafts.find(the_core(), connection(), id_, current().actor.user_id)
    if draft.receipt_id is None:
        raise NotFound
    row, told = find_result(connection(), draft.receipt_id)
    if isinstance(told, Receipt):
        return redirect(url_for("receipt.show", confirmation=told.confirmation), 303)
    page = render_template("refused.html", draft=draft, refused=told, row=row)
    return make_response(page, status_of(told))


def _check_offered(transaction: Transaction, study: str) -> None:
    """The study has use for it. Raises NotFound."""
    if newest_version(connection(), study) is None:
        if not transaction.bare:
            raise NotFound
        return
    check_offered(transaction, latest_config(connection(), the_core(), study), Channel.WEB)


def _walk(id_: str) -> Walk:
    """The person's own draft. Raises Done once it is, NotFound for anyone else's."""
    draft = drafts.find(the_core(), connection(), id_, current().actor.user_id)
    if draft.receipt_id is not None:
        raise Done(id_)
    go_to(draft.study, draft.site)
    return Walk(the_core(), draft)


def _question_page(walk: Walk, asked: Ask, raw: str, problems: list[Problem]) -> str:
    return render_template(
        "question.html",
        draft=walk.draft,
        asked=asked.question,
        field=field_of(asked, raw),
        back=walk.page_before(asked.question.name),
        problems=problems,
    )


def _take(walk: Walk, asked: Ask) -> Response:
    """Take the answer in this form: on to the next page, or this one again."""
    question, raw = asked.question, None
    try:
        raw = forms.read(request, question, walk.core.keys, current().actor.user_id)
        found = walk.answer(question.name, raw)
    except InvalidInput as wrong:
        found = Wrong(question.name, wrong.message)
    except Refused as refused:
        given = {**walk.before(question.name), question.name: raw or ""}
        return _refuse(walk, given, refused)
    if isinstance(found, Wrong) and found.name == question.name:
        problems = _problems(asked, raw, found.message)
        page = _question_page(walk, asked, raw or "", problems)
        _note_wrong(walk, question.name, raw)
        return make_response(page, 422)
    return _keep(walk, walk.with_answer(question.name, raw or ""))


def _note_wrong(walk: Walk, name: str, raw: str | None) -> None:
    """An answer that names nobody, where a treatment would be opened, is on record as a try."""
    if walk.transaction.watched and raw:
        close()
        at = walk.draft
        note_wrong(
            *(walk.core, at.transaction, name, {**at.given, name: raw}),
            actor=current().actor.user_id,
            channel=Channel.WEB.value,
            study=at.study,
            site=at.site,
        )


def _problems(asked: Ask, raw: str | None, message: Message) -> list[Problem]:
    """What is wrong with the answer (None: it was none at all); of a file, each thing that is."""
    at = forms.first_field(field_of(asked, raw or "").shape)
    message = forms.on_a_page(message, is_empty=raw == "")
    listed = message.params.get("problems", ())
    each = [one for one in listed if isinstance(one, Message)] if isinstance(listed, tuple) else []
    return [Problem(at, say(one)) for one in (message, *each[:PROBLEMS_SHOWN_MAX])]


def _keep(walk: Walk, given: Mapping[str, str]) -> Response:
    close()
    drafts.store(walk.core, walk.draft.id, given)
    return redirect(walk.with_given(given).next_page(), 303)


def _last_page(
    name: str, walk: Walk, found: Complete, problems: list[Problem] | None = None
) -> str:
    about(subject=walk.draft.given.get("subject"), of=walk.draft.transaction)
    return render_template(
        name,
        draft=walk.draft,
        rows=_rows(found),
        warnings=found.warnings,
        mark=walk.mark(),
        signed=found.signed,
        back=walk.last_page(),
        aside=[(one.name, words("ask", one)) for one in walk.aside()],
        problems=problems or [],
        signatures=_proposed(walk.draft),
        now=current().now,
    )


def _proposed(draft: Draft) -> tuple[SignedWords, ...]:
    """The first signature on what is about to be approved."""
    if draft.transaction != APPROVE:
        return ()
    db, number = connection(), draft.given["proposal"]
    kept = select(proposal.c.proposed_at).where(
        proposal.c.study == draft.study, proposal.c.number == number
    )
    at = db.scalar(kept)
    return signed_words(of_proposal(db, draft.study, number, at)) if at else ()


def _rows(found: Complete) -> list[tuple[str, str, str]]:
    """Label, answer in words and name of each question answered."""
    told = iter(found.read_back)
    rows = []
    for question in found.questions:
        label = say(words("ask", question))
        if question.kind in (Kind.PIN, Kind.PASSWORD):
            rows.append((label, "••••••", question.name))
        elif question.kind is Kind.FILE:
            lines = len(str(found.answers[question.name]).splitlines())
            rows.append((label, t("web.lines", count=lines), question.name))
        else:
            value = next(told).params["value"]
            rows.append((label, upper_first(t("web.value", value=value)), question.name))
    return rows


def _confirm(id_: str, *, signing: bool) -> Response:
    """Check, or check and sign, was confirmed: do it, unless what was shown is not so any more."""
    walk = _walk(id_)
    try:
        found = walk.found()
    except Refused as refused:
        return _refuse(walk, walk.draft.given, refused)
    if not isinstance(found, Complete) or request.form.get("mark") != walk.mark():
        return redirect(walk.next_page(), 303)
    if found.signed and not signing:
        return redirect(url_for("deed.signature", id_=id_), 303)
    if not found.signed:
        return _perform(walk, None)
    close()
    return _sign_and_perform(walk, found)


def _sign_and_perform(walk: Walk, found: Complete) -> Response:
    core, me = walk.core, current()
    meaning, secret = walk.draft.transaction, request.form.get("secret", "")
    try:
        signature = sign(
            core, me.actor, secret, meaning=meaning, source=source(), channel=Channel.WEB
        )
    except LockedOut as locked:
        # Whoever guesses PINs at a browser that was left alone does not stay in it.
        end_session(core, me.session)
        page = render_template("cannot.html", message=say(locked.message))
        response = make_response(page, status_of(locked))
        drop_cookie(core, response)
        return response
    except (NotAuthenticated, MustWait) as wrong:
        problem = Problem("secret", say(forms.on_a_page(wrong.message)))
        return make_response(_last_page("sign.html", walk, found, [problem]), status_of(wrong))
    return _perform(walk, signature)


def _perform(walk: Walk, signature: Signature | None) -> Response:
    core, me, draft = walk.core, current(), walk.draft
    close()
    try:
        done = perform(core, walk.transaction, draft.given, signature=signature, **walk.request())
    except InvalidInput as wrong:
        asked = walk.ask(wrong.field)
        if asked is None:
            return redirect(walk.next_page(), 303)
        raw = draft.given.get(wrong.field, "")
        problems = _problems(asked, raw, wrong.message)
        return make_response(_question_page(walk, asked, raw, problems), 422)
    except Refused as refused:
        return _refused(walk, refused)
    if draft.transaction == TAKE and (share := tell_share(core, done.id, me.actor.user_id)):
        once.keep(SHARE, share)
    response = redirect(url_for("deed.result", id_=draft.id), 303)
    if not sessions.is_open(connection(), me.session.token):
        return open_session(
            core, me.actor, response, me.place
        )  # the deed was a new PIN: the old ends all
    return response


def _refuse(walk: Walk, given: Mapping[str, str], refused: Refused) -> Response:
    """Put a refusal on record that is clear before all questions are asked."""
    close()
    try:
        refuse(walk.core, walk.transaction, given, refused, **walk.request())
    except Refused as told:
        return _refused(walk, told)
    return redirect(url_for("deed.result", id_=walk.draft.id), 303)


def _refused(walk: Walk, refused: Refused) -> Response:
    """To the page that tells of the refusal; RequestReused leaves no record to tell of."""
    draft = drafts.find(the_core(), connection(), walk.draft.id, current().actor.user_id)
    if draft.receipt_id is None:
        raise refused
    if refused.on_record is not refused.message:  # told once, and more than is kept
        row, _ = find_result(connection(), draft.receipt_id)
        page = render_template("refused.html", draft=draft, refused=refused, row=row)
        return make_response(page, status_of(refused))
    return redirect(url_for("deed.result", id_=draft.id), 303)
