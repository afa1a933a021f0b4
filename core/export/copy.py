"""A copy of a study's record: all that one person may see of it, and nothing more.

It is put together from the same lists as the pages and the API, so that what is hidden there is
hidden here. The reading is on record before anything of it leaves.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, select

from core.access.roles import Actor, Permission
from core.db.models import chain
from core.export.tables import Copyist, Table
from core.ledger.append import append_system
from core.study.schema import StudyConfig
from core.study.versions import latest_config, latest_version
from core.supply.accountability import Account, accountability
from core.supply.unblinded import record_reading

if TYPE_CHECKING:
    from core.runtime import Core

COPIED: Final = "copied"
"""The event's name in the ledger."""
_WHAT: Final = "copy"


@dataclass(frozen=True)
class StudyCopy:
    """What one person may see of a study at a moment. `upto` is the last entry of the study's
    ledger then; `account` is the account of drug, None for those who see no stock."""

    study: str
    config: StudyConfig
    version: int
    reader: Actor
    at: dt.datetime
    upto: int
    upto_hash: str
    tables: tuple[Table, ...]
    account: Account | None

    @property
    def training(self) -> bool:
        """Whether nothing in it is real."""
        return self.config.study.training

    def table(self, name: str) -> Table:
        """One of its tables. Raises KeyError."""
        for one in self.tables:
            if one.name == name:
                return one
        raise KeyError(name)


def read_copy(core: Core, actor: Actor, study: str, *, form: str, channel: str) -> StudyCopy:
    """The copy, on record as read in the given form (json, csv …). Raises NotFound for a study
    that does not exist for this person."""
    with core.reading() as db:
        made = _copy(core, db, actor, study)
    if made.account is not None and made.account.is_unblinding:
        record_reading(
            core, actor, study, _WHAT, channel=channel, of=form, subjects=made.account.read
        )
    record_copy(core, actor, study, form=form, upto=made.upto, channel=channel)
    return made


def record_copy(
    core: Core, actor: Actor, study: str, *, form: str, upto: int, channel: str
) -> None:
    """Put on record that this person takes a copy away, before it leaves."""
    facts = {"form": form, "upto": upto}
    with core.writing() as db:
        append_system(db, core, study, COPIED, facts, actor=actor.user_id, channel=channel)


def _copy(core: Core, db: Connection, actor: Actor, study: str) -> StudyCopy:
    copyist = Copyist(core, db, actor, study)
    account = None
    if copyist.may(Permission.SEE_STOCK):
        account = accountability(core, db, actor, study)
    query = select(chain.c.sequence, chain.c.hash).where(chain.c.study == study)
    upto, mark = db.execute(query).one()
    return StudyCopy(
        study=study,
        config=latest_config(db, core, study),
        version=latest_version(db, study),
        reader=actor,
        at=core.now(),
        upto=upto,
        upto_hash=mark,
        tables=copyist.tables(),
        account=account,
    )
