"""What happens in both worlds of the swap test: every deed of drug supply, on real channels."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from core.supply.night import run_night
from core.supply.reminders import remind_due
from tests.noninterference.hands import Hands
from tests.support.shipments import kits_in, shelf
from tests.support.swap import CODE, LOTS, day_of

SURE: Final = {"consent": "yes", "eligible": "yes"}
UNITS: Final = {"units_used": "20", "units_unused": "8", "units_missing": "1"}
BASIS: Final = {"basis": "Report 7", "budget_minutes": "30"}


def keyed(day: str) -> str:
    """A day as it is keyed: day, month, year."""
    year, month, date = day.split("-")
    return f"{date}{month}{year}"


def _received(hands: Hands, **more: str) -> dict[str, str]:
    day = day_of(hands.world)
    known = {"received_date": day, "logger": "no_alarm", "damaged": "", "missing": ""}
    return {**known, **more}


def _approved(hands: Hands, facts: Any, who: str, way: str = "command") -> Any:
    do = {"command": hands.command, "web": hands.web, "api": hands.api}[way]
    return do("approve", who, proposal=str(facts["proposal"]))


def shipments(hands: Hands) -> None:
    """By hand: one with an alarm, one lacking kits, one called off, one lost."""
    world, day = hands.world, day_of(hands.world)
    first = str(hands.api("create_shipment", "Sam", to_site="101", kits_each="4")["shipment"])
    hands.command("acknowledge_shipment", "Sam", shipment=first)
    hands.web("pack_shipment", "Sam", shipment=first)
    sent = {"dispatch_date": day, "courier": "Swift", "waybill": "W 1", "loggers": "L1 L2"}
    hands.web("dispatch_shipment", "Sam", shipment=first, **sent)
    hands.phone("receive", "Ada", f"5 {first}# {keyed(day)} 2 0# 0# 1")
    chosen = {"chosen_by": "shipment", "shipment": first}
    hands.web("judge_excursion", "Quinn", **chosen, minutes="9", verdict="clear")
    second = str(hands.command("create_shipment", "Sam", to_site="101", kits_each="2")["shipment"])
    hands.api("dispatch_shipment", "Sam", shipment=second, dispatch_date=day)
    inside = kits_in(world, second)
    given = _received(hands, damaged=inside[0], missing=inside[1])
    hands.web("receive", "Pat", shipment=second, **given, to_follow="yes")
    hands.api(
        "receive", "Ada", shipment=second, **_received(hands, missing=inside[1]), to_follow="no"
    )
    hands.command("kit_found", "Sam", kit=inside[1])
    named = {"chosen_by": "kits", "kits": inside[1]}
    hands.api("release_kits", "Quinn", **named, **BASIS)
    for deed in ("cancel_shipment", "shipment_lost"):
        made = str(hands.web("create_shipment", "Sam", to_site="102", kits_each="1")["shipment"])
        if deed == "shipment_lost":
            hands.command("dispatch_shipment", "Sam", shipment=made, dispatch_date=day)
        hands.api(deed, "Sam", shipment=made, reason="So it is")
    hands.command("receive", "Ada", shipment=first, **_received(hands))  # received already
    world.ship(2, "102", receive="Di")


def subjects(hands: Hands) -> list[str]:
    """Four subjects, two of each arm, each given the first kits on another channel."""
    day = day_of(hands.world)
    numbers = [
        str(hands.command("screen", "Ada", consent_date=day)["screening_number"]) for _ in range(4)
    ]
    for number, do in zip(numbers, (hands.web, hands.api, hands.command, hands.web), strict=True):
        do("randomize", "Ivy", subject=number, **SURE)
    one, two, three, four = numbers
    kits = {one: hands.phone("dispense", "Ada", f"3 {one}# 1 1")["kits"]}
    kits[two] = hands.web("dispense", "Pat", subject=two, visit="V1")["kits"]
    kits[three] = hands.api("dispense", "Ivy", subject=three, visit="V1")["kits"]
    kits[four] = hands.command("dispense", "Ada", subject=four, visit="V1")["kits"]
    ends = {number: [kit[-4:] for kit in given] for number, given in kits.items()}
    wrong = f"{(int(ends[one][0]) + 1) % 10_000:04d}"
    sms = confirmation(hands, one)
    hands.sms("Ada", f"GIVEN {sms} {wrong} " + " ".join(ends[one][1:]))
    hands.sms("Ada", f"GIVEN {sms} " + " ".join(ends[one]))
    hands.phone("hand_over", "Ada", f"6 2 {two}# {' '.join(ends[two])} 1")
    cartons = {f"carton_{n}": four_digits for n, four_digits in enumerate(ends[three], start=1)}
    hands.web("hand_over", "Ada", subject=three, **cartons)
    cartons = {f"carton_{n}": four_digits for n, four_digits in enumerate(ends[four], start=1)}
    hands.api("hand_over", "Ada", subject=four, **cartons)
    return numbers


def confirmation(hands: Hands, subject: str) -> str:
    query = (
        "SELECT confirmation FROM receipt WHERE study = :study AND subject = :n "
        "AND \"transaction\" = 'dispense' ORDER BY id DESC LIMIT 1"
    )
    return str(hands.world.one(query, n=subject))


def kits_of(hands: Hands, subject: str) -> list[str]:
    """The kits that the subject has, the oldest first."""
    query = (
        "SELECT kit.number FROM kit JOIN subject ON subject.id = kit.subject_id "
        "WHERE subject.study = :study AND subject.number = :n AND kit.disposition = 'dispensed' "
        "ORDER BY kit.dispensed_at, kit.number"
    )
    return [row.number for row in hands.world.rows(query, n=subject)]


def mishaps(hands: Hands, numbers: list[str]) -> None:
    """Kits lost, damaged, doubtful, never got, given to another subject."""
    one, two, three, four = numbers
    kit = kits_of(hands, one)[0]
    hands.phone("replace", "Ada", f"4 {one}# {kit}# 1 1")
    hands.web("replace", "Pat", subject=two, kit=kits_of(hands, two)[0], reason="damaged")
    hands.api("replace", "Ada", subject=three, kit=kits_of(hands, three)[0], reason="not_given")
    here = shelf(hands.world)
    hands.phone("report_stock", "Ada", f"6 3 {here[0]}# 1 1")
    hands.web("report_stock", "Pat", kit=here[1], condition="missing")
    hands.api("report_stock", "Ivy", kit=here[2], condition="doubtful")
    named = {"chosen_by": "kits", "kits": here[3], "event": "excursion"}
    hands.web("quarantine_kits", "Ada", **named)
    hands.api("quarantine_stock", "Quinn", **{**named, "kits": here[4]})
    hands.command("reject_kits", "Quinn", chosen_by="kits", kits=here[4], **BASIS)
    never = {"subject": four, "kit": kits_of(hands, four)[0], "storage_confirmed": "no"}
    _approved(hands, hands.web("never_got_it", "Ada", **never), "Cy", "web")
    wrong = {"kit": kits_of(hands, two)[-1], "given_date": day_of(hands.world)}
    _approved(hands, hands.api("wrong_kit", "Ada", subject=three, **wrong), "Cy", "api")
    wrong["kit"] = shelf(hands.world)[0]
    _approved(hands, hands.web("wrong_kit", "Pat", subject=one, **wrong), "Cy")


def doses(hands: Hands, numbers: list[str]) -> None:
    """Held, resumed, changed, titrated at the visit four weeks on."""
    one, two, three, four = numbers
    why = {"reason": "safety", "details": "Nausea"}
    hands.web("hold_dose", "Ada", subject=one, **why)
    hands.phone("unscheduled", "Ada", f"6 7 {one}# 1")  # nothing while it is held
    hands.api("resume_dose", "Ada", subject=one)
    hands.command("change_dose", "Ivy", subject=two, dose="d20", **why)
    hands.world.days_later(28)
    _restock(hands)
    hands.phone("dispense", "Ada", f"3 {one}# 1 1 1")
    hands.web("dispense", "Ada", subject=two, visit="V2", dose="d40")
    hands.api("dispense", "Pat", subject=three, visit="V2", dose="d20")
    hands.command("dispense", "Ivy", subject=four, visit="V2", dose="d90")
    hands.phone("unscheduled", "Ada", f"6 7 {two}# 1")


def _restock(hands: Hands) -> None:
    """The night sends what is lacking; it is received."""
    world = hands.world
    hands.command("resupply", "Sam", to_site="102")
    world.set_time(world.core.now().replace(hour=4) + dt.timedelta(days=1))
    hands.background("night", lambda: run_night(world.core, CODE, world.core.now().date()))
    world.days_later(1)
    hands.background("reminders", lambda: remind_due(world.core))
    world.set_time(world.core.now().replace(hour=15))
    waiting = world.rows(
        "SELECT number, site FROM shipment WHERE study = :study AND status = 'requested' "
        "ORDER BY id"
    )
    assert waiting
    for row in waiting:
        hands.api("acknowledge_shipment", "Sam", shipment=row.number)
        hands.command("dispatch_shipment", "Sam", shipment=row.number, dispatch_date=day_of(world))
        who = {"101": "Ada", "102": "Di"}[row.site]
        hands.web("receive", who, shipment=row.number, **_received(hands))


def returned(hands: Hands, numbers: list[str]) -> None:
    """Drug comes back, is counted and verified."""
    one, two, *_ = numbers
    kit = kits_of(hands, one)[0]
    hands.phone("return_kit", "Ada", f"6 6 6 9 {one}# {kit}# 20# 8# 1# 1 1")
    other = kits_of(hands, two)[0]
    hands.web("return_kit", "Pat", subject=two, kit=other, **UNITS)
    hands.api("return_kit", "Ada", subject=two, kit=kits_of(hands, two)[0], **UNITS)
    hands.web("verify_kits", "Cy", kits=kit, agrees="yes")
    hands.api("verify_kits", "Cy", kits=other, agrees="no", discrepancy="One blister more")


def elsewhere(hands: Hands) -> None:
    """From site to site, and from depot to depot."""
    kits = [shelf(hands.world, lot=lot)[-1] for lot, _, _ in LOTS]
    given = {"from_site": "101", "to_site": "102", "kits": ",".join(sorted(kits))}
    told = {"storage_in_order": "yes", "reason": "Site 102 runs low"}
    facts = _approved(hands, hands.web("transfer_kits", "Sam", **given, **told), "Quinn", "web")
    day = day_of(hands.world)
    hands.api("dispatch_transfer", "Ada", shipment=str(facts["shipment"]), dispatch_date=day)
    hands.web("receive", "Di", shipment=str(facts["shipment"]), **_received(hands))
    made = hands.api("ship_to_depot", "Sam", to_depot="901", kits_each="2")
    hands.command("dispatch_shipment", "Sam", shipment=str(made["shipment"]), dispatch_date=day)
    hands.web("receive_at_depot", "Sam", shipment=str(made["shipment"]), **_received(hands))


def lots(hands: Hands) -> None:
    """One lasts longer, its kits are relabelled; another one is recalled."""
    lot, later = LOTS[0][0], "2027-12-31"
    hands.web("extend_lot", "Sam", lot=lot, new_expiry=later, basis="Stability report")
    kits = ",".join(_to_relabel(hands, "kit.site = '101'")[:2])
    labels = {"label_date": later, "labels_used": "3", "labels_destroyed": "1"}
    made = hands.web("relabel_kits", "Ada", kits=kits, **labels)
    _approved(hands, made, "Ivy", "web")
    kits = _to_relabel(hands, "kit.depot = '900'")[0]
    hands.api("relabel_stock", "Sam", kits=kits, **labels)
    hands.command("generate_kits", "Sam", lot=LOTS[2][0], how_many="3", depot="900")
    hands.web("recall_lot", "Quinn", lot=LOTS[3][0], reason="Foreign particles")


def _to_relabel(hands: Hands, where: str) -> list[str]:
    query = (
        "SELECT kit.number FROM kit WHERE kit.study = :study AND labelled_until IS NOT NULL "
        "AND custody = 'at_rest' AND disposition = 'available' AND quality = 'none' "
        f"AND {where} ORDER BY kit.number"
    )
    return [row.number for row in hands.world.rows(query)]


def refusals(hands: Hands, numbers: list[str]) -> None:
    """Nothing is left of what some subjects need: the same words on every channel."""
    one, two, three, four = numbers
    for kit in shelf(hands.world, lot=LOTS[1][0]):
        hands.world.do("report_stock", "Ada", kit=kit, condition="missing")
    hands.phone("unscheduled", "Ada", f"6 7 {one}# 1")
    hands.web("unscheduled", "Ada", subject=two)
    hands.api("unscheduled", "Pat", subject=three)
    hands.command("unscheduled", "Ivy", subject=four)
    for number in numbers:
        for kit in kits_of(hands, number)[:1]:
            hands.command("replace", "Ada", subject=number, kit=kit, reason="lost")
    number = str(
        hands.command("screen", "Ada", consent_date=day_of(hands.world))["screening_number"]
    )
    hands.web("randomize", "Ivy", subject=number, **SURE)
    hands.api("create_shipment", "Sam", to_site="101", kits_each="99")
    hands.command("receive", "Ada", shipment="12345614", **_received(hands))
    hands.command("report_stock", "Ada", kit="12345678", condition="damaged")


def brief(hands: Hands, each: int) -> list[str]:
    """All that the depot has comes to the site at once, so that chance has no say in which kits;
    some of it is given, and goes wrong. Returns the numbers of the subjects."""
    hands.world.ship(each)
    numbers = subjects(hands)
    mishaps(hands, numbers)
    for number in numbers[:2]:
        kit = kits_of(hands, number)[0]
        hands.command("return_kit", "Ada", subject=number, kit=kit, **UNITS)
    return numbers
