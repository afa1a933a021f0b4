"""What the application's own PostgreSQL role may do: no more than it does.

The owner of the tables migrates them; the server runs as a role that can add to the ledger and read
it, and nothing else. What is written once elsewhere cannot be changed either, and of what is
changed later only those columns can.
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql

from core.db import blind, drawing, faces, factors, proof, records, stock
from core.db.base import Base
from core.db.models import (
    call_turn,
    ledger,
    ledger_kit,
    site_version,
    study_version,
    telephone,
    visit,
)

WRITTEN_ONCE: Final = frozenset(
    {
        *(ledger, ledger_kit, site_version, telephone, drawing.draw, drawing.list_row),
        *(drawing.assignment, stock.shipment_kit, stock.lot_release, faces.sms_event),
        *(blind.assessment, records.review),
    }
)
"""Tables whose rows are never changed."""
CHANGED: Final[dict[Table, tuple[str, ...]]] = {
    study_version: ("activated_at", "activated_by"),
    drawing.list_version: ("activated_at", "activated_by"),
    drawing.seed_share: ("told_at",),
    drawing.hold: ("lifted_at", "lifted_by"),
    blind.opening: ("told",),
    blind.reveal: ("fetched_at",),
    blind.emergency_call: ("outcome", "closed_at"),
    records.page_view: ("sealed",),
    faces.api_token: ("used_at", "revoked_at"),
    proof.anchor: ("filed_at", "mailed_at", "stamp", "lease_until", "attempts"),
}
"""Tables of whose rows only these columns are changed."""
REMOVED: Final = frozenset(
    {
        *(Base.metadata.tables["throttle"], telephone, call_turn, visit, stock.shipment_kit),
        *(faces.web_session, faces.web_draft, factors.totp, factors.passkey),
        factors.half_signed_in,
    }
)
"""Tables whose rows may be removed; what was in the others stays."""
_NAME: Final = re.compile(r"[a-z_][a-z0-9_$]{0,62}")
_VERSION: Final = "alembic_version"


def statements(role: str) -> tuple[str, ...]:
    """What gives a role what the application needs, and takes away what it had besides.

    Raises ValueError for what is no name of a role: lower case, digits, underscores.
    """
    if not _NAME.fullmatch(role):
        raise ValueError(f"{role!r} is not the name of a role")
    quote = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]
    to = quote(role)
    found = [
        f"GRANT USAGE ON SCHEMA public TO {to}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {to}",
        f"GRANT SELECT ON {_VERSION} TO {to}",
    ]
    for table in sorted(Base.metadata.tables.values(), key=lambda one: one.name):
        rights = ["SELECT", "INSERT"]
        if table in CHANGED:
            columns = ", ".join(quote(name) for name in CHANGED[table])
            rights.append(f"UPDATE ({columns})")
        elif table not in WRITTEN_ONCE:
            rights.append("UPDATE")
        if table in REMOVED:
            rights.append("DELETE")
        found.append(f"GRANT {', '.join(rights)} ON {quote(table.name)} TO {to}")
    found.append(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {to}")
    return tuple(found)


def apply(db: Connection, role: str) -> None:
    """Do it, as the owner of the tables. Raises ValueError, DBAPIError."""
    for statement in statements(role):
        db.exec_driver_sql(statement)
