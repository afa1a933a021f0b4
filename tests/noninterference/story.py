"""All that happens in both worlds, and what a blinded person can read afterwards."""

from __future__ import annotations

from collections import Counter

from tests.noninterference.hands import Hands
from tests.noninterference.readings import commands, read_all
from tests.noninterference.story_breaks import breaks
from tests.noninterference.story_office import office, wrong
from tests.noninterference.story_records import records
from tests.noninterference.story_routine import four_weeks_on, routine
from tests.noninterference.story_supply import (
    doses,
    elsewhere,
    lots,
    mishaps,
    refusals,
    returned,
    shipments,
    subjects,
)
from tests.support.swap import BLINDED


def everything(hands: Hands, *, exchanged: bool) -> list[str]:
    """Every deed, then every message, then every reading; returns the numbers of the subjects."""
    many = routine(hands)
    shipments(hands)
    few = subjects(hands)
    mishaps(hands, few)
    doses(hands, few)
    hands.post()
    four_weeks_on(hands, many)
    returned(hands, few)
    elsewhere(hands)
    breaks(hands, many[-14:])
    office(hands, many, exchanged=exchanged)
    wrong(hands, many)
    records(hands, many[8:], exchanged=exchanged)
    lots(hands)
    refusals(hands, few)
    hands.post()
    read_all(hands, [*few, *many[:2]], BLINDED)
    commands(hands, few)
    return [*few, *many]


def by_channel(hands: Hands) -> dict[str, int]:
    """How many transactions were done or refused on each channel."""
    found: Counter[str] = Counter()
    for (channel, _), count in hands.done.items():
        found[channel] += count
    found.update(channel for channel, _, _ in hands.refused)
    return dict(sorted(found.items()))
