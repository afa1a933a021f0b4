"""What the entries of a chain lead to, held against the tables beside it.

Anyone who can write to the database can change a row without touching the chain. So the entries
are followed from the first to the last, and what they come to is compared with what stands in the
rows. To add a fact: let the deed that changes it set it in the book of its record (`HANDLERS` of
the module), and select its column in the module's query. A deed that changes nothing that is
followed here is named in `NO_ROWS`; a test holds the two against the register.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import Connection

from core.ledger.fold import (
    accounts,
    deeds,
    kits,
    openings,
    people,
    shipments,
    sites,
    streams,
    subjects,
)
from core.ledger.fold.accounts import AccountFold
from core.ledger.fold.book import Leftover
from core.ledger.fold.deeds import DeedFold
from core.ledger.fold.kits import KitFold
from core.ledger.fold.openings import OpeningFold
from core.ledger.fold.people import PeopleFold
from core.ledger.fold.shipments import ShipmentFold
from core.ledger.fold.sites import SiteFold
from core.ledger.fold.streams import StreamFold
from core.ledger.fold.subjects import SubjectFold

if TYPE_CHECKING:
    from core.runtime import Core

Entry = Mapping[str, Any]
Secrets = Mapping[str, str]


NO_ROWS: Final = frozenset(
    {
        *("approve", "repeat", "respond", "correct_response", "correct_levels", "enter_phase"),
        *("place_hold", "lift_hold", "decide_cohort", "change_dose", "hold_dose", "resume_dose"),
        *("import_list", "activate_list", "take_seed_share", "relabel_kits", "relabel_stock"),
        *("change_pin", "change_password", "send_code"),
    }
)
"""Deeds that change no record followed here: responses, levels, holds, cohorts, doses, phases and
lists are followed by `core.ledger.draws`, secrets are hashes that nobody makes without the key."""


def followed() -> frozenset[str]:
    """The deeds and events whose traces are followed here."""
    modules = (accounts, deeds, kits, openings, people, shipments, sites, streams, subjects)
    return frozenset().union(*(module.FOLLOWED for module in modules))


class Part(Protocol):
    """What follows one kind of record."""

    def take(self, entry: Entry, secret: Secrets) -> None:
        """Take in an entry, in the chain's order."""

    def leftovers(self) -> Iterator[Leftover]:
        """What is not as the entries lead to, once all were taken in."""


class Fold:
    """Follows the entries of one chain."""

    def __init__(self, core: Core, db: Connection, study: str) -> None:
        shipments = ShipmentFold(db, study)
        self._parts: Final[Mapping[str, Part]] = {
            "subjects and visits": SubjectFold(db, study),
            "shipments": shipments,
            "kits and lots": KitFold(db, study, shipments),
            "sites": SiteFold(db, study),
            "roles": PeopleFold(db, study),
            "people": AccountFold(db, study),
            "what was opened": OpeningFold(db, study),
            "receipts and proposals": DeedFold(core.keys, db, study),
            "calls and readings": StreamFold(core, db, study),
        }
        self._lost: list[Leftover] = []

    def take(self, entry: Entry, secret: Secrets) -> None:
        """Take in an entry that was found to be as it was written."""
        for what, part in self._parts.items():
            try:
                part.take(entry, secret)
            except Exception as error:  # an entry that tells other facts than its deed does
                why = f"what it did to {what} cannot be followed ({type(error).__name__})"
                self._lost.append(Leftover(why, entry["sequence"]))

    def leftovers(self) -> Iterator[Leftover]:
        """Everything that is not as the entries lead to, by the entries that it concerns; what
        concerns none comes last."""
        found = list(self._lost)
        for what, part in self._parts.items():
            try:
                found += part.leftovers()
            except Exception as error:  # damage shows in any way whatever
                found.append(Leftover(f"{what} cannot be read ({type(error).__name__})"))
        yield from sorted(found, key=lambda one: (one.sequence is None, one.sequence or 0))
