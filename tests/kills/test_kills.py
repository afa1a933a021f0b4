"""Killed with signal 9 in the middle of a deed: all of it is there afterwards, or none of it.

The clock stands still and chance is reproducible, so a retry after a kill must leave the very
same database as a deed that nobody killed, down to the last byte of ciphertext.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from core.errors import Refused
from core.ledger.verify import verify
from core.transaction import Receipt
from tests.kills.killer import Killer, in_a_child
from tests.support.lists import statistician
from tests.support.resupply import MIN_MAX, publish
from tests.support.studies import COMBI, SOLO, capped
from tests.support.world import TODAY, World, kit_number
from tests.support.world_fixtures import CopyWorld

Answers = dict[str, Any]
SAMPLES = 4


@dataclass(frozen=True)
class Deed:
    """A transaction by someone, and what has to have happened before it."""

    name: str
    who: str
    prepare: Callable[[World], Answers]
    study: str = "combi"

    def do(self, world: World, answers: Answers) -> Receipt | Refused:
        """Do it under a request id of its own; a refusal is a result as well."""
        try:
            return world.do(self.name, self.who, request_id="the one", **answers)
        except Refused as refused:
            return refused


def _randomize(world: World) -> Answers:
    return {"subject": world.screen(), "consent": "yes", "eligible": "yes", "sex": "F"}


def _enrol(world: World) -> Answers:
    return {"consent": "yes", "eligible": "yes", "sex": "M"}


def _dispense(world: World) -> Answers:
    return {"subject": world.randomized(), "visit": "V1"}


def _refused_dispense(world: World) -> Answers:
    return {"subject": world.screen(), "visit": "V1"}


def _screen(world: World) -> Answers:
    world.screen()  # a likely duplicate: a notice goes out as well
    return {"consent_date": TODAY, "year_of_birth": "1961", "rescreened": "no"}


def _given(world: World) -> tuple[str, str]:
    number = world.randomized()
    return number, world.dispense(number)[0]


def _replace(world: World) -> Answers:
    number, kit = _given(world)
    return {"subject": number, "kit": kit, "reason": "damaged"}


def _hand_over(world: World) -> Answers:
    number, kit = _given(world)
    return {"subject": number, "carton_1": kit[-4:]}


def _wrong_carton(world: World) -> Answers:
    number, kit = _given(world)
    return {"subject": number, "carton_1": f"{(int(kit[-4:]) + 1) % 10_000:04d}"}


def _receive(world: World) -> Answers:
    shipment = world.ship(2, receive=None)
    here = {"shipment": shipment, "received_date": TODAY, "logger": "alarm"}
    return {**here, "damaged": "", "missing": ""}


def _approve(world: World) -> Answers:
    file = "lot,kit_type,expiry,countries\n7001,A,2029-01,US"
    world.do("import_lots", "Sam", file=file)
    proposed = world.do("release_lot", "Sam", lot="7001", certificate="9")
    return {"proposal": proposed.facts["proposal"]}


def _resupply(world: World) -> Answers:
    publish(world, MIN_MAX.format(minimum=8, maximum=10))
    return {"to_site": "101"}


def _end(world: World) -> Answers:
    return {"subject": world.randomized(), "what_ended": "withdrawn", "end_date": TODAY}


def _capped(world: World) -> Answers:
    answers = _randomize(world)
    world.do("publish", "Mia", file=capped(COMBI, "study = 9"))
    world.do("move_to_version", "Mia", subject=answers["subject"], version="2")
    return answers


def _import_sites(world: World) -> Answers:
    header = "number,name,country,timezone,language,phone,depot"
    rows = (f"{number},Lima {number},PE,America/Lima,en,,900" for number in range(201, 206))
    return {"file": "\n".join((header, *rows))}


def _import_kits(world: World) -> Answers:
    world.do("import_lots", "Sam", file="lot,kit_type,expiry,countries\n7001,A,2029-01,US")
    rows = (f"{kit_number(40_000 + n)},{40_000 + n},A,7001" for n in range(12))
    return {"file": "\n".join(("kit_number,sequence,kit_type,lot", *rows))}


def _import_subjects(world: World) -> Answers:
    statistician(world)
    world.randomized()
    lines = (
        "subject,site,randomization_number,randomized_on,arm,sex,visits",
        "101907,101,880001,2026-10-23,active,F,V1:2026-10-23",
        "101902,101,880004,2026-09-25,placebo,M,V1:2026-09-27 V2:missed",
        "102901,102,880003,2026-10-23,active,M,",
    )
    return {"file": "\n".join(lines)}


def _dispatch(world: World) -> Answers:
    made = world.do("create_shipment", "Sam", to_site="101", kits_each="3")
    return {"shipment": made.facts["shipment"], "dispatch_date": TODAY}


THROUGHOUT = [
    Deed("randomize", "Ivy", _randomize),
    Deed("dispense", "Ada", _dispense),
    Deed("import_sites", "Mia", _import_sites),
    Deed("import_kits", "Sam", _import_kits),
    Deed("import_subjects", "Tess", _import_subjects),
    Deed("dispatch_shipment", "Sam", _dispatch),
]
SAMPLED = [
    Deed("randomize", "Ivy", _enrol, "solo"),
    Deed("randomize", "Ivy", _enrol, "mini"),
    Deed("randomize", "Ivy", _capped),
    Deed("dispense", "Ada", _refused_dispense),
    Deed("screen", "Ada", _screen),
    Deed("replace", "Pat", _replace),
    Deed("unscheduled", "Ada", lambda world: {"subject": world.randomized()}),
    Deed("hand_over", "Ada", _hand_over),
    Deed("hand_over", "Ada", _wrong_carton),
    Deed("receive", "Ada", _receive),
    Deed("create_shipment", "Sam", lambda world: {"to_site": "101", "kits_each": "3"}),
    Deed("resupply", "Sam", _resupply),
    Deed("approve", "Quinn", _approve),
    Deed("end", "Ada", _end),
    Deed("publish", "Mia", lambda world: {"file": capped(SOLO, "study = 9")}, "solo"),
    Deed("pause_site", "Mia", lambda world: {"to_site": "101", "approval_date": TODAY}),
]


class Bench:
    """One deed, its database before it, and what the database is after it undisturbed."""

    def __init__(self, deed: Deed, copy: CopyWorld) -> None:
        self._deed, self._copy = deed, copy
        self._base = copy()
        self._exact = self._base.startswith("sqlite")
        world = World.at(self._base, study=deed.study)
        self._answers = deed.prepare(world)
        self._before = world.dump(ids=self._exact)
        world.close()
        url = copy(self._base)
        self.points, died = in_a_child(lambda: self._die(url, None))
        assert died == 0
        assert self.points < 255
        world = World.at(url, study=deed.study)
        self._after = world.dump(ids=self._exact)
        world.close()

    def _die(self, url: str, at: int | None) -> int:
        world = World.at(url, study=self._deed.study)
        killer = Killer(world.core.engine, at)
        self._deed.do(world, self._answers)
        return killer.passed

    def check_killed_at(self, point: int) -> None:
        """Kill it there; then look, and let the caller try again."""
        url = self._copy(self._base)
        assert in_a_child(lambda: self._die(url, point)) == (-1, signal.SIGKILL)
        world = World.at(url, study=self._deed.study)
        left = world.dump(ids=self._exact)
        assert left in (self._before, self._after), f"half done at point {point}"
        committed = left == self._after
        assert verify(world.core).ok
        again = self._deed.do(world, self._answers)
        if isinstance(again, Receipt):
            assert again.replayed is committed
        assert world.dump(ids=self._exact) == self._after, f"retry after point {point} differs"
        world.close()


@pytest.mark.parametrize("deed", THROUGHOUT, ids=lambda deed: deed.name)
def test_killed_between_any_two_statements_it_is_done_or_not(
    copy_world: CopyWorld, deed: Deed
) -> None:
    bench = Bench(deed, copy_world)
    assert bench.points > 10
    for point in range(bench.points):
        bench.check_killed_at(point)


@pytest.mark.parametrize(
    "deed", SAMPLED, ids=lambda deed: f"{deed.name}{deed.prepare.__name__}-{deed.study}"
)
def test_killed_somewhere_it_is_done_or_not(copy_world: CopyWorld, deed: Deed) -> None:
    bench = Bench(deed, copy_world)
    chosen = random.Random(f"{deed.name}{deed.study}").sample(range(bench.points - 1), SAMPLES)
    for point in (*chosen, bench.points - 1):  # the last one: right after COMMIT
        bench.check_killed_at(point)
