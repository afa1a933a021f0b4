"""Role × transaction × own site, other site, other study, on telephone, pages and command line.

Generated from the register and held against the same table as the API (tests/web/api/test_access):
allowed exactly where it says, and what one may not see answers as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from core.access.roles import ROLES, load_actor
from core.errors import NotAllowed, NotFound, Refused
from core.interview import advance
from core.transaction import Channel, Transaction
from ivr import requests
from ivr.dialogue import effects as fx
from ivr.dialogue.state import Stage, State
from tests.support.api import Api
from tests.support.pages import Browser, browser
from tests.support.world import PEOPLE, World
from tests.support.world_fixtures import copy_sqlite
from tests.web.api.test_access import become, of_channel, wanted

ADA: Final = PEOPLE["Ada"]
NUMBERS: Final = {"combi": "401", "drug": "404"}
PLACES: Final = (("own site", "combi", "101"), ("other site", "combi", "102"),
                 ("other study", "drug", "101"))  # fmt: skip


@pytest.fixture(scope="module")
def here(sqlite_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    file = tmp_path_factory.mktemp("matrix") / "world.db"
    copy_sqlite(sqlite_world, file)
    world = World.at(f"sqlite:///{file}")
    yield world
    world.close()


@pytest.mark.req("R13")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("whole", [False, True])
def test_the_command_line_allows_what_the_table_says(here: World, role: str, whole: bool) -> None:
    become(Api(here), role, None if whole else "101")
    for place, study, number in PLACES:
        for one in of_channel(Channel.COMMAND):
            site = number if one.site else None
            assert by_command(here, one, study, site) == wanted(one, role, place, whole=whole), (
                one.name,
                place,
            )


def by_command(here: World, transaction: Transaction, study: str, site: str | None) -> int:
    """How far the first question is from this person, in the words of HTTP."""
    with here.core.reading() as db:
        actor = load_actor(db, ADA, here.core.now())
        try:
            advance(here.core, db, transaction, actor, study, site, {})
        except NotAllowed:
            return 403
        except NotFound:
            return 404
        except Refused:
            return 200
    return 200


@pytest.mark.req("R13")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("whole", [False, True])
def test_the_telephone_offers_what_the_table_says(here: World, role: str, whole: bool) -> None:
    become(Api(here), role, None if whole else "101")
    for place, study, number in PLACES:
        menu = by_phone(here, NUMBERS[study], number)
        for one in of_channel(Channel.PHONE):
            allowed = wanted(one, role, place, whole=whole) == 200
            # At a site that is not one's own there is no menu at all; where nobody works at
            # sites none is asked for, and the menu is the study's.
            assert (one.name in menu) == (allowed and bool(menu)), (one.name, place)
        if place == "own site":
            assert menu


def by_phone(here: World, study: str, site: str) -> set[str]:
    """The menu that this person is offered there; empty where there is no such place."""
    state = State(Stage.MENU, ("en",), "en", user_id=ADA)
    found = requests.place(here.core, state, fx.Place(study, site))
    if isinstance(found, fx.SiteUnknown):
        found = requests.place(here.core, state, fx.Place(study, ""))
        if not isinstance(found, fx.Placed) or found.site:
            return set()
    return {name for _, name in found.offered} if isinstance(found, fx.Placed) else set()


@pytest.mark.req("R13")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("whole", [False, True])
def test_pages_allow_what_the_table_says(here: World, role: str, whole: bool) -> None:
    become(Api(here), role, None if whole else "101")
    desk = browser(here)
    desk.sign_in(ADA)
    for place, study, number in PLACES:
        there = can_go(desk, study, number, whole=place == "own site")
        for one in of_channel(Channel.WEB):
            if place == "other site" and not one.site:
                continue  # done for the study as a whole, from wherever one is
            expected = wanted(one, role, place, whole=whole)
            found = desk.get(f"/do/{one.name}").status if there else 404
            if expected == 200:
                # A refusal at the first look (nothing to repeat) is a page of its own.
                assert found in (200, 409), (one.name, place)
            else:
                assert (found, expected) in ((expected, expected), (404, 403)), (one.name, place)


def can_go(desk: Browser, study: str, site: str, *, whole: bool) -> bool:
    """Choose the place: the site or, for those who work at none, the study as a whole."""
    places = (site, None) if whole else (site,)
    return any(desk.go_to(study, one).status == 200 for one in places)
