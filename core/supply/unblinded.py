"""Who may read kit types and lots, and the record of each such reading.

Types are read by those whose role is unblinded, where that role sees stock or shipments: supply,
quality and depots everywhere (a depot person at the depots of the grant), the unblinded pharmacist
at the own site. Each reading that shows them is one entry of the study's ledger, which names the
subjects that it was about; what was read is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from core.access.roles import ROLES, UNBLINDED, Actor, Grant, Permission
from core.errors import NotFound
from core.ledger.append import append_system

if TYPE_CHECKING:
    from core.runtime import Core

READING: Final = "types_read"
"""The event's name in the ledger."""
_SIGHT: Final = frozenset({Permission.SEE_STOCK, Permission.SEE_SHIPMENTS})


def type_sites(
    actor: Actor, study: str, permission: Permission | None = None
) -> frozenset[str] | None:
    """The sites at which the person may read kit types and lots: None is the whole study, depots
    included; none at all is empty. With `permission`, by the roles alone that have it."""
    held = [one.site for one in _giving(actor, study, permission) if one.depot is None]
    return None if None in held else frozenset(one for one in held if one is not None)


def type_depots(actor: Actor, study: str) -> frozenset[str] | None:
    """The depots of whose kits the person may read types and lots; None: all of them."""
    held = [one.depot for one in _giving(actor, study, None) if one.site is None]
    return None if None in held else frozenset(one for one in held if one is not None)


def _giving(actor: Actor, study: str, permission: Permission | None) -> tuple[Grant, ...]:
    asked = _SIGHT if permission is None else frozenset({permission})
    return tuple(
        grant
        for grant in actor.grants
        if grant.study in (None, study) and grant.role in UNBLINDED and ROLES[grant.role] & asked
    )


def check_types(
    actor: Actor, study: str, site: str | None = None, permission: Permission | None = None
) -> None:
    """Raises NotFound for whoever may not read types there; `site` None is the whole study."""
    seen = type_sites(actor, study, permission)
    if seen is not None and site not in seen:
        raise NotFound


def are_types_seen(actor: Actor, study: str, row: Any) -> bool:
    """Whether this person may read the types in a shipment, a row with
    where it comes from and goes to."""
    sites, depots = type_sites(actor, study), type_depots(actor, study)
    return any(
        held is None or any(one is not None and one in held for one in named)
        for held, named in ((sites, (row.site, row.from_site)), (depots, (row.depot, row.to_depot)))
    )


def record_reading(
    core: Core,
    actor: Actor,
    study: str,
    what: str,
    *,
    channel: str,
    site: str | None = None,
    of: str | None = None,
    subjects: Iterable[str] = (),
) -> int:
    """Put on record that this person has read types: `what` (lots, trace, order, accountability …)
    `of` which lot, kit or shipment, and the numbers of the subjects in it. Returns the entry's
    sequence. Written in a session of its own, before anything is shown."""
    facts = {"what": what, "of": of, "subjects": sorted(set(subjects))}
    with core.writing() as db:
        return append_system(
            db, core, study, READING, facts, actor=actor.user_id, channel=channel, site=site
        )
