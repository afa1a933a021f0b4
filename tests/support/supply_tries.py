"""Deeds of drug supply tried at random, legal and illegal ones, by whoever might try them."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, Final

from core.errors import InvalidInput, NotFound, Refused
from core.supply.lifecycle import SHIPMENT_STATES, STATES
from tests.support.swap import LOTS
from tests.support.world import TODAY, Given, World

_MISTAKES: Final = (Refused, InvalidInput, NotFound)
TRIED: Final = (
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
        "destroy",
        "lot",
        "relabel",
        "relabel",
    ),
)
"""What is tried, how often beside the others."""


class Tries:
    """Hands that try things in a world. `states` are those of the kits as they were last seen,
    `done` counts the deeds that were done, `chance` says with what the next thing is tried."""

    world: World
    states: dict[str, str]
    done: Counter[str]
    chance: random.Random

    def went(self) -> None:
        """A deed was done: look at what it changed."""

    def packaged(self, lot: str, count: int) -> None:
        """So many kits of the lot were made."""

    def _try(self, deed: str, who: str, **given: Any) -> dict[str, Any] | None:
        """Its facts; None for an illegal step: the invariants see that it changed nothing."""
        try:
            facts = dict(self.world.do(deed, who, **given).facts)
        except _MISTAKES:
            return None
        self.done[deed] += 1
        self.went()
        return facts

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

    def destroy(self) -> None:
        """Counted by the monitor before, authorised, and gone."""
        kit = self._kit(self._mostly("returned", "damaged", "verified", "rejected"))
        if self._is(0.8):
            self._try("verify_kits", "Cy", kits=kit, agrees="yes")
        if self._is(0.9):
            self._try("authorise_destruction", "Sam", kits=kit)
        deed, who = self.chance.choice([("destroy_kits", "Ada")] * 3 + [("destroy_stock", "Sam")])
        how = {"method": "other", "certificate_number": "7", "witness": "Pat"}
        self._try(deed, who, kits=kit, destroyed_date=TODAY, **how)

    def lot(self) -> None:
        """Another date, seldom a recall, seldom more kits of it."""
        lot, _, _ = self.chance.choice(LOTS)
        if self._is(0.1):
            self._try("recall_lot", "Quinn", lot=lot, reason="Foreign particles")
        elif self._is(0.2):
            given = {"how_many": "2", "depot": "900"}
            if self._try("generate_kits", "Sam", lot=lot, **given) is not None:
                self.packaged(lot, 2)
        else:
            until = self._one_of("2027-12-31", "2027-05-31", "2027-08-31")
            self._try("extend_lot", "Sam", lot=lot, new_expiry=until, basis="Stability")

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
