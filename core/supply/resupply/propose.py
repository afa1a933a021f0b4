"""What each site would be sent now: the rule applied to the record, nothing written.

Proposals name kit types, so they are never for a blinded reader.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from core.study.schema import StudyConfig
from core.study.versions import latest_config
from core.supply.resupply.positions import Position, load_positions
from core.supply.resupply.rule import Decision, decide

if TYPE_CHECKING:
    from core.runtime import Core


@dataclass(frozen=True, slots=True)
class Proposal:
    """A site, and what was decided for it."""

    position: Position
    decision: Decision

    @property
    def site(self) -> str:
        """The number of the site."""
        return str(self.position.site.number)


def proposals(
    core: Core, db: Connection, study: str, number: str | None = None
) -> tuple[Proposal, ...]:
    """What was decided for each active site (or that one), whether anything goes or not, in the
    order of their numbers. Raises NotFound for an unknown study."""
    config = latest_config(db, core, study)
    return tuple(propose(config, one) for one in load_positions(core, db, study, number))


def propose(config: StudyConfig, position: Position) -> Proposal:
    """The decision for one site. The first stock is the target itself, whatever the trigger."""
    rule = position.rule
    if position.is_first:
        rule = dataclasses.replace(rule, comparison="at_or_below")
    return Proposal(position, decide(position.types, rule, blinded=config.is_blinded))
