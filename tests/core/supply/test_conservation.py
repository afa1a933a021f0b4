"""No kit is lost or made by what people do: after every step, allowed or not, the balance closes.

Random deeds by random people on random kits, subjects and shipments. After each of them every kit
is in exactly one place, as many of each type and lot as were packaged; and no kit has gone a way
that the table of steps does not have.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from core.errors import InvalidInput, Refused
from core.sealed import Sealed
from core.supply.kits import kit_about
from core.supply.lifecycle import SHIPMENT_STATES, STATES, STEPS, state_of
from tests.support.world import TODAY, Given, World
from tests.support.world_fixtures import CopyWorld

PLACES: Final = ("depot", "transit", "site", "with subjects", "returned", "lost", "destroyed")
_GONE: Final = {
    "dispensed": "with subjects",
    "returned": "returned",
    "verified": "returned",
    "lost": "lost",
    "missing": "lost",
    "destroyed": "destroyed",
}
_WAYS: Final = frozenset(
    (before, line.after) for line in STEPS.values() for before in line.before
) | {("in_transit", "quarantined"), ("reserved", "quarantined"), ("reserved", "expired")}
_KITS: Final = (
    "SELECT kit.number, kit.kit_type, kit.lot_id, kit.disposition, kit.custody, kit.quality, "
    "kit.site, kit.depot, kit.labelled_until, lot.expiry FROM kit JOIN lot ON lot.id = kit.lot_id "
    "WHERE kit.study = :study ORDER BY kit.number"
)
_PICK: Final = st.integers(0, 10_000)


def _mostly(*right: str) -> st.SearchStrategy[str]:
    """What the step may be taken from, four times out of five; else anything."""
    return st.integers(0, 4).flatmap(
        lambda n: st.sampled_from(right) if n < 4 else st.sampled_from([*SHIPMENT_STATES, *STATES])
    )


def place_of(row: Any) -> list[str]:
    """Every place in which a kit is, by its facts: one, if the record is sound."""
    found = []
    if row.disposition in _GONE:
        found.append(_GONE[row.disposition])
    else:
        if row.custody == "in_transit":
            found.append("transit")
        if row.custody == "at_rest" and row.site is None and row.depot is not None:
            found.append("depot")
        if row.custody == "at_rest" and row.site is not None and row.depot is None:
            found.append("site")
    return found


class Supply(RuleBasedStateMachine):
    """A study in which anything may be tried."""

    copy: CopyWorld

    @initialize()
    def begin(self) -> None:
        self.world = World.at(type(self).copy())
        self.world.stock([("6001", "A", "2028-06"), ("6002", "B", "2028-06")], 40, start=200)
        self.packaged = self._by_type_and_lot(self._kits())
        self.states = self._states()
        self.done = 0

    def teardown(self) -> None:
        self.world.close()

    def _kits(self) -> list[Any]:
        return self.world.rows(_KITS)

    def _by_type_and_lot(self, rows: list[Any]) -> Counter[tuple[str, int]]:
        keys, study = self.world.core.keys, self.world.study
        return Counter(
            (keys.open(Sealed(bytes(row.kit_type), kit_about(study, row.number))), row.lot_id)
            for row in rows
        )

    def _states(self) -> dict[str, str]:
        today: Any = self.world.core.now().date()
        return {
            row.number: state_of(row, TODAY if isinstance(row.expiry, str) else today)  # type: ignore[arg-type]
            for row in self._kits()
        }

    def _try(self, deed: str, who: str, **given: Any) -> None:
        try:
            self.world.do(deed, who, **given)
            self.done += 1
        except (Refused, InvalidInput):
            pass  # an illegal step: the invariants see that it changed nothing

    def _kit(self, state: str, pick: int) -> str:
        """A kit in that state if there is one, or any."""
        there = [number for number, now in self.states.items() if now == state]
        numbers = there or sorted(self.states)
        return numbers[pick % len(numbers)]

    def _shipment(self, state: str, pick: int) -> str:
        """A shipment in that state if there is one, or any."""
        rows = self.world.rows("SELECT number, status FROM shipment WHERE study = :study")
        numbers = [row.number for row in rows if row.status == state] or [r.number for r in rows]
        return str(numbers[pick % len(numbers)])

    def _number(self, table: str, pick: int) -> str:
        """One of the newest of the table."""
        query = f"SELECT number FROM {table} WHERE study = :study ORDER BY id DESC LIMIT 4"
        rows = self.world.rows(query)
        return str(rows[pick % len(rows)].number) if rows else "0"

    @rule(each=st.integers(1, 3), site=st.sampled_from(["101", "101", "102", "103"]))
    def create(self, each: int, site: str) -> None:
        self._try("create_shipment", "Sam", to_site=site, kits_each=str(each))

    @rule(pick=_PICK, state=_mostly("requested"))
    def dispatch(self, pick: int, state: str) -> None:
        number = self._shipment(state, pick)
        self._try("dispatch_shipment", "Sam", shipment=number, dispatch_date=TODAY)

    @rule(pick=_PICK, state=_mostly("requested", "in_transit"), lost=st.booleans())
    def give_up(self, pick: int, state: str, lost: bool) -> None:
        deed = "shipment_lost" if lost else "cancel_shipment"
        self._try(deed, "Sam", shipment=self._shipment(state, pick), reason="So it is")

    @rule(
        pick=_PICK,
        state=_mostly("in_transit", "in_transit", "partially_received"),
        logger=st.sampled_from(["no_alarm", "no_alarm", "alarm"]),
        follow=st.booleans(),
        lacking=st.integers(0, 2),
    )
    def receive(self, pick: int, state: str, logger: str, follow: bool, lacking: int) -> None:
        number = self._shipment(state, pick)
        query = (
            "SELECT kit.number, kit.site FROM kit JOIN shipment ON shipment.id = kit.shipment_id "
            "WHERE shipment.number = :n AND kit.custody = 'in_transit' ORDER BY kit.number"
        )
        inside = self.world.rows(query, n=number)
        given: Given = {"received_date": TODAY, "logger": logger, "damaged": ""}
        given["missing"] = ",".join(row.number for row in inside[:lacking])
        if given["missing"]:
            given["to_follow"] = "yes" if follow else "no"
        who = "Di" if inside and inside[0].site == "102" else "Ada"
        self._try("receive", who, shipment=number, **given)

    @rule(visit=st.sampled_from(["V1", "V2"]), pick=_PICK, new=st.booleans())
    def dispense(self, visit: str, pick: int, new: bool) -> None:
        if new:
            screened = self.world.screen()
            answers: Given = {"consent": "yes", "eligible": "yes", "sex": "F"}
            self._try("randomize", "Ivy", subject=screened, **answers)
            pick = 0  # the newest
        number = self._number("subject", pick)
        self._try("dispense", "Ada", subject=number, visit=visit)

    @rule(pick=_PICK, reason=st.sampled_from(["lost", "damaged", "not_given", "return"]))
    def take_back(self, pick: int, reason: str) -> None:
        query = (
            "SELECT kit.number, subject.number AS subject FROM kit "
            "JOIN subject ON subject.id = kit.subject_id WHERE kit.study = :study ORDER BY kit.id"
        )
        rows = self.world.rows(query)
        if not rows:
            return
        row = rows[pick % len(rows)]
        given: Given = {"subject": row.subject, "kit": row.number}
        if reason == "return":
            units: Given = {"units_used": "3", "units_unused": "1", "units_missing": "0"}
            self._try("return_kit", "Ada", **given, **units)
        else:
            self._try("replace", "Ada", **given, reason=reason)

    @rule(
        pick=_PICK,
        state=_mostly("available", "dispensed"),
        what=st.sampled_from(["damaged", "missing", "doubtful"]),
    )
    def report(self, pick: int, state: str, what: str) -> None:
        self._try("report_stock", "Ada", kit=self._kit(state, pick), condition=what)

    @rule(
        pick=_PICK,
        state=_mostly("available", "pre_quarantined"),
        who=st.sampled_from(["Sam", "Quinn", "Ada"]),
    )
    def quarantine(self, pick: int, state: str, who: str) -> None:
        deed = "quarantine_kits" if who == "Ada" else "quarantine_stock"
        kit = self._kit(state, pick)
        self._try(deed, who, chosen_by="kits", kits=kit, event="doubt")

    @rule(
        pick=_PICK,
        state=_mostly("new"),
        deed=st.sampled_from(["release_kits", "reject_kits", "confirm", "clear"]),
    )
    def judge(self, pick: int, state: str, deed: str) -> None:
        waiting = "pre_quarantined" if deed in ("confirm", "clear") else "quarantined"
        kit = self._kit(waiting if state == "new" else state, pick)
        basis: Given = {"basis": "Report", "budget_minutes": "1"}
        if deed in ("confirm", "clear"):
            deed, basis = "judge_excursion", {"minutes": "5", "verdict": deed}
        self._try(deed, "Quinn", chosen_by="kits", kits=kit, **basis)

    @rule(
        pick=_PICK,
        state=_mostly("returned", "damaged", "missing", "rejected"),
        verify=st.booleans(),
    )
    def settle(self, pick: int, state: str, verify: bool) -> None:
        kit = self._kit(
            state if verify or state not in ("returned", "damaged") else "missing", pick
        )
        if verify:
            self._try("verify_kits", "Cy", kits=kit, agrees="yes")
        else:
            self._try("kit_found", "Sam", kit=kit)

    @invariant()
    def every_kit_is_in_one_place_and_none_is_more_or_less(self) -> None:
        rows = self._kits()
        assert all(len(place_of(row)) == 1 for row in rows)
        assert len(rows) == len(self.states)
        assert self._by_type_and_lot(rows) == self.packaged

    @invariant()
    def no_kit_went_a_way_that_there_is_none(self) -> None:
        now = self._states()
        for number, state in now.items():
            before = self.states[number]
            assert state == before or (before, state) in _WAYS, (number, before, state)
        self.states = now


def test_the_balance_closes_after_every_step(copy_world: CopyWorld, world_url: str) -> None:
    """Many steps on SQLite, fewer on PostgreSQL."""
    lite = world_url.startswith("sqlite")

    class Here(Supply):
        copy = staticmethod(copy_world)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=25 if lite else 4,
            stateful_step_count=40 if lite else 20,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # a long story is not made shorter: each step costs a deed
            suppress_health_check=list(HealthCheck),
        ),
    )
