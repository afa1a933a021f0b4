"""The one place where a person gets a treatment: on record first, counted, and only then opened.

Nothing else in IxRS opens an arm for somebody to read, open-label treatments apart
(`core.treatment`). The treatment stands in no receipt, message, turn or log: whoever is to have it
once more reads it once more, and that is an entry too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, select, update

from core.access.roles import Actor, load_actor
from core.db.blind import opening
from core.db.models import ledger
from core.errors import NotFound
from core.facts import Record
from core.ledger.append import Entry, append
from core.messages import Digits, Labels, Message, Param
from core.outbox import enqueue
from core.randomization.drawn import arm_of
from core.sealed import Sealed
from core.study.versions import latest_config
from core.subjects.phases import arm_now
from core.transaction import Notice
from core.unblinding.failures import WATCHERS, failed
from core.unblinding.openings import Opening, covering, find_kit, find_subject

if TYPE_CHECKING:
    from core.runtime import Core

READING: Final = "treatment_read"
"""The event's name in the ledger."""


@dataclass(frozen=True)
class Treatment:
    """What somebody was told. `labels` is the arm the subject is on (of a crossover the sequence in
    order), or what the kit is; `earlier` the arm randomized to, where a phase has another one.
    Neither shows when this is logged. `told`: the how-manieth reading by this opening it is."""

    subject: str | None
    kit: str | None
    labels: Labels = field(repr=False)
    earlier: Labels | None = field(repr=False)
    basis: str
    sequence: int
    told: int


@dataclass(frozen=True)
class _About:
    """Whose treatment is asked for, and where that is."""

    row: Record | None
    site: str | None
    subject: str | None
    kit: str | None


def may_read(
    core: Core,
    db: Connection,
    actor: Actor,
    study: str,
    *,
    subject: str | None = None,
    kit: str | None = None,
) -> bool:
    """Whether `read_treatment` would tell it to this person now; leaves no trace."""
    about = _about(db, study, subject, kit)
    return _found(core, db, actor, study, about) is not None


def read_treatment(
    core: Core,
    actor: Actor,
    study: str,
    *,
    subject: str | None = None,
    kit: str | None = None,
    channel: str,
) -> Treatment:
    """The treatment of one subject (or what one kit is), if it is open to this person.

    The entry `treatment_read` is committed before the seal is opened. From the second time on by
    the same opening those who watch are told. Raises NotFound where it is not open, which goes on
    record too if the person sees the study.
    """
    if not actor.sees_study(study) or (subject is None) == (kit is None):
        raise NotFound
    with core.writing() as db:
        entered = enter_reading(core, db, actor, study, subject=subject, kit=kit, channel=channel)
    if entered is None:
        raise NotFound
    found, told = entered
    with core.reading() as db:
        labels, earlier = unseal(core, db, study, subject=subject, kit=kit)
    return Treatment(subject, kit, labels, earlier, found.basis, found.sequence, told)


def enter_reading(
    core: Core,
    db: Connection,
    actor: Actor,
    study: str,
    *,
    subject: str | None = None,
    kit: str | None = None,
    channel: str,
) -> tuple[Opening, int] | None:
    """Put a reading on record in the caller's own write session: the opening that it is by, and the
    how-manieth it is. None where nothing is open to this person, which is on record then."""
    current = load_actor(db, actor.user_id, core.now())
    about = _about(db, study, subject, kit)
    found = _found(core, db, current, study, about)
    if found is None:
        _refuse(core, db, current, study, about, channel)
        return None
    return found, _count(core, db, current, study, about, found, channel)


def unseal(
    core: Core,
    db: Connection,
    study: str,
    *,
    subject: str | None = None,
    kit: str | None = None,
) -> tuple[Labels, Labels | None]:
    """The treatment, and the earlier one if a phase has another. For `core.unblinding` alone, after
    the commit of `enter_reading`. Raises NotFound."""
    return _opened(core, db, study, _about(db, study, subject, kit))


def _about(db: Connection, study: str, subject: str | None, kit: str | None) -> _About:
    row = None
    if subject is not None:
        row = find_subject(db, study, subject)
        row = row if row is not None and row.arm is not None else None
    elif kit is not None:
        row = find_kit(db, study, kit)
    return _About(row, row.site if row is not None else None, subject, kit)


def _found(core: Core, db: Connection, actor: Actor, study: str, about: _About) -> Opening | None:
    if about.row is None or not actor.sees_study(study):
        return None
    now = core.now()
    return covering(db, actor, study, now, subject=about.subject, kit=about.kit, site=about.site)


def _refuse(
    core: Core, db: Connection, actor: Actor, study: str, about: _About, channel: str
) -> None:
    failed(
        core,
        db,
        study,
        "not_open",
        actor=actor.user_id,
        channel=channel,
        subject=about.subject,
        deed=READING,
    )


def _count(
    core: Core,
    db: Connection,
    actor: Actor,
    study: str,
    about: _About,
    found: Opening,
    channel: str,
) -> int:
    """The entry, and how often it makes it; the row is locked by counting, so that two readings
    at once are the first and the second."""
    counted = update(opening).where(opening.c.id == found.id).values(told=opening.c.told + 1)
    told: int = db.execute(counted.returning(opening.c.told)).scalar_one()
    of = select(ledger.c.confirmation).where(
        ledger.c.study == study, ledger.c.sequence == found.sequence
    )
    facts = {"basis": found.basis, "opened_by": db.scalar(of), "times": told}
    entry = Entry(
        READING,
        "done",
        channel,
        core.now(),
        actor=actor.user_id,
        site=about.site,
        subject=about.subject,
        facts={**facts, "kit": about.kit} if about.kit is not None else facts,
        simulated=core.simulated,
    )
    append(db, core.keys, study, entry, b"")
    if told > 1:
        enqueue(db, core, _again(study, about, actor, told), study, about.site)
    return told


def _again(study: str, about: _About, actor: Actor, told: int) -> Notice:
    of = "treatment_read_again" if about.kit is None else "kit_read_again"
    params: dict[str, Param] = {
        "study": study,
        "number": Digits(about.subject or about.kit or ""),
        "user_id": Digits(actor.user_id),
        "times": told,
    }
    return Notice(Message(f"sms.{of}", params), roles=WATCHERS)


def _opened(core: Core, db: Connection, study: str, about: _About) -> tuple[Labels, Labels | None]:
    row = about.row
    if row is None:
        raise NotFound
    if about.kit is not None:
        sealed = Sealed(row.kit_type, f"{study}|kit|{about.kit}")
        config = latest_config(db, core, study)
        what = config.kit_type(core.keys.open(sealed)).description
        return Labels(tuple((one, what) for one in config.languages)), None
    config = core.config(db, study, row.version)
    first = core.keys.open(arm_of(study, row))
    now = arm_now(core.keys, study, row) or first
    return config.labels_of(now), config.labels_of(first) if now != first else None
