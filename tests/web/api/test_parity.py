"""What is done by the API is what is done by `ixrs do`: facts, refusals, codes, ledger entries."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import IxrsError
from core.register import find, transactions
from core.transaction import Channel
from tests.support import access, doses, lots, records, shipments, unblinding
from tests.support.api import Api
from tests.support.lists import FIRST, listed
from tests.support.stories import set_up
from tests.support.studies import COMBI
from tests.support.world import HOMES, OTHER_PIN, PIN, TODAY, World, users
from tests.support.world_fixtures import copy_sqlite
from web.api.deeds import questions_of
from web.cli.base import Failed
from web.cli.deeds import act

Said = tuple[str | None, dict[str, Any]]
"""The code of a refusal, if it was one, and the facts."""


@dataclass
class Hands:
    """One way to act, in a world of its own."""

    world: World
    act: Callable[[str, str, str, str | None, dict[str, str]], Said]
    heard: list[tuple[str, Said]] = field(default_factory=list)

    study: str = "combi"

    def do(self, name: str, who: str, site: str | None = "home", **given: str) -> dict[str, Any]:
        """Do it, and remember what it led to."""
        if site == "home":
            site = HOMES.get(who, "101") if find(name).site else None
        said = self.act(self.study, name, who, site, given)
        self.heard.append((name, json.loads(json.dumps(said, default=str))))
        return said[1]


def by_command(world: World, folder: Path) -> Hands:
    """Through `ixrs do`, as in a demo, where a PIN may be typed as an argument."""
    world.core.settings = replace(world.core.settings, twilio_api_url="http://127.0.0.1:1")
    api = Api(world)

    def do(study: str, name: str, who: str, site: str | None, given: dict[str, str]) -> Said:
        api.token(who)  # draws on the same chance as in the other world
        if "file" in given:
            path = folder / "given"
            path.write_text(given["file"], encoding="utf-8")
            given = {**given, "file": str(path)}
        try:
            done = act(world.core, world.actor(who), PIN, name, study, site, given, None)
        except (IxrsError, Failed) as error:
            return error.code, {}
        return None, {**done.facts, "subject": done.subject, "pending": done.pending}

    return Hands(world, do)


def by_api(world: World) -> Hands:
    """Through the API."""
    api = Api(world)

    def do(study: str, name: str, who: str, site: str | None, given: dict[str, str]) -> Said:
        known = questions_of(find(name))
        answers = {one: _typed(known.get(one, {}), raw) for one, raw in given.items()}
        found = api.do(name, who, site, study=study, **answers).get_json()
        if "code" in found:
            return found["code"], {}
        return None, {**found["facts"], "subject": found["subject"], "pending": found["pending"]}

    return Hands(world, do)


def _typed(schema: Any, raw: str) -> Any:
    match schema.get("type"):
        case "boolean":
            return raw == "yes"
        case "integer":
            return int(raw)
        case "array":
            return raw.split(",") if raw else []
    return raw


def live(hands: Hands) -> None:
    """Everything that can be done, and a good part of what can't."""
    at_the_site(hands)
    held_and_corrected(hands)
    with_codes_broken(hands)
    supply(hands)
    shipments.live(hands.world, hands.do)
    lots.live(hands.world, hands.do)
    do_wrong_lots(hands)
    quality(hands)
    returns(hands)
    records.live(hands.world, hands.do)
    about_the_study(hands)
    in_cohorts_and_phases(hands)
    lists(hands)
    with_doses(hands)
    hands.study = "combi"
    access.live(hands.world, hands.do)
    access.live_refused(hands.world, hands.do)


def at_the_site(hands: Hands) -> None:
    do = hands.do
    screening = {"consent_date": TODAY, "year_of_birth": "1961", "rescreened": "no"}
    sure = {"consent": "yes", "eligible": "yes", "sex": "F"}
    failed = do("screen", "Ada", **screening)["subject"]
    do("screen_failure", "Ada", subject=failed, reason="other")
    do("screen", "Ada", **{**screening, "rescreened": "yes"}, previous_subject=failed)
    number = do("screen", "Ada", **screening)["subject"]
    do("randomize", "Ada", subject=number, **sure)  # who confirmed it?
    do("randomize", "Ada", subject=number, **sure, confirmed_by="12")
    do("randomize", "Ivy", subject=number, **sure)
    do("randomize", "Ivy", subject=failed, **{**sure, "eligible": "no"})
    do("randomize", "Cy", subject=number, **sure)
    do("screen", "Ada", "102", **screening)
    do("screen", "Ada", **{**screening, "consent_date": "2026-11-21"})
    do("screen", "Ada", **screening, colour="red")
    (kit,) = do("dispense", "Ada", subject=number, visit="V1")["kits"]
    do("dispense", "Ada", subject=number, visit="V1")
    do("hand_over", "Ada", subject=number, carton_1=f"{(int(kit[-4:]) + 1) % 10_000:04d}")
    do("hand_over", "Ada", subject=number, carton_1=kit[-4:])
    do("replace", "Ada", subject=number, kit=kit, reason="lost")
    do("unscheduled", "Ada", subject=number)
    do("missed_visit", "Ada", subject=number, visit="V2")
    hands.world.days_later(56)
    do("visit_without_drug", "Ada", subject=number, visit="V3", reason="site")
    moving = do("screen", "Ada", **screening)["subject"]
    do("move_subject", "Mia", subject=moving, to_site="102")
    do("end", "Ada", subject=number, what_ended="completed", end_date="2027-01-15")
    query = "SELECT number FROM kit WHERE study = :study AND site = '101' AND disposition = :d"
    shelf = hands.world.rows(f"{query} ORDER BY number", d="available")
    do("report_stock", "Ada", kit=shelf[0].number, condition="damaged")
    do("report_stock", "Ada", kit="12345678", condition="damaged")
    do("repeat", "Ada")
    do("repeat", "Dan")


def with_codes_broken(hands: Hands) -> None:
    do = hands.do
    do("import_users", "Admin", file=users(unblinding.OFFICE))
    for who, _, _ in unblinding.OFFICE:
        hands.world.let_in(who)
    screening = {"consent_date": TODAY, "year_of_birth": "1961", "rescreened": "no"}
    sure = {"consent": "yes", "eligible": "yes", "sex": "F"}
    number = do("screen", "Ada", **screening)["subject"]
    do("code_break", "Ivy", subject=number, **unblinding.BREAK)
    do("randomize", "Ivy", subject=number, **sure)
    unblinding.live_refused(do, number)
    unblinding.live(hands.world, do, number)


def held_and_corrected(hands: Hands) -> None:
    do = hands.do
    screening = {"consent_date": TODAY, "year_of_birth": "1961", "rescreened": "no"}
    number = do("screen", "Ada", **screening)["subject"]
    do("randomize", "Ivy", subject=number, consent="yes", eligible="yes", sex="M")
    right = {"which_factor": "sex", "right_level": "F", "reason": "entry"}
    proposal = do("correct_levels", "Ada", subject=number, **right, details="Page 3")["proposal"]
    do("approve", "Ada", proposal=proposal)
    do("approve", "Ivy", proposal=proposal)
    do("correct_levels", "Ada", subject=number, **right)
    mistaken = {"subject": number, "reason": "wrong_person", "treatment_goes_on": "no"}
    do("randomized_in_error", "Ada", **mistaken)
    do("randomized_in_error", "Ivy", **mistaken)
    do("randomized_in_error", "Ivy", **mistaken)
    stopped = {"hold_randomization": "yes", "hold_dispensing": "no", "hold_reason": "Two events"}
    do("place_hold", "Ada", hold_scope="arm", hold_arm="active", **stopped)
    do("place_hold", "Mia", hold_scope="arm", hold_arm="active", **stopped)
    do("place_hold", "Mia", hold_scope="stratum", sex="any", **stopped)
    do("place_hold", "Mia", hold_scope="stratum", sex="F", **stopped)
    waiting = do("screen", "Ada", **screening)["subject"]
    do("randomize", "Ivy", subject=waiting, consent="yes", eligible="yes", sex="M")
    do("lift_hold", "Mia", hold="1", hold_reason="No relation")
    do("lift_hold", "Mia", hold="2", hold_reason="No relation")
    do("lift_hold", "Mia", hold="2", hold_reason="No relation")


def supply(hands: Hands) -> None:
    do = hands.do
    day = hands.world.core.now().date().isoformat()
    do("import_lots", "Sam", file="lot,kit_type,expiry,countries\n7001,A,2029-01,US")
    do("import_kits", "Sam", file="kit_number,sequence,kit_type,lot\n1,1,A,7001")
    do("import_kits", "Sam", file="kit_number,sequence,kit_type,lot\n90000007,901,A,7001")
    proposal = do("release_lot", "Sam", lot="7001", certificate="77")["proposal"]
    do("approve", "Sam", proposal=proposal)
    do("approve", "Quinn", proposal=proposal)
    do("approve", "Quinn", proposal=proposal)
    made = do("create_shipment", "Sam", to_site="101", kits_each="2")
    do("receive", "Ada", shipment=made["shipment"], received_date=day, logger="no_alarm",
       damaged="", missing="")  # fmt: skip
    do("dispatch_shipment", "Sam", shipment=made["shipment"], dispatch_date=day)
    damaged = ",".join(made["kits"][:2])
    do("receive", "Ada", shipment=made["shipment"], received_date=day, logger="alarm",
       damaged=damaged, missing="")  # fmt: skip
    made = do("create_shipment", "Sam", to_site="101", kits_each="2")
    called_off = {"shipment": made["shipment"], "reason": "Not needed"}
    do("shipment_lost", "Sam", **called_off)
    do("cancel_shipment", "Sam", **called_off)
    made = do("create_shipment", "Sam", to_site="101", kits_each="2")
    do("dispatch_shipment", "Sam", shipment=made["shipment"], dispatch_date=day)
    late = ",".join(made["kits"][:3])
    do("receive", "Ada", shipment=made["shipment"], received_date=day, logger="no_alarm",
       damaged="", missing=late, to_follow="yes")  # fmt: skip
    do("shipment_lost", "Sam", shipment=made["shipment"], reason="The courier knows nothing")
    do("resupply", "Sam", to_site="101")


def do_wrong_lots(hands: Hands) -> None:
    do = hands.do
    do("recall_lot", "Quinn", lot="7777", reason="Once more")
    do("extend_lot", "Sam", lot="7777", new_expiry="2029-01-31", basis="Report 13")
    do("generate_kits", "Ada", lot="7778", how_many="1", depot="900")
    do("generate_kits", "Sam", lot="7777", how_many="1", depot="900")


def quality(hands: Hands) -> None:
    do = hands.do
    query = "SELECT number FROM kit WHERE study = :study AND site = '101' AND quality = :q"
    on_shelf = f"{query} AND disposition = 'available' ORDER BY number"
    kits = ",".join(row.number for row in hands.world.rows(on_shelf, q="none")[:3])
    do("quarantine_kits", "Ada", chosen_by="kits", kits=kits, event="doubt")
    do("quarantine_stock", "Sam", chosen_by="kits", kits=kits, event="recall")
    do("quarantine_stock", "Sam", chosen_by="lot", lot="7001", event="recall")
    basis = {"basis": "Stability report 7", "budget_minutes": "30"}
    do("release_kits", "Quinn", chosen_by="kits", kits=kits[:8], **basis)
    do("reject_kits", "Quinn", chosen_by="lot", lot="7001", **basis)
    held = hands.world.rows(on_shelf, q="pre_quarantined")[0].number
    do("judge_excursion", "Quinn", chosen_by="kits", kits=held, minutes="5", verdict="clear")
    do("report_stock", "Ada", kit=held, condition="missing")
    do("kit_found", "Sam", kit=held)


def returns(hands: Hands) -> None:
    do = hands.do
    query = (
        "SELECT kit.number, subject.number AS subject FROM kit JOIN subject ON subject.id = "
        "kit.subject_id WHERE kit.study = :study AND kit.site = '101' "
        "AND kit.disposition = 'dispensed' ORDER BY kit.number"
    )
    given = hands.world.rows(query)[0]
    units = {"units_used": "20", "units_unused": "8", "units_missing": "0"}
    for _ in range(2):
        do("return_kit", "Ada", subject=given.subject, kit=given.number, **units)
    do("verify_kits", "Ada", kits=given.number, agrees="yes")
    do("verify_kits", "Cy", kits=given.number, agrees="no", discrepancy="One capsule more")


def about_the_study(hands: Hands) -> None:
    do = hands.do
    day = hands.world.core.now().date().isoformat()
    screening = {"consent_date": TODAY, "year_of_birth": "1961", "rescreened": "no"}
    staying = do("screen", "Ada", **screening)["subject"]
    do("publish", "Mia", file="[study]")
    do("publish", "Mia", file=COMBI.replace("rescreens_max = 1", "rescreens_max = 2"))
    do("approve_version", "Mia", to_site="101", version="2", effective_date=day)
    do("move_to_version", "Mia", subject=staying, version="2")
    site = "number,name,country,timezone,language,phone,depot\n104,Lima,PE,America/Lima,en,,900"
    do("import_sites", "Mia", file=site)
    user = "user_id,name,email,mobile,role,sites,language\n31,Eve,e@x.org,+12025550199,monitor,,en"
    do("import_users", "Admin", file=user)
    do("send_code", "Hal", user_id="11")
    do("grant_role", "Mia", user_id="14", role="auditor")
    held = "SELECT id FROM grant_role WHERE user_id = '14' AND role = 'auditor' AND study = :study"
    grant = hands.world.one(held)
    do("grant_role", "Mia", user_id="2", role="auditor")
    do("end_role", "Mia", grant=str(grant))
    do("activate_site", "Mia", to_site="103", approval_date=day)
    do("pause_site", "Mia", to_site="101", approval_date=day)
    do("screen", "Ada", **screening)
    do("close_site", "Mia", to_site="101", approval_date=day)
    do("close_site", "Ada", to_site="102", approval_date=day)
    do("change_pin", "Dan", new_pin="123456")
    do("change_pin", "Dan", new_pin=OTHER_PIN)


def in_cohorts_and_phases(hands: Hands) -> None:
    here = set_up(hands.world)
    hands.study = here.study
    do, day = hands.do, here.core.now().date().isoformat()
    sure = {"consent": "yes", "eligible": "yes"}
    numbers = [do("screen", "Ada", consent_date=day)["subject"] for _ in range(2)]
    do("randomize", "Ivy", subject=numbers[0], **sure)
    for number in numbers:
        do("enter_phase", "Ada", subject=number, phase="RI")
    do("randomize", "Ivy", subject=numbers[0], **sure)
    do("decide_cohort", "Mia", decision="open")
    for number in numbers:
        do("randomize", "Ivy", subject=number, **sure)
        do("respond", "Ada", subject=number, assessed_on=day, answer="yes")
    do("respond", "Ada", subject=number, assessed_on=day, answer="yes")
    right = {"assessed_on": day, "answer": "no", "reason": "entry"}
    proposal = do("correct_response", "Ada", subject=number, **right)["proposal"]
    do("approve", "Ivy", proposal=proposal)
    do("decide_cohort", "Mia", decision="stop", reason="Enough")
    do("decide_cohort", "Mia", decision="stay")
    do("enter_phase", "Ada", subject=number, phase="OLE")
    do("enter_phase", "Ada", subject=number, phase="EXT")


def with_doses(hands: Hands) -> None:
    """In an open study of its own."""
    before, here = hands.study, set_up(hands.world, doses.opened(partial=True))
    hands.study = here.study
    doses.live(here, hands.do)
    number = hands.do("screen", "Ada", consent_date=TODAY)["subject"]
    hands.do("hold_dose", "Ada", subject=number, reason="safety")
    hands.do("resume_dose", "Bo", subject=number)
    hands.study = before


def lists(hands: Hands) -> None:
    """In a study of its own, which draws from imported lists; Quinn is a statistician there."""
    do, before = hands.do, hands.study
    hands.study = listed(hands.world).study
    do("grant_role", "Mia", user_id="4", role="statistician")
    do("import_list", "Mia", file=FIRST)
    do("import_list", "Quinn", file=FIRST.replace("sex=M", "sex=X"))
    do("import_list", "Quinn", file=FIRST, columns="arm=arm", values="arm:active=active")
    proposal = do("activate_list", "Quinn", opened="1")["proposal"]
    do("approve", "Quinn", proposal=proposal)
    do("approve", "Mia", proposal=proposal)
    do("take_seed_share", "Quinn")
    do("take_seed_share", "Quinn")
    header = "subject,site,randomization_number,randomized_on,arm,sex"
    for arm in ("verum", "active"):
        file = f"{header}\n77,101,990001,2026-10-23,{arm},F"
        do("import_subjects", "Quinn", file=file)
    hands.study = before


@pytest.fixture
def worlds(sqlite_world: Path, tmp_path: Path) -> list[World]:
    made = []
    for name in ("command", "api"):
        copy_sqlite(sqlite_world, tmp_path / f"{name}.db")
        made.append(World.at(f"sqlite:///{tmp_path / name}.db"))
    return made


def test_every_transaction_leads_to_the_same_by_the_api_as_on_the_command_line(
    worlds: list[World], tmp_path: Path
) -> None:
    command, api = by_command(worlds[0], tmp_path), by_api(worlds[1])
    live(command)
    live(api)
    assert api.heard == command.heard
    done = {name for name, (code, _) in api.heard if code is None}
    assert done == {one.name for one in transactions() if Channel.API in one.channels}
    refused = {code for _, (code, _) in api.heard if code}
    assert refused >= {"invalid_input", "not_allowed", "not_found", "already_randomized",
                       "site_not_active", "wrong_carton", "same_signer", "on_hold"}  # fmt: skip


def test_the_ledger_has_the_same_entries_but_for_the_channel(
    worlds: list[World], tmp_path: Path
) -> None:
    live(by_command(worlds[0], tmp_path))
    live(by_api(worlds[1]))
    ours, theirs = (_entries(world) for world in worlds)
    assert [one.pop("channel") for one in theirs] == ["api"] * len(theirs)
    assert {one.pop("channel") for one in ours} == {"command line"}
    assert theirs == ours


def _entries(world: World) -> list[dict[str, Any]]:
    """What is new since the world was built, without what depends on random numbers."""
    query = "SELECT body FROM ledger WHERE study = :study AND channel <> :c ORDER BY sequence"
    found = [json.loads(row.body) for row in world.rows(query, c="x")]
    new = [one for one in found if one["sequence"] > _built(world)]
    for one in new:
        one["secret"] = sorted(one["secret"])
        for name in ("previous", "confirmation"):
            del one[name]
        for signed in one["signatures"]:
            assert signed["method"] == "PIN"
    return new


def _built(world: World) -> int:
    query = "SELECT sequence FROM ledger WHERE study = :study AND \"transaction\" = 'screen'"
    return int(min(row.sequence for row in world.rows(query))) - 1
