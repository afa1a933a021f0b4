"""What opens a treatment, done once each: for the guards that hold pages and channels to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from core.transaction import Channel
from core.unblinding.reading import read_treatment
from tests.support.world import Given, World, users

Do = Callable[..., dict[str, Any]]
BREAK: Given = {"reason": "medical_emergency"}
VIEW: Given = {"reason": "safety_report"}
CALL: Given = {
    "caller": "Dr Reyes, General Hospital",
    "position": "emergency_service",
    "card_code": "K-117",
}
OFFICE = (("Opal", "emergency_operator", ""), ("Saf", "safety", ""), ("Tess", "statistician", ""))


def join(world: World) -> World:
    """Opal, Saf and Tess join the study."""
    world.do("import_users", "Admin", file=users(OFFICE))
    for who, _, _ in OFFICE:
        world.let_in(who)
    return world


def on_shelf(world: World) -> str:
    """A kit of site 101 that nobody has had."""
    query = (
        "SELECT number FROM kit WHERE study = :study AND site = '101' AND quality = 'none' "
        "AND disposition = 'available' ORDER BY number DESC"
    )
    return str(world.rows(query)[0].number)


def for_analysis(world: World) -> Given:
    """The answers of a planned unblinding for an analysis."""
    until = world.core.now().date().isoformat()
    given: Given = {"purpose": "analysis", "open_to": "5", "until": until}
    return {**given, "documented_in": "Analysis plan 4"}


def lived_in(world: World) -> None:
    """Every deed and event of the blind."""
    join(world)
    number = world.randomized()
    live(world, partial(_facts, world), number)
    read_treatment(world.core, world.actor("Tess"), "combi", subject=number, channel=Channel.WEB)


def _facts(world: World, name: str, who: str, **given: Any) -> dict[str, Any]:
    done = world.do(name, who, **given)
    return {**done.facts, "confirmation": done.confirmation}


def live(world: World, do: Do, number: str) -> None:
    """The same through one channel, about a randomized subject."""
    do("code_break", "Ivy", subject=number, **BREAK)
    do("code_break", "Ivy", subject=number, reason="other", details="Once more")
    do("code_view", "Saf", subject=number, **VIEW)
    kit = on_shelf(world)
    do("unblind_kit", "Ivy", kit=kit, **BREAK)
    do("view_kit", "Saf", kit=kit, **VIEW)
    call = do("take_emergency_call", "Opal", subject=number, **CALL)["call"]
    do("break_for_caller", "Opal", call=str(call), called_back="site", **BREAK)
    call = do("take_emergency_call", "Opal", subject=number, **CALL)["call"]
    do("decline_caller", "Opal", call=str(call), why_not="not_identified")
    proposal = do("unblind_study", "Mia", **for_analysis(world))["proposal"]
    do("approve", "Tess", proposal=str(proposal))
    query = """SELECT confirmation FROM ledger WHERE study = :study AND "transaction" = :name"""
    query += " AND confirmation IS NOT NULL"
    broken = world.rows(query, name="code_break")[0].confirmation
    do("assess_break", "Cy", code_break=broken, assessment="No effect on the analysis")


def live_refused(do: Do, number: str) -> None:
    """What is refused, in one channel as in every other."""
    for who in ("Ada", "Dan"):
        do("code_break", who, subject=number, **BREAK)
    do("code_break", "Ivy", subject=number, reason="curious")
    do("code_view", "Ivy", subject=number, **VIEW)
    do("unblind_study", "Mia", purpose="end_of_study", documented_in="Plan 4")
