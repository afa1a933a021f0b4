"""No kit is lost or made by what people do: after every step, allowed or not, the balance closes.

Random deeds by random people on random kits, subjects, lots and shipments. After each of them every
kit is in exactly one place, as many of each type and lot as were packaged; the account of every
site closes; and no kit has gone a way that the table of steps does not have.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from core.errors import InvalidInput, NotFound, Refused
from core.sealed import Sealed
from core.supply.accountability import accountability
from core.supply.kits import kit_about
from core.supply.lifecycle import SHIPMENT_STATES, STATES, STEPS, state_of
from tests.support.swap import CODE, LOTS, OFFICE, set_up
from tests.support.world import PEOPLE, TODAY, Given, World, make_core
from tests.support.world_fixtures import CopyWorld

PLACES: Final = ("depot", "transit", "site", "with subjects", "returned", "lost", "destroyed")
_GONE: Final = {
    "dispensed": "with subjects",
    "misallocated": "with subjects",
    "returned": "returned",
    "verified": "returned",
    "lost": "lost",
    "missing": "lost",
    "destroyed": "destroyed",
}
_UNDER_A_HOLD: Final = ("expired", "unavailable", "quarantined", "pre_quarantined")
_WAYS: Final = (
    frozenset((before, line.after) for line in STEPS.values() for before in line.before)
    # A kit that is given back, arrives or is cleared is what its lot and its holds make of it.
    | {(before, after) for before in ("in_transit", "reserved") for after in _UNDER_A_HOLD}
    | {(before, after) for before in ("quarantined", "pre_quarantined") for after in _UNDER_A_HOLD}
    # Another date for the lot.
    | {("unavailable", "available"), ("expired", "available")}
    | {("available", "unavailable"), ("available", "expired"), ("expired", "unavailable")}
    | {("dispensed", after) for after in _UNDER_A_HOLD}
    | {("returned", after) for after in _UNDER_A_HOLD}
)
_KITS: Final = (
    "SELECT kit.number, kit.kit_type, kit.lot_id, kit.disposition, kit.custody, kit.quality, "
    "kit.site, kit.depot, kit.labelled_until, lot.expiry FROM kit JOIN lot ON lot.id = kit.lot_id "
    "WHERE kit.study = :study ORDER BY kit.number"
)
_MISTAKES: Final = (Refused, InvalidInput, NotFound)


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


_WHAT: Final = (
    *(
        "create",
        "create",
        "create",
        "resupply",
        "prepare",
        "prepare",
        "dispatch",
        "give_up",
        "receive",
    ),
    *("receive", "to_depot", "transfer", "dispense", "dispense", "dispense", "dispense"),
    *("between_visits", "between_visits", "take_back", "take_back", "never_got", "wrong_kit"),
    *(
        "report",
        "quarantine",
        "judge",
        "judge",
        "judge",
        "settle",
        "settle",
        "lot",
        "relabel",
        "relabel",
    ),
)
"""What is tried, how often beside the others."""


class Supply(RuleBasedStateMachine):
    """A study in which anything may be tried."""

    copy: CopyWorld
    source: str
    steps: Counter[str]
    chance: random.Random

    @initialize()
    def begin(self) -> None:
        url = type(self).copy(type(self).source)
        # Other chance and other request ids than those that made what was copied.
        self.world = World(make_core(url, seed=b"story"), CODE, requests="s")
        self.tried = 0
        self.opened: dict[tuple[str, bytes], str] = {}
        self.sam = self.world.actor("Sam")
        self.packaged = self._by_type_and_lot(self._kits())
        self.states = self._states()

    def teardown(self) -> None:
        self.world.close()

    def _kits(self) -> list[Any]:
        return self.world.rows(_KITS)

    def _by_type_and_lot(self, rows: list[Any]) -> Counter[tuple[str, int]]:
        """Types are opened once for each sealed value that was ever seen."""
        keys, study = self.world.core.keys, self.world.study
        found = Counter[tuple[str, int]]()
        for row in rows:
            token = bytes(row.kit_type)
            if (row.number, token) not in self.opened:
                kind = keys.open(Sealed(token, kit_about(study, row.number)))
                self.opened[row.number, token] = kind
            found[self.opened[row.number, token], row.lot_id] += 1
        return found

    def _states(self, rows: list[Any] | None = None) -> dict[str, str]:
        today: Any = self.world.core.now().date()
        return {
            row.number: state_of(row, TODAY if isinstance(row.expiry, str) else today)  # type: ignore[arg-type]
            for row in (self._kits() if rows is None else rows)
        }

    def _try(self, deed: str, who: str, **given: Any) -> dict[str, Any] | None:
        """Its facts; None for an illegal step: the invariants see that it changed nothing."""
        try:
            facts = dict(self.world.do(deed, who, **given).facts)
        except _MISTAKES:
            return None
        self.steps[deed] += 1
        self._check_ways()
        return facts

    def _check_ways(self) -> None:
        """No kit went a way that there is none."""
        now = self._states()
        for number, before in self.states.items():
            state = now[number]
            assert state == before or (before, state) in _WAYS, (number, before, state)
            self.states[number] = state

    def _approve(self, facts: dict[str, Any] | None, who: str) -> dict[str, Any] | None:
        """What was proposed is approved, four times out of five."""
        if facts is None or self._is(0.2):
            return None
        return self._try("approve", who, proposal=str(facts["proposal"]))

    def _kit(self, state: str, site: str | None = None) -> str:
        """A kit in that state, at the site if one is named, if there is one; or any."""
        query = "SELECT number FROM kit WHERE study = :study AND site = :site"
        near = {row.number for row in self.world.rows(query, site=site)} if site else self.states
        there = [one for one, now in self.states.items() if now == state and one in near]
        return self.chance.choice(there or sorted(self.states))

    def _shipment(self, state: str) -> str:
        """A shipment in that state if there is one, or any."""
        rows = self.world.rows("SELECT number, status FROM shipment WHERE study = :study")
        there = [row.number for row in rows if row.status == state]
        return str(self.chance.choice(there or [row.number for row in rows]))

    def _given(self) -> Any:
        """A kit that was given, and to whom, if any was: mostly one that the subject has."""
        rows = self.world.rows(
            "SELECT kit.number, kit.disposition, subject.number AS subject FROM kit "
            "JOIN subject ON subject.id = kit.subject_id WHERE kit.study = :study ORDER BY kit.id"
        )
        theirs = [row for row in rows if row.disposition == "dispensed"]
        if not rows:
            return None
        return self.chance.choice(theirs if theirs and self._is(0.8) else rows)

    def _subject(self) -> str:
        """One of the newest."""
        query = "SELECT number FROM subject WHERE study = :study ORDER BY id DESC LIMIT 4"
        rows = self.world.rows(query)
        return str(self.chance.choice(rows).number) if rows else "0"

    @rule(place=st.integers(0, len(_WHAT) - 1), seed=st.integers(0, 2**32 - 1))
    def step(self, place: int, seed: int) -> None:
        """Something is tried; the seed says with what. Both are mixed with how many steps there
        were: small numbers are drawn again and again."""
        self.tried += 1
        what = _WHAT[(place + 7 * self.tried) % len(_WHAT)]
        self.chance = random.Random(f"{seed} {self.tried}")
        getattr(self, what)()

    def _one_of(self, *things: str) -> str:
        return self.chance.choice(things)

    def _mostly(self, *right: str) -> str:
        """A state from which the step may be taken, nine times out of ten; else any."""
        if self.chance.random() < 0.9:
            return self.chance.choice(right)
        return self.chance.choice([*SHIPMENT_STATES, *STATES])

    def _is(self, share: float) -> bool:
        return self.chance.random() < share

    def create(self) -> None:
        """By hand, and more often than not it goes on until it is there."""
        each = str(self.chance.randint(1, 3))
        site = self._one_of("101", "101", "102", "103")
        self._on(self._try("create_shipment", "Sam", to_site=site, kits_each=each))

    def resupply(self) -> None:
        self._on(self._try("resupply", "Sam", to_site=self._one_of("101", "102", "103")))

    def _on(self, made: dict[str, Any] | None) -> None:
        if made is None or not made["shipment"] or self._is(0.3):
            return
        sent = {"shipment": str(made["shipment"]), "dispatch_date": TODAY}
        if self._try("dispatch_shipment", "Sam", **sent) is not None and self._is(0.7):
            self._receive(sent["shipment"])

    def prepare(self) -> None:
        deed = self._one_of("approve_shipment", "acknowledge_shipment", "pack_shipment")
        state = self._mostly("draft", "requested", "requested", "confirmed")
        self._try(deed, "Sam", shipment=self._shipment(state))

    def dispatch(self) -> None:
        deed, who = self.chance.choice([("dispatch_transfer", "Ada"), ("dispatch_shipment", "Sam")])
        number = self._shipment(self._mostly("requested", "confirmed", "packed"))
        self._try(deed, who, shipment=number, dispatch_date=TODAY)

    def give_up(self) -> None:
        deed = self._one_of("shipment_lost", "cancel_shipment")
        states = ("in_transit",) if deed == "shipment_lost" else ("requested", "packed")
        number = self._shipment(self._mostly(*states))
        self._try(deed, "Sam", shipment=number, reason="So it is")

    def receive(self) -> None:
        self._receive(self._shipment(self._mostly("in_transit", "partially_received")), well=False)

    def _receive(self, number: str, *, well: bool = True) -> None:
        query = (
            "SELECT kit.number FROM kit JOIN shipment ON shipment.id = kit.shipment_id "
            "WHERE shipment.number = :n AND kit.custody = 'in_transit' ORDER BY kit.number"
        )
        inside = [row.number for row in self.world.rows(query, n=number)]
        lacking = 0 if well else self.chance.randint(0, 2)
        broken = not well and self._is(0.2) and len(inside) > lacking
        given: Given = {"received_date": TODAY, "logger": "no_alarm"}
        if not well:
            given["logger"] = self._one_of("no_alarm", "no_alarm", "alarm", "none")
        given["missing"] = ",".join(inside[:lacking])
        given["damaged"] = inside[-1] if broken else ""
        if given["missing"]:
            given["to_follow"] = self._one_of("yes", "no")
        to = "SELECT site, to_depot FROM shipment WHERE study = :study AND number = :n"
        for row in self.world.rows(to, n=number):
            deed = "receive_at_depot" if row.to_depot else "receive"
            who = "Sam" if row.to_depot else "Di" if row.site == "102" else "Ada"
            self._try(deed, who, shipment=number, **given)

    def to_depot(self) -> None:
        each = str(self.chance.randint(1, 3))
        self._on(self._try("ship_to_depot", "Sam", to_depot="901", kits_each=each))

    def transfer(self) -> None:
        """One of each lot that the site has, as the blinded must send."""
        source, target = self.chance.choice([("101", "102"), ("102", "101")])
        rows = self.world.rows(
            "SELECT min(number) AS number FROM kit WHERE study = :study AND site = :site "
            "AND disposition = 'available' AND custody = 'at_rest' AND quality = 'none' "
            "AND labelled_until IS NULL GROUP BY lot_id ORDER BY lot_id",
            site=source,
        )
        kits = [row.number for row in rows] or [self._kit("dispensed")]
        given: Given = {"from_site": source, "to_site": target, "kits": ",".join(kits)}
        told = {"storage_in_order": "yes", "reason": "Runs low"}
        made = self._approve(self._try("transfer_kits", "Sam", **given, **told), "Quinn")
        if made is not None and self._is(0.8):
            sent = {"shipment": str(made["shipment"]), "dispatch_date": TODAY}
            self._try("dispatch_transfer", "Di" if source == "102" else "Ada", **sent)
            if self._is(0.7):
                self._receive(sent["shipment"])

    def dispense(self) -> None:
        subject = self._subject()
        if self._is(0.5):
            subject = self.world.screen()
            self._try("randomize", "Ivy", subject=subject, consent="yes", eligible="yes")
        self._try("dispense", "Ada", subject=subject, visit=self._one_of("V1", "V1", "V1", "V2"))

    def between_visits(self) -> None:
        subject = self._subject()
        deed = self._one_of("unscheduled", "unscheduled", "hold_dose", "resume_dose", "change_dose")
        more = (
            {}
            if deed in ("unscheduled", "resume_dose")
            else {"reason": "safety", "details": "Nausea"}
        )
        if deed == "change_dose":
            more["dose"] = self._one_of("d20", "d40", "d90")
        self._try(deed, "Ada", subject=subject, **more)

    def take_back(self) -> None:
        if (row := self._given()) is None:
            return
        given: Given = {"subject": row.subject, "kit": row.number}
        reason = self._one_of("lost", "damaged", "not_given", "return", "return")
        if reason == "return":
            units: Given = {"units_used": "3", "units_unused": "1", "units_missing": "0"}
            self._try("return_kit", "Ada", **given, **units)
        else:
            self._try("replace", "Ada", **given, reason=reason)

    def never_got(self) -> None:
        if (row := self._given()) is not None:
            given: Given = {"subject": row.subject, "kit": row.number}
            stored = self._one_of("yes", "no")
            made = self._try("never_got_it", "Ada", **given, storage_confirmed=stored)
            self._approve(made, "Cy")

    def wrong_kit(self) -> None:
        state = self._mostly("available", "dispensed")
        given: Given = {"subject": self._subject(), "kit": self._kit(state, "101")}
        self._approve(self._try("wrong_kit", "Ada", **given, given_date=TODAY), "Cy")

    def report(self) -> None:
        kit = self._kit(self._mostly("available", "unavailable"), "101")
        what = self._one_of("damaged", "missing", "doubtful")
        self._try("report_stock", "Ada", kit=kit, condition=what)

    def quarantine(self) -> None:
        who = self._one_of("Sam", "Quinn", "Ada")
        deed = "quarantine_kits" if who == "Ada" else "quarantine_stock"
        kit = self._kit(self._mostly("available"), "101" if who == "Ada" else None)
        self._try(deed, who, chosen_by="kits", kits=kit, event="doubt")

    def judge(self) -> None:
        deed = self._one_of("release_kits", "release_kits", "reject_kits", "confirm", "clear")
        waiting = "pre_quarantined" if deed in ("confirm", "clear") else "quarantined"
        kit = self._kit(self._mostly(waiting))
        basis: Given = {"basis": "Report", "budget_minutes": "1"}
        if deed in ("confirm", "clear"):
            deed, basis = "judge_excursion", {"minutes": "5", "verdict": deed}
        self._try(deed, "Quinn", chosen_by="kits", kits=kit, **basis)

    def settle(self) -> None:
        if self._is(0.7):
            kit = self._kit(self._mostly("returned", "damaged", "rejected"))
            self._try("verify_kits", "Cy", kits=kit, agrees="yes")
        else:
            self._try("kit_found", "Sam", kit=self._kit(self._mostly("missing")))

    def lot(self) -> None:
        """Another date, seldom a recall, seldom more kits of it."""
        lot, _, _ = self.chance.choice(LOTS)
        if self._is(0.1):
            self._try("recall_lot", "Quinn", lot=lot, reason="Foreign particles")
        elif self._is(0.2):
            given = {"how_many": "2", "depot": "900"}
            if self._try("generate_kits", "Sam", lot=lot, **given) is not None:
                self._packaged_more(lot)
        else:
            until = self._one_of("2027-12-31", "2027-05-31", "2027-08-31")
            self._try("extend_lot", "Sam", lot=lot, new_expiry=until, basis="Stability")

    def _packaged_more(self, lot: str) -> None:
        fresh = [row for row in self._kits() if row.number not in self.states]
        assert len(fresh) == 2
        of = "SELECT id FROM lot WHERE study = :study AND number = :n"
        assert {row.lot_id for row in fresh} == {self.world.one(of, n=lot)}
        self.packaged += self._by_type_and_lot(fresh)
        now = self._states()
        self.states |= {row.number: now[row.number] for row in fresh}

    def relabel(self) -> None:
        deed, who, second, site = self.chance.choice(
            [("relabel_stock", "Sam", "Dep", None), ("relabel_kits", "Ada", "Ivy", "101")]
        )
        kit = self._kit(self._mostly("unavailable"), site)
        query = (
            "SELECT lot.expiry FROM kit JOIN lot ON lot.id = kit.lot_id "
            "WHERE kit.study = :study AND kit.number = :n"
        )
        date = str(self.world.one(query, n=kit))
        labels = {"label_date": date, "labels_used": "1", "labels_destroyed": "0"}
        self._approve(self._try(deed, who, kits=kit, **labels), second)

    @invariant()
    def every_kit_is_in_one_place_and_none_is_more_or_less(self) -> None:
        rows = self._kits()
        assert all(len(place_of(row)) == 1 for row in rows)
        assert len(rows) == len(self.states)
        assert self._by_type_and_lot(rows) == self.packaged
        assert self._states(rows) == self.states  # what was refused changed nothing

    @invariant()
    def the_account_of_every_site_and_lot_closes(self) -> None:
        """Every few steps: it takes as long as a deed."""
        if self.tried % 4:
            return
        core = self.world.core
        with core.reading() as db:
            found = accountability(core, db, self.sam, self.world.study)
        assert [(one.site, one.difference) for one in found.sites if one.difference] == []
        assert len(found.kits) == len(self.states)
        assert sum(one.packaged for one in found.lots) == self.packaged.total()
        assert all(sum(one.counts.values()) == one.packaged for one in found.lots)


_DEEDS: Final = frozenset(
    {
        *("create_shipment", "dispatch_shipment", "dispatch_transfer", "receive", "resupply"),
        *("ship_to_depot", "receive_at_depot", "transfer_kits", "cancel_shipment"),
        *("shipment_lost", "acknowledge_shipment", "pack_shipment", "dispense", "unscheduled"),
        *("replace", "return_kit", "never_got_it", "wrong_kit", "report_stock"),
        *("quarantine_kits", "quarantine_stock", "release_kits", "reject_kits"),
        *("judge_excursion", "verify_kits", "kit_found", "extend_lot", "relabel_kits"),
        *("recall_lot", "generate_kits", "approve", "hold_dose", "resume_dose", "change_dose"),
    }
)
"""What must have been done, and not only tried, somewhere in all the stories, but for a few that
chance may leave out."""


@pytest.mark.slow
def test_the_balance_closes_after_every_step(
    copy_world: CopyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand steps and more on SQLite, several hundred on PostgreSQL."""
    for who, (number, _) in OFFICE.items():
        monkeypatch.setitem(PEOPLE, who, number)
    source = copy_world()
    here = set_up(World.at(source), exchanged=False, each=30)
    here.ship(6)
    here.ship(3, "102", receive="Di")
    here.close()
    lite = source.startswith("sqlite")

    done = Counter[str]()

    class Here(Supply):
        copy = staticmethod(copy_world)
        steps = done

    Here.source = source
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=30 if lite else 12,
            stateful_step_count=70 if lite else 50,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # a long story is not made shorter: each step costs a deed
            suppress_health_check=list(HealthCheck),
        ),
    )
    if lite:
        assert len(_DEEDS - set(done)) <= 3, _DEEDS - set(done)
