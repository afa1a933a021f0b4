"""Which arms have kits at the site for the dispensing that a randomization opens at once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.context import Context
from core.study.schema import StudyConfig, Visit
from core.subjects.schedule import plan
from core.supply.days import days_to_last
from core.supply.kits import Stocked, look_at_shelf


@dataclass
class _Needed:
    """The kits that one outcome still lacks, and how long they have to last."""

    kits: Counter[str]
    good_until: dt.date

    def take(self, item: Stocked) -> None:
        if item.expiry >= self.good_until and self.kits[item.kit_type] > 0:
            self.kits[item.kit_type] -= 1

    @property
    def is_met(self) -> bool:
        return not self.kits.total()


def first_dispensing(config: StudyConfig, today: dt.date, phase: str | None = None) -> Visit | None:
    """The first visit at which somebody randomized (on entering `phase`) today is given kits, if
    its window is open."""
    for coming in plan(config, today, {}, phase):
        visit = coming.visit
        if config.dispenses_at(visit.code):
            return visit if coming.opens <= today else None
    return None


def stocked_outcomes(
    context: Context,
    outcomes: Sequence[str],
    phase: str | None = None,
    dose: str | None = None,
) -> frozenset[str] | None:
    """Those of the outcomes (arms, or a crossover's sequences) whose first kits are on the shelf,
    lasting as long as at that visit they must, for somebody on that dose. None where nobody looks:
    the study file does not want it, or nothing is given at once.

    Nothing is locked: the kits are chosen when they are given.
    """
    config, today = context.config, context.facts.today
    country = context.facts.here.country
    visit = first_dispensing(config, today, phase) if config.dispensing.stock != "off" else None
    if visit is None:
        return None
    needed = {
        outcome: _Needed(
            Counter(config.kits_for(visit.code, outcome, dose)),
            today + dt.timedelta(days_to_last(config, country, visit.code, outcome, dose)),
        )
        for outcome in outcomes
    }
    for item in look_at_shelf(context):
        if all(one.is_met for one in needed.values()):
            break
        for one in needed.values():
            one.take(item)
    return frozenset(outcome for outcome, one in needed.items() if one.is_met)
