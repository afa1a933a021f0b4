"""The tables of docs/ say what the code does: names, keys, roles, questions, facts, codes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from tests.support import access, doses, lots, records, unblinding

if TYPE_CHECKING:
    from tests.support.world import Given, World

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
Row = tuple[str, ...]


def _table(page: str, *header: str) -> list[Row]:
    """The rows of the table that begins with these headings, cell by cell."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    rows = iter(tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines)
    for row in rows:
        if row[: len(header)] == header:
            next(rows)  # the line under the headings
            return list(_until_empty(rows))
    raise AssertionError(f"{page} has no table {header}")


def _until_empty(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        if row == ("",):
            return
        yield row


def _codes(cell: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def _who_does_what() -> dict[str, Row]:
    return {_codes(row[0])[0]: row for row in _table("TRANSACTIONS.md", "name", "phone")}


def _what_is_kept() -> dict[str, Row]:
    return {_codes(row[0])[0]: row for row in _table("TRANSACTIONS.md", "name", "facts", "sealed")}


def _codes_of_errors() -> dict[str, bool]:
    """Every code there is, and whether it is that of a recorded refusal."""
    import core
    from core.access import administer
    from core.errors import IxrsError, Refused, RequestReused
    from tests.support.catalogue import error_kinds

    unrecorded = (RequestReused, administer.AlreadySetUp)
    return {
        kind.code: issubclass(kind, Refused) and kind not in unrecorded
        for kind in error_kinds(core)
        if kind is not IxrsError
    }


def test_every_transaction_is_listed_in_the_order_of_the_menu() -> None:
    from core.register import transactions

    names = [transaction.name for transaction in transactions()]
    assert list(_who_does_what()) == names
    assert list(_what_is_kept()) == names


def test_keys_signatures_and_roles_are_those_of_the_register() -> None:
    from core.access.roles import ROLES, Permission
    from core.register import transactions

    listed = _who_does_what()
    for transaction in transactions():
        _, key, who, signed, _ = listed[transaction.name]
        roles = [role for role in ROLES if transaction.permission in ROLES[role]]
        everyone = transaction.permission is Permission.PERSONAL
        assert key == (transaction.menu_key or "–"), transaction.name
        assert who == ("everyone" if everyone else ", ".join(roles)), transaction.name
        assert signed == ("✎" if transaction.signed else ""), transaction.name


def test_questions_are_those_that_are_asked() -> None:
    from core.register import transactions

    listed = _who_does_what()
    for transaction in transactions():
        told = re.findall(r"`([a-z_0-9]+)`(\??)", listed[transaction.name][4])
        asked = [(name, "?" if maybe else "") for name, maybe in _asked(transaction.name).items()]
        if transaction.name == "hand_over":  # the series between the first and the last is "to"
            ends = ("subject", "confirmation", "carton_1", "carton_9")
            asked = [pair for pair in asked if pair[0] in ends]
        assert told == asked, transaction.name


def _asked(name: str) -> dict[str, bool]:
    """The questions over all kinds of studies, factors apart: name to whether it may be left."""
    from core.register import find
    from core.study.read import read_published
    from core.transaction import always
    from tests.support.studies import STUDIES

    found: dict[str, bool] = {}
    seen: list[set[str]] = []
    for source in STUDIES.values():
        config = read_published(source)
        factors = {factor.name for factor in config.asked_factors}
        questions = [one for one in find(name).questions(config) if one.name not in factors]
        seen.append({question.name for question in questions})
        for question in questions:
            found[question.name] = found.get(question.name, False) or (
                question.when is not always or question.optional
            )
    used = [names for names in seen if names]
    return {key: maybe or any(key not in names for names in used) for key, maybe in found.items()}


def test_roles_are_those_of_the_code() -> None:
    from core.access.roles import ROLES, UNBLINDED, Permission
    from core.register import transactions

    rows = _table("ROLES.md", "role", "blinded")
    assert [row[0] for row in rows] == list(ROLES)
    for role, blinded, permissions, does in rows:
        held = ROLES[role]
        assert blinded == ("no, by grant" if role in UNBLINDED else "yes"), role
        assert _codes(permissions) == [one.value for one in Permission if one in held], role
        assert _codes(does) == [one.name for one in transactions() if one.permission in held], role


def test_every_error_code_is_explained() -> None:
    rows = _table("TRANSACTIONS.md", "code", "recorded")
    told = {_codes(row[0])[0]: row[1] == "yes" for row in rows}
    assert len(rows) == len(told)
    assert told == _codes_of_errors()


def test_refusals_listed_are_recorded_ones_and_each_is_somebodys() -> None:
    recorded = {code for code, is_recorded in _codes_of_errors().items() if is_recorded}
    own = {code for row in _what_is_kept().values() for code in _codes(row[3])}
    assert own == recorded - {"refused", "not_allowed", "signature_missing"}


@pytest.fixture
def lived_in(quick_world: World) -> World:
    """The world after everything that its own making leaves out."""
    _held_and_corrected(quick_world)
    unblinding.lived_in(quick_world)
    _at_the_site(quick_world)
    records.lived_in(quick_world)
    _about_the_study(quick_world)
    _in_cohorts_and_phases(quick_world)
    _lists(quick_world)
    doses.lived_in(quick_world)
    lots.lived_in(quick_world)
    access.lived_in(quick_world)
    return quick_world


def _at_the_site(world: World) -> None:
    failed = world.screen()
    world.do("screen_failure", "Ada", subject=failed, reason="other")
    number = world.randomized()
    (kit,) = world.dispense(number)
    world.refused("wrong_carton", "hand_over", "Ada", subject=number, carton_1=_other(kit))
    world.do("hand_over", "Ada", subject=number, carton_1=kit[-4:])
    world.do("replace", "Ada", subject=number, kit=kit, reason="lost")
    world.do("unscheduled", "Ada", subject=number)
    world.do("missed_visit", "Ada", subject=number, visit="V2")
    world.days_later(56)
    world.do("visit_without_drug", "Ada", subject=number, visit="V3", reason="site")
    world.do("move_subject", "Mia", subject=world.randomized(), to_site="102")
    world.do("end", "Ada", subject=number, what_ended="completed", end_date="2027-01-15")
    query = "SELECT number FROM kit WHERE study = :study AND site = '101' AND disposition = :d"
    on_shelf = world.rows(query, d="available")[0].number
    world.do("report_stock", "Ada", kit=on_shelf, condition="damaged")
    kits = "SELECT number FROM kit WHERE study = :study AND disposition = 'dispensed'"
    taken_back = world.rows(kits)[0].number
    units: Given = {"units_used": "20", "units_unused": "8"}
    world.do("return_kit", "Ada", subject=number, kit=taken_back, units_missing="0", **units)
    world.do("verify_kits", "Cy", kits=taken_back, agrees="yes")
    _about_shipments(world)
    _about_quality(world)
    world.do("repeat", "Ada")
    world.do("change_pin", "Ada", new_pin="314159")


def _about_shipments(world: World) -> None:
    query = "SELECT number FROM shipment WHERE study = :study AND status = :s"
    made = world.do("create_shipment", "Sam", to_site="101", kits_each="1").facts["shipment"]
    world.do("cancel_shipment", "Sam", shipment=made, reason="Not needed")
    world.ship(1, receive=None)
    on_its_way = world.rows(query, s="in_transit")[0].number
    world.do("shipment_lost", "Sam", shipment=on_its_way, reason="Not found")
    _about_orders(world)


def _about_orders(world: World) -> None:
    from tests.support.shipments import proposed, transfer

    day = world.core.now().date().isoformat()
    made = proposed(world, "101")
    for deed in ("approve_shipment", "acknowledge_shipment", "pack_shipment"):
        world.do(deed, "Sam", shipment=made)
    world.do("cancel_shipment", "Sam", shipment=made, reason="Not needed")
    sent = world.do("ship_to_depot", "Sam", to_depot="901", kits_each="1").facts["shipment"]
    world.do("dispatch_shipment", "Sam", shipment=sent, dispatch_date=day)
    came: Given = {"received_date": day, "logger": "no_alarm", "damaged": "", "missing": ""}
    world.do("receive_at_depot", "Sam", shipment=sent, **came)
    moved = transfer(world, "101", "102")
    world.do("dispatch_transfer", "Ada", shipment=moved, dispatch_date=day)


def _about_quality(world: World) -> None:
    basis: Given = {"basis": "Stability report 7", "budget_minutes": "30"}
    lot: Given = {"chosen_by": "lot", "lot": "5002"}
    shelf: Given = {"chosen_by": "lot", "lot": "5001"}
    world.receive(world.ship(1, receive=None), logger="none")
    world.do("judge_excursion", "Quinn", **lot, minutes="5", verdict="confirm")
    world.do("release_kits", "Quinn", **lot, **basis)
    world.do("quarantine_stock", "Sam", **shelf, event="recall")
    world.do("reject_kits", "Quinn", **shelf, **basis)
    query = "SELECT number FROM kit WHERE study = :study AND site = '101' AND quality = 'none'"
    first, second, *_ = world.rows(f"{query} AND disposition = 'available' ORDER BY number")
    kits = first.number
    world.do("quarantine_kits", "Ada", chosen_by="kits", kits=kits, event="doubt")
    world.do("report_stock", "Ada", kit=second.number, condition="missing")
    world.do("kit_found", "Sam", kit=second.number)


def _other(kit: str) -> str:
    return f"{(int(kit[-4:]) + 1) % 10_000:04d}"


def _about_the_study(world: World) -> None:
    from tests.support.resupply import MIN_MAX, publish
    from tests.support.studies import COMBI

    staying = world.screen()
    amended = COMBI.replace("rescreens_max = 1", "rescreens_max = 2")
    publish(world, MIN_MAX.format(minimum=20, maximum=22), amended)
    world.stock([("8801", "A", "2029-06"), ("8802", "B", "2029-06")], 2, start=700)
    world.do("resupply", "Sam", to_site="102")
    day = world.core.now().date().isoformat()
    world.do("approve_version", "Mia", to_site="101", version="2", effective_date=day)
    world.do("move_to_version", "Mia", subject=staying, version="2")
    world.do("pause_site", "Mia", to_site="101", approval_date=day)
    world.do("close_site", "Mia", to_site="101", approval_date=day)
    world.do("send_code", "Hal", user_id="11")
    world.do("grant_role", "Mia", user_id="15", role="monitor", to_site="101")
    given = "SELECT max(id) FROM grant_role WHERE user_id = '15'"
    world.do("end_role", "Mia", grant=str(world.one(given)))


def _held_and_corrected(world: World) -> None:
    number = world.randomized(sex="F")
    right: Given = {"which_factor": "sex", "right_level": "M", "reason": "entry"}
    proposed = world.do("correct_levels", "Ada", subject=number, **right)
    world.do("approve", "Ivy", proposal=str(proposed.facts["proposal"]))
    mistaken: Given = {"reason": "duplicate", "treatment_goes_on": "no"}
    world.do("randomized_in_error", "Ivy", subject=number, **mistaken)
    stopped: Given = {
        "hold_randomization": "yes",
        "hold_dispensing": "yes",
        "hold_reason": "Two events",
    }
    whole: Given = {"hold_scope": "study", "hold_screening": "yes"}
    arm: Given = {"hold_scope": "arm", "hold_arm": "active"}
    for place, what in enumerate((whole, arm), start=1):
        world.do("place_hold", "Mia", **what, **stopped)
        world.do("lift_hold", "Mia", hold=str(place), hold_reason="No relation")


def _in_cohorts_and_phases(world: World) -> None:
    from tests.support.stories import decide, dosed, respond, set_up

    here = set_up(world)
    decide(here, "open")
    number = dosed(here)
    respond(here, number)
    day = here.core.now().date().isoformat()
    given: Given = {"subject": number, "assessed_on": day, "answer": "yes", "reason": "source"}
    proposed = here.do("correct_response", "Ada", **given)
    here.do("approve", "Ivy", proposal=str(proposed.facts["proposal"]))
    here.do("enter_phase", "Ada", subject=number, phase="ROLL")
    decide(here, "stay", reason="Only one so far")


def _lists(world: World) -> None:
    from tests.support.lists import FIRST, activated, listed

    here = listed(world)
    here.do("import_list", "Tess", file=FIRST)
    activated(here)
    here.do("take_seed_share", "Tess")
    header = "subject,site,randomization_number,randomized_on,arm,sex"
    here.do("import_subjects", "Tess", file=f"{header}\n77,101,990001,2026-10-23,active,F")


def test_facts_are_those_that_the_ledger_keeps(lived_in: World) -> None:
    told = {name: set(_codes(row[1])) for name, row in _what_is_kept().items()}
    kept: dict[str, set[str]] = {}
    for entry in _entries(lived_in):
        if entry["transaction"] in told and entry["outcome"] != "refused":
            kept.setdefault(entry["transaction"], set()).update(entry["facts"])
    assert kept == told


def test_sealed_values_are_those_of_the_page(lived_in: World) -> None:
    told = {name: set(_codes(row[2])) for name, row in _what_is_kept().items()}
    kept: dict[str, set[str]] = {name: set() for name in told}
    for entry in _entries(lived_in):
        if entry["transaction"] in told:
            names = {re.sub(r"_\d{8}$", "_N", name) for name in entry["secret"]}
            kept[entry["transaction"]] |= names
    assert kept == told


def test_events_are_listed_with_their_facts(lived_in: World) -> None:
    rows = _table("TRANSACTIONS.md", "name", "when")
    told = {_codes(row[0])[0]: set(_codes(row[2])) for row in rows}
    transactions = set(_who_does_what())
    happened = [one for one in _entries(lived_in) if one["transaction"] not in transactions]
    assert {one["transaction"] for one in happened} >= {"set_up", "activated"}
    for one in happened:
        assert set(one["facts"]) == told[one["transaction"]], one["transaction"]


def test_a_refusal_keeps_its_code_and_its_words(lived_in: World) -> None:
    refusals = [one for one in _entries(lived_in) if one["outcome"] == "refused"]
    assert refusals
    assert all(set(one["facts"]) == {"refused", "message"} for one in refusals)


def _entries(world: World) -> list[dict[str, Any]]:
    return [json.loads(row.body) for row in world.rows("SELECT body FROM ledger")]


def test_every_setting_is_explained() -> None:
    read = re.findall(r'read\("(IXRS_\w+)"', (ROOT / "core" / "settings.py").read_text("utf-8"))
    told = [_codes(row[0])[0] for row in _table("OPERATIONS.md", "setting", "what")]
    assert sorted(told) == sorted(read)


@pytest.mark.parametrize("page", ["README.md", "docs/OPERATIONS.md", "docs/STUDY.md"])
def test_commands_named_exist(page: str) -> None:
    from web.cli import main

    text = (ROOT / page).read_text(encoding="utf-8").partition("## Not there yet")[0]
    for words in set(re.findall(r"(?<![/\w])ixrs ([a-z]+(?: [a-z_]+)?)", text)):
        first, _, second = words.partition(" ")
        command = main.get_command(click.Context(main), first)
        assert command is not None, words
        if isinstance(command, click.Group) and second:
            assert second in command.commands, words
