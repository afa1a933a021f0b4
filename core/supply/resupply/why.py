"""Why a site is sent what it is sent, in plain words: for those who know types, and for the site.

No text names a kit type: who may know them is shown each text beside its type.
"""

from __future__ import annotations

from core.messages import Message
from core.supply.resupply.rule import Decision, Line


def for_supply(decision: Decision) -> tuple[tuple[str, Message], ...]:
    """Each kit type with its numbers and what came of them: only for those who may know types."""
    return tuple((line.state.code, _explained(line, decision)) for line in decision.lines)


def for_site(decision: Decision) -> Message:
    """The reason in words that are the same whichever types were low: for anyone at all."""
    match decision.rule.strategy:
        case "predictive":
            return Message("why.site_predictive", {"days": decision.rule.short_days})
        case "min_max":
            return Message("why.site_min_max")
    return Message("why.site_off")


def _explained(line: Line, decision: Decision) -> Message:
    if decision.rule.strategy == "off":
        return Message("why.off", {"stock": _stock(line)})
    params = {"stock": _stock(line), "rule": _rule(line, decision), "result": _result(line)}
    return Message("why.line", params)


def _stock(line: Line) -> Message:
    state = line.state
    return Message(
        "why.stock",
        {
            "position": state.position,
            "on_hand": state.on_hand,
            "in_transit": state.in_transit,
            "expiring": state.expiring,
        },
    )


def _rule(line: Line, decision: Decision) -> Message:
    below = decision.rule.comparison == "below"
    trigger = Message("why.below" if below else "why.at_or_below", {"limit": line.limit})
    if decision.rule.strategy == "min_max":
        return Message("why.min_max", {"trigger": trigger, "target": line.target})
    return Message(
        "why.predictive",
        {
            "trigger": trigger,
            "minimum": line.state.minimum,
            "need_short": line.state.need_short,
            "short_days": decision.rule.short_days,
            "target": line.target,
            "maximum": line.state.maximum,
            "need_long": line.state.need_long,
            "long_days": decision.rule.long_days,
        },
    )


def _result(line: Line) -> Message:
    missing = max(line.target - line.state.position, 0)
    if line.kits == 0:
        return Message("why.enough")
    if line.is_low:
        id_ = "why.low" if line.kits == missing else "why.low_not_alone"
    else:
        id_ = "why.along" if line.kits == missing else "why.along_hidden"
    return Message(id_, {"kits": line.kits})
