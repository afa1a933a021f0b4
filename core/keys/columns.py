"""Every column that holds sealed values, and what each value is bound to.

A test holds this against the tables: a binary column is here, or is known to be no secret.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, FromClause, Table, select

from core.access.contacts import email_about, mobile_about
from core.access.factors import app_about
from core.db.blind import emergency_call
from core.db.drawing import allocator, assignment, draw, hold, list_row, list_version
from core.db.factors import passkey, totp
from core.db.models import kit, ledger, lot, outbox, person, shipment, site, study, subject
from core.ledger.append import about as entry_about
from core.outbox import number_about
from core.randomization.drawn import arm_about, original_about, state_about
from core.randomization.lists.importing import nonce_about
from core.randomization.rows import row_about
from core.sites.bulk import phone_about
from core.study.seed import seed_about
from core.subjects.holds import hold_about
from core.subjects.phases import phase_about
from core.supply.kits import kit_about, lot_about
from core.supply.ordering import reasons_about
from core.unblinding.callers import caller_about, card_about


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values. `about` names, for a row, what its value is bound to; `other` is
    what has to be read beside the table for that."""

    column: Column[Any]
    about: Callable[[Any], str]
    other: FromClause | None = None
    extra: tuple[Column[Any], ...] = ()

    @property
    def table(self) -> Table:
        """The table that it is of."""
        found = self.column.table
        assert isinstance(found, Table)  # noqa: S101 - a column of one
        return found

    @property
    def name(self) -> str:
        """The table and the column."""
        return f"{self.table.name}.{self.column.name}"

    def rows(self) -> Any:
        """A query of whole rows, with what `about` needs."""
        return select(self.table, *self.extra).select_from(
            self.table if self.other is None else self.other
        )


def _of_subject(table: Table) -> FromClause:
    return table.join(subject, subject.c.id == table.c.subject_id)


COLUMNS: Final = (
    SealedColumn(person.c.email, lambda row: email_about(row.user_id)),
    SealedColumn(person.c.mobile, lambda row: mobile_about(row.user_id)),
    SealedColumn(totp.c.secret, lambda row: app_about(row.user_id)),
    SealedColumn(site.c.phone, lambda row: phone_about(row.study, row.number)),
    SealedColumn(study.c.seed, lambda row: seed_about(row.code)),
    SealedColumn(list_version.c.nonce, lambda row: nonce_about(row.study, row.version)),
    SealedColumn(
        list_row.c.arm,
        lambda row: row_about(row.study, row.domain, row.sequence, row.list_version),
    ),
    SealedColumn(allocator.c.state, lambda row: state_about(row).about),
    SealedColumn(draw.c.original, lambda row: original_about(row.study, row.domain, row.number)),
    SealedColumn(subject.c.arm, lambda row: arm_about(row.study, row.number)),
    SealedColumn(subject.c.phase_arm, lambda row: phase_about(row.study, row.number, row.phase)),
    SealedColumn(
        assignment.c.arm,
        lambda row: phase_about(row.of_study, row.of_number, row.phase),
        _of_subject(assignment),
        (subject.c.study.label("of_study"), subject.c.number.label("of_number")),  # type: ignore[arg-type]
    ),
    SealedColumn(hold.c.arm, lambda row: hold_about(row.study, row.number)),
    SealedColumn(lot.c.kit_type, lambda row: lot_about(row.study, row.number)),
    SealedColumn(kit.c.kit_type, lambda row: kit_about(row.study, row.number)),
    SealedColumn(shipment.c.reasons, lambda row: reasons_about(row.study, row.number)),
    SealedColumn(ledger.c.secret, lambda row: entry_about(row.study, row.sequence)),
    SealedColumn(outbox.c.secret, lambda row: f"outbox|{row.user_id}"),
    SealedColumn(outbox.c.to, lambda row: number_about(row.user_id)),
    SealedColumn(emergency_call.c.caller, lambda row: caller_about(row.study, row.number)),
    SealedColumn(emergency_call.c.card_code, lambda row: card_about(row.study, row.number)),
)
OPEN: Final = frozenset({passkey.c.public_key})
"""Binary columns that hold nothing secret."""
