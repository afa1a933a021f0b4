"""Messages to people: rows written with the deed, sent afterwards.

A row names a message id and its parameters, never a treatment; the words are made when it is
sent, in the reader's language. Who is meant by a role is found out at the same moment.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert

from core.db.models import outbox
from core.messages import to_json
from core.sealed import Sealed
from core.transaction import Notice

if TYPE_CHECKING:
    from core.runtime import Core

_insert = insert(outbox)


def enqueue(
    db: Connection,
    core: Core,
    notice: Notice,
    study: str | None,
    site: str | None,
    secret: Sealed | None = None,
) -> None:
    """Queue a notice: a row for each person named, and one for the roles.

    `secret` is sealed text that stands for `{code}` in the message; it is bound to
    "outbox|<user id>" and dropped when the message is done with.
    """
    now = core.now()
    common = {
        "study": study,
        "site": site,
        "message": json.dumps(to_json(notice.message)),
        "status": "queued",
        "rank": 0,
        "attempts": 0,
        "due_at": now,
        "created_at": now,
        "secret": secret.token if secret else None,
    }
    rows = [{**common, "user_id": user_id, "roles": None} for user_id in notice.people]
    if notice.roles:
        rows.append({**common, "user_id": None, "roles": " ".join(notice.roles)})
    if rows:
        db.execute(_insert, rows)
