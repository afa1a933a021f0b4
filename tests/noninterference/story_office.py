"""What the office does: sites, versions, holds, roles, codes, and subjects that go elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from tests.noninterference.hands import Hands
from tests.noninterference.story_supply import SURE, keyed
from tests.support.swap import amended, day_of
from tests.support.world import OTHER_PIN, PEOPLE, PIN, SITES, users


def office(hands: Hands, numbers: list[str], *, exchanged: bool) -> None:
    """All of it, with subjects of site 102."""
    day = day_of(hands.world)
    hands.phone("activate_site", "Mia", f"6 6 4 103# {keyed(day)} 1 {PIN}")
    for place, name in enumerate(("pause_site", "activate_site", "close_site")):
        do = (hands.web, hands.api, hands.command)[place]
        do(name, "Mia", to_site="103", approval_date=day)
    _holds(hands, numbers)
    _version(hands, numbers, day, exchanged=exchanged)
    hands.web("move_subject", "Mia", subject=numbers[0], to_site="101")
    hands.api("move_subject", "Mia", subject=numbers[1], to_site="101")
    error = {"reason": "not_eligible", "treatment_goes_on": "yes"}
    hands.web("randomized_in_error", "Dan", subject=numbers[2], **error)
    hands.api("randomized_in_error", "Dan", subject=numbers[3], **error)
    _people(hands)
    header, *_ = SITES.splitlines()
    line = "105,Lyon,FR,Europe/Paris,en,,900"
    hands.web("import_sites", "Mia", file=f"{header}\n{line}\n")


def _holds(hands: Hands, numbers: list[str]) -> None:
    """Of a site, and of one arm: who is refused by that one hears what everybody hears."""
    why = {"hold_reason": "A signal"}
    stops = {"hold_screening": "yes", "hold_randomization": "yes", "hold_dispensing": "yes"}
    facts = hands.web("place_hold", "Mia", hold_scope="site", hold_site="102", **stops, **why)
    hands.phone("screen", "Di", f"1 {keyed(day_of(hands.world))} 1")
    hands.command("lift_hold", "Mia", hold=str(facts["hold"]), **why)
    only = {"hold_randomization": "no", "hold_dispensing": "yes"}
    facts = hands.api("place_hold", "Mia", hold_scope="arm", hold_arm="active", **only, **why)
    for do, number in zip((hands.web, hands.api, hands.command), numbers, strict=False):
        do("unscheduled", "Di", subject=number)
    hands.web("lift_hold", "Mia", hold=str(facts["hold"]), **why)


def _version(hands: Hands, numbers: list[str], day: str, *, exchanged: bool) -> None:
    hands.command("publish", "Mia", file=amended(exchanged=exchanged))
    given = {"to_site": "102", "version": "2", "effective_date": day}
    hands.web("approve_version", "Mia", **given)
    hands.api("approve_version", "Mia", **{**given, "to_site": "101"})
    hands.web("move_to_version", "Mia", subject=numbers[4], version="2")
    hands.api("move_to_version", "Mia", subject=numbers[5], version="2")
    hands.command("unscheduled", "Di", subject=numbers[4])


def _people(hands: Hands) -> None:
    hands.api("import_users", "Admin", file=users([("Dee", "supply_manager", "")]))
    given = {"role": "depot", "user_id": PEOPLE["Dee"], "to_depot": "900"}
    hands.api("grant_role", "Mia", **given)
    newest = (
        "SELECT max(id) FROM grant_role WHERE study = :study AND user_id = :user AND role = 'depot'"
    )
    grant = hands.world.one(newest, user=PEOPLE["Dee"])
    hands.web("end_role", "Mia", grant=str(grant))
    hands.web("send_code", "Hal", user_id=PEOPLE["Pat"])
    hands.api("send_code", "Hal", user_id=PEOPLE["Bo"])
    hands.phone("change_pin", "Dan", f"6 8 {OTHER_PIN} {OTHER_PIN} 1 {PIN}")


def wrong(hands: Hands, numbers: list[str]) -> None:
    """What nobody can do: the words and the statements of each refusal."""
    subject, elsewhere = {"subject": numbers[6]}, numbers[7]
    tries: list[Callable[[], object]] = [
        lambda: hands.command("unscheduled", "Ada", subject=elsewhere),
        lambda: hands.api("dispense", "Di", subject="999999", visit="V1"),
        lambda: hands.command("randomize", "Cy", site="101", **subject, **SURE),
        lambda: hands.api("create_shipment", "Ada", to_site="101", kits_each="1"),
        lambda: hands.command("dispense", "Di", **subject, visit="V4"),
        lambda: hands.api("replace", "Di", **subject, kit="00000000", reason="lost"),
    ]
    for attempt in tries:
        attempt()
