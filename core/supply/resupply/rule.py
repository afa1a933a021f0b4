"""The resupply rule: what a site is sent, from its stock, its visits to come and parameters.

One pure function, which production and simulation call alike. A type's position is what the site
counts: on hand, and on the way, less what expires too soon to be counted.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, Literal

VERSION: Final = 1
"""Recorded with each order: raise it whenever the same inputs would be answered differently."""

GROUP_LEAST: Final = 2
"""Whoever is given the only kit that came shares the arm of the subject before."""


@dataclass(frozen=True, slots=True)
class TypeState:
    """One kit type at one site; all counts are kits.

    `in_transit`: ordered for the site and not there yet, drafts and shipments being packed
    included. `expiring`: of those two, the kits past the last day on which they count (DNC).
    `need_short`, `need_long`: for visits whose windows open within the short and the long window.
    `minimum`, `maximum`: the buffers, of the study file or by risk.
    """

    code: str
    group: str
    on_hand: int
    in_transit: int = 0
    expiring: int = 0
    need_short: int = 0
    need_long: int = 0
    minimum: int = 0
    maximum: int = 0

    @property
    def position(self) -> int:
        """The kits that count."""
        return self.on_hand + self.in_transit - self.expiring


@dataclass(frozen=True, slots=True)
class Rule:
    """How a site is kept in stock; see `core.study.supply.ResupplyRule`, of which this is what the
    decision needs. `ship` "needed" sends only the types that are low; never in a blinded study."""

    strategy: Literal["off", "min_max", "predictive"]
    comparison: Literal["below", "at_or_below"]
    ship: Literal["group", "needed"] = "group"
    short_days: int = 0
    long_days: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What was decided on one type: it is ordered for when its position is low beside `limit`, and
    then filled up to `target`. `kits` go; `is_low` types brought it about."""

    state: TypeState
    limit: int
    target: int
    is_low: bool
    kits: int


@dataclass(frozen=True)
class Decision:
    """What a site is sent, with everything that led to it, in the order of the types given."""

    rule: Rule
    blinded: bool
    lines: tuple[Line, ...]

    @cached_property
    def kits(self) -> Mapping[str, int]:
        """Kits by type code, without the types of which none go."""
        return {line.state.code: line.kits for line in self.lines if line.kits}

    @property
    def is_order(self) -> bool:
        """Whether anything goes."""
        return bool(self.kits)

    def record(self) -> dict[str, Any]:
        """JSON of version, rule, inputs and outcome, to be kept (sealed) with the shipment."""
        return {
            "version": VERSION,
            "blinded": self.blinded,
            "rule": asdict(self.rule),
            "types": [asdict(line) for line in self.lines],
        }


def decision_of(record: Mapping[str, Any]) -> Decision:
    """The decision that `Decision.record` wrote. Raises ValueError for another version."""
    if record.get("version") != VERSION:
        raise ValueError("recorded under another version of the rule")
    lines = (Line(**{**line, "state": TypeState(**line["state"])}) for line in record["types"])
    return Decision(Rule(**record["rule"]), record["blinded"], tuple(lines))


def decide(types: Sequence[TypeState], rule: Rule, *, blinded: bool) -> Decision:
    """What a site is sent now.

    A type is low at or below its limit (or below it, as `comparison` says) while its target is
    above its position; min_max: limit = minimum, target = maximum; predictive: each plus the need
    of its window. One low type brings all types of its group, each up to its target. `blinded`: of
    each at least one kit, and at least two of the group, whatever `ship` says.
    Raises ValueError if a code is given twice.
    """
    if len({each.code for each in types}) < len(types):
        raise ValueError("a kit type is given twice")
    predictive = rule.strategy == "predictive"
    limits = [each.minimum + (each.need_short if predictive else 0) for each in types]
    targets = [each.maximum + (each.need_long if predictive else 0) for each in types]
    positions = [each.position for each in types]
    low, kits = [False] * len(types), [0] * len(types)
    if rule.strategy != "off":
        names = {each.group: place for place, each in enumerate(types)}
        fill(
            [names[each.group] for each in types],
            positions,
            limits,
            targets,
            rule.comparison == "at_or_below",
            blinded or rule.ship == "group",
            blinded,
            low,
            kits,
        )
    return Decision(
        rule,
        blinded,
        tuple(map(Line, types, limits, targets, low, kits)),
    )


def fill(
    groups: Sequence[int],
    positions: Sequence[int],
    limits: Sequence[int],
    targets: Sequence[int],
    inclusive: bool,
    whole: bool,
    blinded: bool,
    low: MutableSequence[bool],
    kits: MutableSequence[int],
) -> None:
    """The rule itself, over one entry for each type; writes `low` and `kits`, zero when called.

    Plain integers and loops, so that a simulation can compile it as it stands.
    """
    for i in range(len(positions)):
        short = targets[i] - positions[i]
        # Without something to send there is nothing to bring along either.
        low[i] = short > 0 and (
            positions[i] < limits[i] or (inclusive and positions[i] == limits[i])
        )
        if low[i]:
            kits[i] = short
    if not whole:
        return
    for i in range(len(positions)):
        if not low[i]:
            continue
        total = 0
        for j in range(len(positions)):
            if groups[j] == groups[i]:
                kits[j] = max(targets[j] - positions[j], 1 if blinded else 0)
                total += kits[j]
        if blinded and total < GROUP_LEAST:
            kits[i] += GROUP_LEAST - total
