"""Urgent holds: whatever is held and why, those refused hear the same, on every channel at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import Refused
from core.ledger.listing import LedgerListing, Wanted
from core.messages import Message
from core.subjects.hold_list import HoldsListing
from core.subjects.holds import held_at
from core.transaction import Channel
from tests.support.studies import COMBI
from tests.support.world import TODAY, Given, World

SURE: Given = {"consent": "yes", "eligible": "yes"}
WHY = "Three liver events"
ALL: Given = {"hold_screening": "yes", "hold_randomization": "yes", "hold_dispensing": "yes"}
LATER: Given = {"hold_randomization": "yes", "hold_dispensing": "yes"}
SCOPES: dict[str, Given] = {
    "study": {"hold_scope": "study", **ALL},
    "country": {"hold_scope": "country", "hold_country": "US", **ALL},
    "site": {"hold_scope": "site", "hold_site": "101", **ALL},
    "stratum": {"hold_scope": "stratum", "sex": "F", **LATER},
    "arm": {"hold_scope": "arm", "hold_arm": "active", **LATER},
}


def place(world: World, who: str = "Mia", **given: Any) -> str:
    """A hold; its number."""
    return str(world.do("place_hold", who, hold_reason=WHY, **given).facts["hold"])


def _words(refused: Refused) -> Message:
    assert refused.code == "on_hold"
    return refused.message


@pytest.mark.parametrize("scope", SCOPES)
def test_a_hold_refuses_at_once_in_the_same_words_whatever_its_scope(
    quick_world: World, scope: str
) -> None:
    here = quick_world
    number, waiting = here.randomized(sex="F"), here.screen()
    (kit,) = here.dispense(number)
    place(here, **SCOPES[scope])
    given: list[tuple[str, Given]] = [
        ("randomize", {"subject": waiting, "sex": "F", **SURE}),
        ("replace", {"subject": number, "kit": kit, "reason": "lost"}),
        ("unscheduled", {"subject": number}),
    ]
    for name, answers in given:
        words = _words(here.refused("on_hold", name, "Ivy", **answers))
        what = "randomization" if name == "randomize" else "dispensing"
        assert words == Message("error.on_hold", {"what": Message(f"word.held_{what}")})
    here.days_later(28)
    here.refused("on_hold", "dispense", "Ada", subject=number, visit="V2")
    if "hold_screening" in SCOPES[scope]:
        birth = {"year_of_birth": "1961", "rescreened": "no"}
        here.refused("on_hold", "screen", "Ada", consent_date=TODAY, **birth)
    assert here.last_entry()["facts"]["refused"] == "on_hold"
    assert not {"scope", "value", "hold"} & set(here.last_entry()["facts"])


@pytest.mark.parametrize("channel", [Channel.PHONE, Channel.WEB, Channel.API, Channel.COMMAND])
def test_a_hold_stops_every_channel(quick_world: World, channel: Channel) -> None:
    number = quick_world.screen()
    place(quick_world, **SCOPES["study"])
    answers = {"subject": number, "sex": "F", **SURE}
    quick_world.refused("on_hold", "randomize", "Ivy", channel=channel, **answers)
    assert quick_world.subject(number).randomized_at is None


@pytest.mark.parametrize(
    "given",
    [
        {"hold_scope": "country", "hold_country": "ES"},
        {"hold_scope": "site", "hold_site": "102"},
        {"hold_scope": "stratum", "sex": "M"},
    ],
)
def test_a_hold_of_others_stops_nobody_here(quick_world: World, given: Given) -> None:
    screening = {} if given["hold_scope"] == "stratum" else {"hold_screening": "yes"}
    place(quick_world, **given, **screening, **LATER)
    quick_world.dispense(quick_world.randomized(sex="F"))


def test_a_hold_stops_what_it_names_and_nothing_else(quick_world: World) -> None:
    here = quick_world
    place(here, hold_scope="study", hold_screening="no", hold_randomization="no",
          hold_dispensing="yes")  # fmt: skip
    number = here.randomized()
    here.refused("on_hold", "dispense", "Ada", subject=number, visit="V1")
    here.do("missed_visit", "Ada", subject=number, visit="V1")
    here.do("end", "Ada", subject=number, what_ended="discontinued", cause="adverse_event",
            end_date=TODAY)  # fmt: skip


def test_only_screening_randomization_and_dispensing_ask_about_holds() -> None:
    """By construction nothing else can be stopped, a code break least of all."""
    from pathlib import Path

    core = Path(__file__).parents[3] / "core"
    asking = {
        path.stem
        for path in core.rglob("*.py")
        if "check_hold(" in path.read_text(encoding="utf-8")
    }
    assert asking == {"holds", "screen", "randomize", "phases", "dispense", "replace", "rest"}


def test_an_arm_on_hold_in_a_blinded_study_stops_everybody_and_so_tells_nothing(
    quick_world: World,
) -> None:
    here = quick_world
    people = [here.randomized(sex="M") for _ in range(6)]
    assert {here.arm(one) for one in people} == {"active", "placebo"}
    place(here, **SCOPES["arm"])
    for number in people:
        here.refused("on_hold", "dispense", "Ada", subject=number, visit="V1")
    here.refused("on_hold", "randomize", "Ivy", subject=here.screen(), sex="F", **SURE)


def test_an_arm_on_hold_in_an_open_study_stops_its_own_subjects_alone(quick_world: World) -> None:
    from tests.support.stories import set_up

    text = COMBI.replace('"combi"', '"openly"').replace('"401"', '"442"')
    text = text.replace('blinding = "double"', 'blinding = "open"')
    text = text.replace("+12025550150", "+12025550160").replace("+12025550151", "+12025550161")
    here, people = set_up(quick_world, text), []
    born: Given = {"consent_date": TODAY, "year_of_birth": "1961", "rescreened": "no"}
    for _ in range(6):
        number = str(here.do("screen", "Ada", **born).subject)
        here.do("randomize", "Ivy", subject=number, sex="F", **SURE)
        people.append(number)
    place(here, **SCOPES["arm"])
    for number in people:
        if here.arm(number) == "active":
            here.refused("on_hold", "dispense", "Ada", subject=number, visit="V1")
        else:
            here.dispense(number)
    waiting = str(here.do("screen", "Ada", **born).subject)
    here.refused("on_hold", "randomize", "Ivy", subject=waiting, sex="F", **SURE)


def test_the_arm_and_the_reason_of_its_hold_are_sealed_everywhere(quick_world: World) -> None:
    here = quick_world
    number = place(here, **SCOPES["arm"])
    entry = here.last_entry()
    assert entry["facts"] == {
        "hold": number,
        "scope": "arm",
        "value": None,
        "stops": ["randomization", "dispensing"],
    }
    opened = here.secrets(entry["sequence"])
    assert (opened["arm"][1], opened["reason"][1]) == ("active", WHY)
    kept = here.dump()
    for table in ("hold", "ledger", "receipt", "outbox"):
        assert WHY not in repr(kept[table]), table
        assert "'active'" not in repr(kept[table][-1]) or table == "ledger"


def test_other_holds_keep_their_reason_where_auditors_read_it(quick_world: World) -> None:
    place(quick_world, **SCOPES["stratum"])
    facts = quick_world.last_entry()["facts"]
    assert (facts["value"], facts["reason"]) == (json.dumps({"sex": "F"}), WHY)
    assert [one["meaning"] for one in quick_world.last_entry()["signatures"]] == ["place_hold"]
    with quick_world.core.reading() as db:
        of_site = LedgerListing(quick_world.core, db, quick_world.actor("Ada"), "combi")
        seen = of_site.list_entries(Wanted()).rows
    assert "place_hold" not in {row.transaction for row in seen}


def test_lifting_a_hold_lets_it_go_on_unless_another_one_stops_it(quick_world: World) -> None:
    here = quick_world
    number = here.screen()
    first, second = place(here, **SCOPES["study"]), place(here, **SCOPES["arm"])
    answers = {"subject": number, "sex": "F", **SURE}
    here.do("lift_hold", "Mia", hold=first, hold_reason="No relation")
    here.refused("on_hold", "randomize", "Ivy", **answers)
    here.wrong("hold", "lift_hold", "Mia", hold=first, hold_reason="Again")
    here.do("lift_hold", "Mia", hold=second, hold_reason="No relation")
    assert "reason" not in here.last_entry()["facts"]
    here.do("randomize", "Ivy", **answers)
    here.refused("hold_not_open", "lift_hold", "Mia", hold=second, hold_reason="Again")


def test_only_the_study_manager_holds_and_only_with_signature_and_reason(
    quick_world: World,
) -> None:
    for who in ("Ada", "Ivy", "Cy", "Sam", "Quinn", "Hal"):
        quick_world.refused("not_allowed", "place_hold", who, hold_reason=WHY, **SCOPES["study"])
    unsigned: Given = {"hold_reason": WHY, **SCOPES["study"]}
    quick_world.refused("signature_missing", "place_hold", "Mia", signed=False, **unsigned)
    quick_world.wrong("hold_reason", "place_hold", "Mia", **SCOPES["study"])


def test_a_hold_stops_something_and_a_stratum_names_a_level(quick_world: World) -> None:
    nothing = dict.fromkeys(ALL, "no")
    quick_world.wrong("hold_dispensing", "place_hold", "Mia", hold_scope="study", **nothing)
    quick_world.wrong("sex", "place_hold", "Mia", hold_scope="stratum", sex="any", **LATER)


@pytest.mark.parametrize(
    ("scope", "sites"), [("study", [None]), ("country", ["101"]), ("arm", [None])]
)
def test_the_staff_concerned_are_told_neither_arm_nor_reason(
    quick_world: World, scope: str, sites: list[str | None]
) -> None:
    place(quick_world, **SCOPES[scope])
    rows = quick_world.rows("SELECT site, roles, message FROM outbox WHERE message LIKE '%hold%'")
    assert [row.site for row in rows] == sites
    assert all("coordinator" in row.roles for row in rows)
    message = json.loads(rows[0].message)
    assert message["message"] == "sms.place_hold"
    assert set(message["params"]) == {"study", "what", "confirmation"}
    assert "active" not in rows[0].message
    assert WHY not in rows[0].message


def test_the_list_of_holds_tells_what_since_when_and_by_whom_but_no_arm(
    quick_world: World,
) -> None:
    for scope in SCOPES:
        place(quick_world, **SCOPES[scope])
    quick_world.do("lift_hold", "Mia", hold="2", hold_reason="Over")
    with quick_world.core.reading() as db:
        rows = HoldsListing(quick_world.core, db, quick_world.actor("Mia"), "combi").list_holds()
        told: list[tuple[Any, ...]] = [(r.number, r.scope, r.of, r.placer) for r in rows.rows]
        at_101 = held_at(db, "combi", "101")
        at_102 = held_at(db, "combi", "102")
    assert told == [
        ("5", "arm", None, "Mia"),
        ("4", "stratum", "F", "Mia"),
        ("3", "site", "101", "Mia"),
        ("2", "country", "US", "Mia"),
        ("1", "study", None, "Mia"),
    ]
    assert [row.lifted_at is None for row in rows.rows] == [True, True, True, False, True]
    assert at_101 == at_102 == ("screening", "randomization", "dispensing")


def test_dispensing_goes_by_the_corrected_stratum(quick_world: World) -> None:
    here = quick_world
    number = here.randomized(sex="F")
    proposed = here.do("correct_levels", "Ada", subject=number, which_factor="sex",
                       right_level="M", reason="entry")  # fmt: skip
    here.do("approve", "Ivy", proposal=str(proposed.facts["proposal"]))
    place(here, hold_scope="stratum", sex="F", **LATER)
    here.dispense(number)
    here.do("lift_hold", "Mia", hold="1", hold_reason="x")
    place(here, hold_scope="stratum", sex="M", **LATER)
    here.refused("on_hold", "unscheduled", "Ada", subject=number)
