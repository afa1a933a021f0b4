"""/receipt/<confirmation>: the proof of a deed, to be printed for the source file."""

from __future__ import annotations

import json
from typing import Any, Final

from flask import Blueprint, render_template
from sqlalchemy import Connection, select

from core.access.roles import Actor, Permission
from core.db.models import ledger, person, receipt
from core.db.models import site as site_table
from core.errors import NotFound
from core.ledger.signed import of_entry
from core.randomization.lists.escrow import TAKE
from core.receipts import receipt_of
from core.register import find
from core.study.versions import latest_config
from core.transaction import Receipt
from core.treatment import treatment_of
from core.unblinding.reading import may_read
from web import once
from web.db import connection, the_core
from web.reading.signed import signed_words
from web.session import current, signed_in
from web.viewed import about

pages = Blueprint("receipt", __name__)
OPENING: Final = frozenset(
    {"code_break", "code_view", "break_for_caller", "unblind_kit", "view_kit"}
)
"""Deeds that open one treatment to the person who does them."""
SHARE: Final = "seed-share"
"""What a half of a seed is kept as on its way to the receipt."""


@pages.get("/receipt/<confirmation>")
@signed_in(place=False)
def show(confirmation: str) -> str:
    db, actor = connection(), current().actor
    row = _find(db, actor, confirmation)
    done = receipt_of(row)
    if not isinstance(done, Receipt):
        raise NotFound
    about(subject=done.subject, study=done.study)
    entry = json.loads(_entry(db, done))
    config = latest_config(db, the_core(), done.study)
    return render_template(
        "receipt.html",
        done=done,
        row=row,
        study=config.study,
        kits=_kits(done),
        signatures=signed_words(of_entry(db, done.study, done.sequence), done.zone),
        channel=entry["channel"],
        treatment=treatment_of(the_core(), db, done.id, actor.user_id),
        opened=_opened(db, done, row.actor),
        share=once.shown(SHARE) if done.transaction == TAKE else None,
        training=config.study.training,
    )


def _find(db: Connection, actor: Actor, confirmation: str) -> Any:
    """The receipt with that number, if this person may see it. Raises NotFound.

    What people do for themselves is theirs; the rest is seen by who sees the site, or the whole
    study where it was done for the study.
    """
    row = db.execute(
        select(receipt, person.c.name, site_table.c.name.label("site_name"))
        .join(person, person.c.user_id == receipt.c.actor)
        .outerjoin(
            site_table,
            (site_table.c.study == receipt.c.study) & (site_table.c.number == receipt.c.site),
        )
        .where(receipt.c.confirmation == confirmation)
    ).one_or_none()
    if row is None or not actor.sees_study(row.study):
        raise NotFound
    personal = find(row.transaction).permission is Permission.PERSONAL
    if row.actor != actor.user_id and (personal or not actor.sees_site(row.study, row.site or "")):
        raise NotFound
    return row


def _opened(db: Connection, done: Receipt, actor: str) -> tuple[str | None, str | None] | None:
    """The subject or the kit whose treatment this deed of the reader's has opened, where the
    reader may still have it told."""
    me = current()
    mine = actor == me.actor.user_id and done.transaction in OPENING and not done.pending
    if not mine or me.place is None or me.study.code != done.study:
        return None
    subject, kit = done.subject, None if done.subject else done.facts.get("kit")
    is_open = may_read(the_core(), db, me.actor, done.study, subject=subject, kit=kit)
    return (subject, kit) if is_open else None


def _entry(db: Connection, done: Receipt) -> str:
    query = select(ledger.c.body).where(
        ledger.c.study == done.study, ledger.c.sequence == done.sequence
    )
    return str(db.execute(query).scalar_one())


def _kits(done: Receipt) -> tuple[str, ...]:
    """The numbers of the kits that the deed was about."""
    kits = done.facts.get("kits", ())
    return tuple(str(one) for one in kits) if isinstance(kits, list | tuple) else ()
