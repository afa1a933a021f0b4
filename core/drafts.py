"""Deeds being filled in on pages. A draft's id is its request id: sent twice, it is one deed.

A draft belongs to the person, whose later session may finish it; to anyone else it does not exist.
Its answers are sealed: a file may hold arms, and a draft may be left lying.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, insert, select, update

from core.db.faces import web_draft, web_session
from core.db.models import receipt
from core.errors import NotFound
from core.sealed import Keys, Sealed
from core.transaction import Channel

if TYPE_CHECKING:
    from core.runtime import Core

_ID_BYTES: Final = 16


@dataclass(frozen=True)
class Draft:
    """What has been answered so far, in asking order; `receipt_id` once the deed is done or
    refused."""

    id: str
    study: str
    site: str | None
    transaction: str
    given: Mapping[str, str]
    receipt_id: int | None


def begin(
    core: Core,
    session: str,
    study: str,
    site: str | None,
    transaction: str,
    given: Mapping[str, str],
) -> str:
    """A new draft in this session (the digest it is kept under). Returns its id."""
    made = core.entropy.bytes(_ID_BYTES).hex()
    values = {
        "id": made,
        "session": session,
        "study": study,
        "site": site,
        "transaction": transaction,
        "given": _sealed(core.keys, made, given),
        "created_at": core.now(),
    }
    with core.writing() as db:
        db.execute(insert(web_draft), values)
    return made


def find(core: Core, db: Connection, id_: str, user_id: str) -> Draft:
    """A person's own draft. Raises NotFound for any other."""
    row = db.execute(
        select(web_draft)
        .join(web_session, web_session.c.token == web_draft.c.session)
        .where(web_draft.c.id == id_, web_session.c.user_id == user_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    given = _opened(core.keys, id_, row.given)
    return Draft(row.id, row.study, row.site, row.transaction, given, row.receipt_id)


def store(core: Core, id_: str, given: Mapping[str, str]) -> None:
    """Keep the answers so far, unless the deed is done already."""
    open_ = (web_draft.c.id == id_) & web_draft.c.receipt_id.is_(None)
    with core.writing() as db:
        db.execute(update(web_draft).where(open_).values(given=_sealed(core.keys, id_, given)))


def settle(db: Connection, draft: Draft, user_id: str) -> None:
    """Note what the draft has led to, in the database transaction of the deed or the refusal.

    The answers go: they are in the record now, or were not to be kept (a file, a hash of a PIN).
    """
    found = select(receipt.c.id).where(
        receipt.c.study == draft.study,
        receipt.c.actor == user_id,
        receipt.c.channel == Channel.WEB.value,
        receipt.c.transaction == draft.transaction,
        receipt.c.request_id == draft.id,
    )
    db.execute(
        update(web_draft)
        .where(web_draft.c.id == draft.id)
        .values(receipt_id=found.scalar_subquery(), given="")
    )


def _sealed(keys: Keys, id_: str, given: Mapping[str, str]) -> str:
    return base64.b64encode(keys.seal(_about(id_), json.dumps(dict(given))).token).decode()


def _opened(keys: Keys, id_: str, kept: str) -> Mapping[str, str]:
    if not kept:
        return {}
    found: dict[str, str] = json.loads(keys.open(Sealed(base64.b64decode(kept), _about(id_))))
    return found


def _about(id_: str) -> str:
    return f"draft|{id_}"
