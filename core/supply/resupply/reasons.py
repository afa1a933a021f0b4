"""Why a shipment was sent: in words for everybody who sees it, by kit type for those who may."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from core.access.roles import Actor
from core.db.models import shipment
from core.errors import NotFound
from core.facts import is_keyed
from core.messages import Message, message_from_json
from core.supply.ordering import reasons_of
from core.supply.resupply.rule import decision_of
from core.supply.resupply.why import for_supply
from core.supply.shipment_sight import is_shipment_seen
from core.supply.unblinded import type_sites

if TYPE_CHECKING:
    from core.runtime import Core


@dataclass(frozen=True, slots=True)
class TypeWhy:
    """One kit type: how many were decided on and sent, and why in words that don't name it."""

    kit_type: str
    decided: int
    sent: int
    message: Message


@dataclass(frozen=True)
class Why:
    """Why a shipment was sent. `types` is empty for a blinded reader, and where no rule
    ordered it. Whoever shows types puts the reading on record first."""

    shipment: str
    kind: str
    site: str | None
    message: Message | None
    types: tuple[TypeWhy, ...]


def why_of(core: Core, db: Connection, actor: Actor, study: str, number: str) -> Why:
    """Why this shipment was sent, as far as the person may know. Raises NotFound for one that the
    person does not see."""
    query = select(shipment).where(shipment.c.study == study, shipment.c.number == number)
    row = db.execute(query).one_or_none() if is_keyed(number) else None
    if row is None or not actor.sees_study(study) or not is_shipment_seen(actor, study, row):
        raise NotFound
    message = message_from_json(json.loads(row.why)) if row.why else None
    seen = type_sites(actor, study)
    known = seen is None or row.site in seen
    types = _types(reasons_of(core.keys, row)) if known else ()
    return Why(number, row.kind, row.site, message, types)


def _types(reasons: str | None) -> tuple[TypeWhy, ...]:
    kept = json.loads(reasons) if reasons else {}
    if "decision" not in kept:
        return ()
    decision = decision_of(kept["decision"])
    return tuple(
        TypeWhy(code, decision.kits.get(code, 0), kept["sent"].get(code, 0), message)
        for code, message in for_supply(decision)
    )
