"""The one place where a person gets a treatment: on record first, counted, and only then opened.

Nothing else in IxRS opens an arm for somebody to read, open-label treatments apart
(`core.treatment`). The treatment stands in no receipt, message, turn or log: whoever is to have it
once more reads it once more, and that is an entry too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

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
from core.unblinding.openings import (
    Opening,
    covering,
    covering_all,
    find_kit,
    find_subject,
    subjects_of,
)

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


def read_all(core: Core, actor: Actor, study: str, *, channel: str) -> tuple[Treatment, ...]:
    """The treatments of all subjects that a planned unblinding has opened to this person, by site
    and number: one entry that names them, committed first. Raises NotFound as `read_treatment`
    does."""
    if not actor.sees_study(study):
        raise NotFound
    with core.writing() as db:
        current = load_actor(db, actor.user_id, core.now())
        found = covering_all(db, current, study, core.now())
        if found is None:
            _refuse(core, db, current, study, _About(None, None, None, None), channel)
        else:
            rows = subjects_of(db, current, study, found)
            told = _count_all(core, db, current, study, rows, found, channel)
    if found is None:
        raise NotFound
    made = []
    with core.reading() as db:
        for row in rows:
            labels, earlier = _opened(core, db, study, _About(row, row.site, row.number, None))
            made.append(
                Treatment(row.number, None, labels, earlier, found.basis, found.sequence, told)
            )
    return tuple(made)


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
    return covering(
        db,
        actor,
        study,
        core.now(),
        subject=about.subject,
        kit=about.kit,
        site=about.site,
        since=about.row.randomized_at if about.kit is None else None,
    )


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
    told, facts = _counted(db, study, found)
    if about.kit is not None:
        facts["kit"] = about.kit
    _enter(core, db, actor, study, about, facts, channel)
    # One opening of all subjects is read as often as there are subjects.
    if told > 1 and (found.subject is not None or found.kit is not None):
        enqueue(db, core, _again(study, about, actor, told), study, about.site)
    return told


def _count_all(
    core: Core,
    db: Connection,
    actor: Actor,
    study: str,
    rows: Sequence[Record],
    found: Opening,
    channel: str,
) -> int:
    told, facts = _counted(db, study, found)
    facts["subjects"] = [row.number for row in rows]
    _enter(core, db, actor, study, _About(None, None, None, None), facts, channel)
    return told


def _counted(db: Connection, study: str, found: Opening) -> tuple[int, dict[str, Any]]:
    """How often it makes it, and the facts of the entry; the row is locked by counting, so that
    two readings at once are the first and the second."""
    counted = update(opening).where(opening.c.id == found.id).values(told=opening.c.told + 1)
    told: int = db.execute(counted.returning(opening.c.told)).scalar_one()
    of = select(ledger.c.confirmation).where(
        ledger.c.study == study, ledger.c.sequence == found.sequence
    )
    return told, {"basis": found.basis, "opened_by": db.scalar(of), "times": told}


def _enter(
    core: Core,
    db: Connection,
    actor: Actor,
    study: str,
    about: _About,
    facts: dict[str, Any],
    channel: str,
) -> None:
    entry = Entry(
        READING,
        "done",
        channel,
        core.now(),
        actor=actor.user_id,
        site=about.site,
        subject=about.subject,
        facts=facts,
        simulated=core.simulated,
    )
    append(db, core.keys, study, entry, b"")


def _again(study: str, about: _About, actor: Actor, told: int) -> Notice:
    params: dict[str, Param] = {"study": study, "user_id": Digits(actor.user_id), "times": told}
    if about.subject is None:
        return Notice(Message("sms.kit_read_again", params), roles=WATCHERS, by_mail=True)
    params["subject"] = Digits(about.subject)
    return Notice(Message("sms.treatment_read_again", params), roles=WATCHERS, by_mail=True)


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
