"""Who may do and see what by the API: roles, sites and studies, generated from the register."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from core.access.roles import ROLES, Permission
from core.register import transactions
from core.study.read import read_published
from core.transaction import Channel, Transaction
from tests.support.api import Api
from tests.support.studies import COMBI
from tests.support.world import PEOPLE, Given, World
from tests.support.world_fixtures import copy_sqlite


def of_channel(channel: Channel) -> list[Transaction]:
    """The transactions that the channel offers in `combi`."""
    config = read_published(COMBI)
    return [one for one in transactions() if channel in one.channels and one.is_used(config)]


OFFERED = of_channel(Channel.API)
PLACES = ("own site", "other site", "other study")


@pytest.fixture(scope="module")
def api(sqlite_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    file = tmp_path_factory.mktemp("access") / "world.db"
    copy_sqlite(sqlite_world, file)
    world = World.at(f"sqlite:///{file}")
    stopped: Given = {"hold_screening": "yes", "hold_randomization": "no", "hold_dispensing": "no"}
    given: Given = {
        "hold_scope": "site",
        "hold_site": "103",
        "hold_reason": "One to lift",
        **stopped,
    }
    world.do("place_hold", "Mia", **given)
    yield Api(world)
    world.close()


def become(api: Api, role: str, site: str | None) -> None:
    """Ada is this and nothing else, in combi."""
    with api.world.core.writing() as db:
        db.execute(text("DELETE FROM grant_role WHERE user_id = :u"), {"u": PEOPLE["Ada"]})
        db.execute(
            text(
                "INSERT INTO grant_role (user_id, role, study, site, starts_at)"
                " VALUES (:u, :role, 'combi', :site, '2020-01-01 00:00:00')"
            ),
            {"u": PEOPLE["Ada"], "role": role, "site": site},
        )


def _ask(api: Api, name: str, study: str, site: str | None) -> Any:
    """How far an empty request comes: 200 is the first question, or all there is to ask."""
    body = {"answers": {}, **({"site": site} if site else {})}
    return api.ask("Ada", f"/studies/{study}/transactions/{name}/check", method="POST", json=body)


def wanted(transaction: Transaction, role: str, place: str, *, whole: bool) -> int:
    """What the table of docs/ROLES.md says: 404 for what one may not see, 403 for the rest."""
    if place == "other study" or (place == "other site" and transaction.site and not whole):
        return 404
    allowed = transaction.permission is Permission.PERSONAL
    # A proposal, a kit, a code break, a site say by themselves where they belong: that is looked
    # at later.
    anywhere = transaction.permission in (
        *(Permission.APPROVE, Permission.VERIFY, Permission.ASSESS),
        *(Permission.REVIEW, Permission.CLOSE_OUT),
    )
    held = whole or transaction.site or anywhere
    allowed |= transaction.permission in ROLES[role] and held
    return 200 if allowed else 403


@pytest.mark.req("R13")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("whole", [False, True])
def test_a_role_may_do_what_the_table_says_where_it_is_held(
    api: Api, role: str, whole: bool
) -> None:
    become(api, role, None if whole else "101")
    for place in PLACES:
        study = "drug" if place == "other study" else "combi"
        number = "102" if place == "other site" else "101"
        for transaction in OFFERED:
            site = number if transaction.site else None
            found = _ask(api, transaction.name, study, site)
            expected = wanted(transaction, role, place, whole=whole)
            assert found.status_code == expected, (transaction.name, place, found.text)
            if expected == 403:
                assert found.get_json()["code"] == "not_allowed"


def test_what_is_not_seen_answers_as_if_it_did_not_exist(api: Api) -> None:
    become(api, "coordinator", "101")
    for seen, made_up in (("/studies/drug", "/studies/nowhere"),
                          ("/studies/combi/sites/102", "/studies/combi/sites/999")):  # fmt: skip
        one, other = api.ask("Ada", seen), api.ask("Ada", made_up)
        assert one.status_code == other.status_code == 404
        assert one.get_json() == other.get_json()
    for name, site in (("screen", "101"), ("repeat", None)):
        one, other = (_ask(api, name, study, site) for study in ("drug", "nowhere"))
        assert one.status_code == other.status_code == 404
        assert one.get_json() == other.get_json()


_LISTS = {
    "subjects": Permission.SEE_SUBJECTS,
    "kits": Permission.SEE_STOCK,
    "shipments": Permission.SEE_SHIPMENTS,
    "ledger": Permission.SEE_LEDGER,
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reads_the_lists_that_it_may_see(api: Api, role: str) -> None:
    become(api, role, "101")
    for name, permission in _LISTS.items():
        wanted = 200 if permission in ROLES[role] else 404
        assert api.ask("Ada", f"/studies/combi/{name}").status_code == wanted, name
        other = api.ask("Ada", f"/studies/combi/{name}", query_string={"site": "102"})
        assert other.status_code == 404, name
        assert api.ask("Ada", f"/studies/drug/{name}").status_code == 404, name
    (site,) = api.ask("Ada", "/studies/combi/sites").get_json()["items"]
    assert site["number"] == "101"


def test_without_a_token_nothing_but_the_document_is_there(api: Api) -> None:
    for path in ("/me", "/studies", "/studies/combi/subjects", "/tokens"):
        found = api.ask(None, path)
        assert (found.status_code, found.get_json()["code"]) == (401, "not_authenticated")
        assert found.headers["WWW-Authenticate"].startswith("Bearer")
    assert api.ask(None, "/openapi.json").status_code == 200


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer ixrs_x", "Basic MTE6MjcxODI4", "ixrs_x", "Bearer é"]
)
def test_what_is_no_token_opens_nothing(api: Api, header: str) -> None:
    found = api.ask(None, "/me", headers={"Authorization": header})
    assert found.status_code == 401


def test_a_token_stops_with_its_owner_and_when_it_is_revoked(quick_world: World) -> None:
    api = Api(quick_world)
    assert api.ask("Ada", "/me").get_json() == {"user_id": "11", "name": "Ada", "language": "en"}
    (token,) = api.ask("Ada", "/tokens").get_json()["items"]
    assert api.token("Ada") not in api.ask("Ada", "/tokens").text
    path = f"/tokens/{token['id']}"
    assert api.ask("Ivy", path, method="DELETE").status_code == 404
    assert api.ask("Ada", path, method="DELETE").status_code == 204
    assert api.ask("Ada", "/me").status_code == 401
    assert api.ask("Ivy", "/me").status_code == 200
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE person SET status = 'disabled' WHERE user_id = '12'"))
    assert api.ask("Ivy", "/me").status_code == 401
