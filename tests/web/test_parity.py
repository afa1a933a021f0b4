"""What is done on pages is what is done by `ixrs do`: facts, refusals, codes, ledger entries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from core.register import transactions
from core.transaction import Channel
from tests.support.pages import Browser, Page, browser
from tests.support.world import HOMES, PEOPLE, World
from tests.support.world_fixtures import copy_sqlite
from tests.web.api.test_parity import Hands, Said, by_command, live

_CHANCE: Final = frozenset(
    {
        *("kits", "kit", "damaged", "to_follow", "to_relabel", "proposal", "shipment", "repeated"),
        *("call", "assessed", "changes"),
        "idle",  # who signs in on pages is not idle; who does by command here was let in
        *("randomization_number", "message", "answers", "list_commitment", "list_sha256"),
    }
)
"""Facts whose numbers are drawn: two worlds draw different ones."""
_WIDER: Final = {"study_file_refused": "invalid_input"}
"""Codes that a page shows as an answer that will not do."""


class _Desks:
    """Everyone of the cast at a browser of their own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._browsers: dict[str, Browser] = {}

    def do(self, study: str, name: str, who: str, site: str | None, given: dict[str, str]) -> Said:
        """Do it on the pages; read the facts from the receipt that they lead to."""
        here = self._browsers.setdefault(who, browser(self._world, None))
        if here.get("/place").path == "/sign-in":
            here.sign_in(PEOPLE[who])
        places = [site, None] if site else [None, HOMES.get(who, "101")]
        if all(here.go_to(study, place).status == 422 for place in places):
            return "not_found", {}
        page = here.fill_in(name, given)
        if page.status == 200 and ("/ask/" in page.path or set(given) > set(here.asked)):
            return "invalid_input", {}  # pages ask for every answer, and for no others
        page = here.finish(page)
        if page.path.startswith("/receipt/"):
            return None, self._facts(page)
        return _code(page), {}

    def _facts(self, page: Page) -> dict[str, Any]:
        (row,) = self._world.rows(
            "SELECT result, subject, outcome FROM receipt WHERE confirmation = :c",
            c=page.path.rpartition("/")[2],
        )
        facts = json.loads(row.result)["facts"]
        return {**facts, "subject": row.subject, "pending": row.outcome == "proposed"}


def _code(page: Page) -> str:
    shown = {404: "not_found", 422: "invalid_input"}.get(page.status)
    if shown or page.path.startswith("/publish/"):
        return shown or "invalid_input"  # what a file would change, and why it can't be published
    return page.row("Code of the reason")


@pytest.fixture(scope="module")
def lives(sqlite_world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Hands, Hands]:
    """The same life by command and on pages."""
    folder = tmp_path_factory.mktemp("parity")
    worlds = []
    for name in ("command", "pages"):
        copy_sqlite(sqlite_world, folder / f"{name}.db")
        worlds.append(World.at(f"sqlite:///{folder / name}.db"))
    command, pages = by_command(worlds[0], folder), Hands(worlds[1], _Desks(worlds[1]).do)
    live(command)
    live(pages)
    return command, pages


def _plain(said: Said) -> tuple[str | None, dict[str, Any]]:
    code, facts = said
    kept = {name: value for name, value in facts.items() if name not in _CHANCE}
    return _WIDER.get(code or "", code), kept


def test_every_transaction_leads_to_the_same_on_pages_as_on_the_command_line(
    lives: tuple[Hands, Hands],
) -> None:
    command, pages = lives
    ours = [(name, _plain(said)) for name, said in pages.heard]
    assert ours == [(name, _plain(said)) for name, said in command.heard]
    assert [set(said[1]) for _, said in pages.heard] == [set(s[1]) for _, s in command.heard]
    done = {name for name, (code, _) in pages.heard if code is None}
    assert done == {one.name for one in transactions() if Channel.WEB in one.channels}


def test_the_ledger_has_the_same_entries_from_pages_but_for_the_channel(
    lives: tuple[Hands, Hands],
) -> None:
    ours, theirs = (_entries(hands.world) for hands in lives)
    assert {one.pop("channel") for one in theirs} == {"web"}
    assert {one.pop("channel") for one in ours} == {"command line"}
    assert theirs == ours


def _entries(world: World) -> list[dict[str, Any]]:
    """What is new since the world was built, without what is drawn by chance."""
    query = "SELECT body FROM ledger WHERE study = :study ORDER BY sequence"
    found = [json.loads(row.body) for row in world.rows(query)]
    first = next(i for i, one in enumerate(found) if one["transaction"] == "screen")
    # Pages looked at are on record too; a command reads none.
    new = [one for one in found[first:] if one["transaction"] != "pages_read"]
    for one in new:
        one["secret"] = len(one["secret"])
        one["facts"] = {k: v for k, v in one["facts"].items() if k not in _CHANCE}
        for name in ("previous", "confirmation", "sequence"):
            del one[name]
        if one["facts"].get("refused") == "not_allowed":
            # A page has no site to offer to those who work at none, and asks them nothing.
            del one["site"], one["subject"]
    return new
