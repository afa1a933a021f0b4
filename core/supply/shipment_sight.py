"""Which shipments a person sees: those that come to or leave a site or a depot of the grants."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_

from core.access.roles import Actor, Permission
from core.db.models import shipment
from core.errors import NotFound
from core.facts import is_keyed
from core.sight import Sight

_TO_SITE, _FROM_SITE = shipment.c.site, shipment.c.from_site
_TO_DEPOT, _FROM_DEPOT = shipment.c.to_depot, shipment.c.depot
_SEE = Permission.SEE_SHIPMENTS


def shipments_seen(
    sight: Sight, site: str | None = None, depot: str | None = None
) -> tuple[ColumnElement[bool], ...]:
    """The conditions on a shipment that this person sees, to or from `site` and `depot` if given.
    Raises NotFound where the person sees none, or nothing of that site or depot."""
    sites = sight.actor.sites_where(_SEE, sight.study)
    depots = sight.actor.depots_where(_SEE, sight.study)
    if sites == frozenset() and depots == frozenset():
        raise NotFound
    found = []
    for wanted, held, columns in (
        (site, sites, (_TO_SITE, _FROM_SITE)),
        (depot, depots, (_TO_DEPOT, _FROM_DEPOT)),
    ):
        if wanted is not None:
            if not is_keyed(wanted) or (held is not None and wanted not in held):
                raise NotFound
            found.append(or_(*(column == wanted for column in columns)))
    if sites is not None and depots is not None:
        mine = [column.in_(sorted(sites)) for column in (_TO_SITE, _FROM_SITE) if sites]
        mine += [column.in_(sorted(depots)) for column in (_TO_DEPOT, _FROM_DEPOT) if depots]
        found.append(or_(*mine))
    return tuple(found)


def is_shipment_seen(actor: Actor, study: str, row: Any) -> bool:
    """Whether this person sees the shipment, a row with where it comes from and goes to."""
    places = (
        (actor.sites_where(_SEE, study), (row.site, row.from_site)),
        (actor.depots_where(_SEE, study), (row.to_depot, row.depot)),
    )
    return any(
        held is None or any(one is not None and one in held for one in named)
        for held, named in places
    )
