"""`resupply`: one site is looked at under its lock, and what it lacks is ordered for it.

The nightly run does this for site after site, a supply manager for one at any time. Whoever comes
second sees what the first one ordered, so that nothing is ever sent twice.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal

from sqlalchemy import select

from core.access.roles import Permission
from core.context import Context
from core.db.models import site
from core.errors import NoKitAvailable
from core.facts import Record
from core.messages import Digits, Message, Param
from core.study.schema import StudyConfig
from core.subjects.screen import AT_A_DESK
from core.supply.days import limits
from core.supply.dispense import dispenses
from core.supply.kits import Stocked
from core.supply.ordering import at_depot, at_site, order
from core.supply.pick import count_there, pick
from core.supply.resupply.positions import load_positions
from core.supply.resupply.propose import Proposal, propose
from core.supply.resupply.rule import GROUP_LEAST, Decision
from core.supply.resupply.why import for_site
from core.supply.ship import TO_SITE, check_active
from core.transaction import Answers, Channel, Notice, Outcome, Question, Transaction

_ANSWERABLE: Final = ("supply_manager",)


def questions(config: StudyConfig) -> tuple[Question, ...]:
    """Which site."""
    return (TO_SITE,)


def run(context: Context, answers: Answers) -> Outcome:
    """Decide anew on what is on record under the site's lock, and order what the rule says."""
    number = str(answers["to_site"])
    _lock(context, number)
    here = check_active(context.facts.find_site(number), number)
    (position,) = load_positions(context.core, context.db, context.study, number)
    found = propose(context.config, position)
    if not found.decision.is_order:
        return _nothing(context, found)
    items, is_short = _take(context, here, found)
    draft = context.config.resupply.approve
    kind: Literal["seed", "resupply"] = "seed" if position.is_first else "resupply"
    why, record = for_site(found.decision), _record(found, items)
    made = order(
        context,
        kind=kind,
        source=at_depot(here.depot),
        target=at_site(number),
        items=items,
        why=why,
        reasons=record,
        draft=draft,
    )
    facts = {
        "site": number,
        "depot": here.depot,
        "shipment": made,
        "kind": kind,
        "status": "draft" if draft else "requested",
        "kits": [item.number for item in items],
    }
    params: dict[str, Param] = {"shipment": Digits(made), "site": Digits(number)}
    said = Message(
        "said.resupply_draft" if draft else "said.resupply", {**params, "count": len(items)}
    )
    notices = (Notice(Message("sms.resupply_short", params), roles=_ANSWERABLE),)
    secret = {"reasons": context.seal(f"resupply|{made}", record)}
    return Outcome(said, facts, secret, notices if is_short else (), notes=(why,))


def _lock(context: Context, number: str) -> None:
    here = (site.c.study == context.study) & (site.c.number == number)
    # Not so hard that a shipment made by hand, its kits locked already, waits for it in turn.
    context.db.execute(select(site.c.number).where(here).with_for_update(key_share=True))


def _nothing(context: Context, found: Proposal) -> Outcome:
    facts: dict[str, object] = {"site": found.site, "shipment": None, "kits": []}
    secret = {"reasons": context.seal(f"resupply|{found.site}", _record(found, ()))}
    said = Message("said.resupply_none", {"site": Digits(found.site)})
    return Outcome(said, facts, secret, notes=(for_site(found.decision),))


def _record(found: Proposal, items: tuple[Stocked, ...]) -> str:
    """What was decided, from what, and what was there to be sent, as JSON."""
    sent = Counter(item.kit_type for item in items)
    return json.dumps({"decision": found.decision.record(), "sent": dict(sorted(sent.items()))})


def _take(context: Context, here: Record, found: Proposal) -> tuple[tuple[Stocked, ...], bool]:
    """The kits to send, locked, and whether there are fewer than decided. Raises
    NoKitAvailable where the depot has nothing that may be sent."""
    dns = limits(context.config, here.country, here.depot).dns
    good_until = found.position.today + dt.timedelta(days=dns)
    wanted = found.decision.kits
    if chosen := _pick(context, here, wanted, good_until):
        return chosen, False
    there = count_there(context, here.depot, here.country, good_until)
    chosen = _pick(context, here, within(found.decision, there), good_until)
    if not chosen:
        notice = Message("sms.resupply_none", {"site": Digits(here.number)})
        raise NoKitAvailable(
            Message("error.depot_short"), notices=(Notice(notice, roles=_ANSWERABLE),)
        )
    return chosen, True


def _pick(
    context: Context, here: Record, wanted: Mapping[str, int], good_until: dt.date
) -> tuple[Stocked, ...]:
    return pick(context, here.depot, here.country, wanted, good_until) or ()


def within(decision: Decision, there: Mapping[str, int]) -> dict[str, int]:
    """What of a decision can be sent from a depot with so many kits of each type.

    In a blinded study a group goes with some of each of its types, at least two kits, or not at
    all: the types that are left out would tell which ones came.
    """
    least = {code: min(count, there.get(code, 0)) for code, count in decision.kits.items()}
    if not decision.blinded:
        return {code: count for code, count in least.items() if count}
    groups: dict[str, list[str]] = {}
    for line in decision.lines:
        if line.kits:
            groups.setdefault(line.state.group, []).append(line.state.code)
    return {
        code: least[code]
        for codes in groups.values()
        if all(least[one] for one in codes) and sum(least[one] for one in codes) >= GROUP_LEAST
        for code in codes
    }


RESUPPLY: Final = Transaction(
    "resupply",
    "",
    Permission.SUPPLY,
    questions,
    run,
    AT_A_DESK | {Channel.SYSTEM},
    site=False,
    used=dispenses,
)
