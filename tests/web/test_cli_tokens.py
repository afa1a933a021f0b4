"""`ixrs token`: made, listed and revoked by its owner."""

from __future__ import annotations

import pytest

from core.access import tokens
from core.errors import NotAuthenticated
from tests.support.world import PEOPLE, PIN, World
from tests.web.test_cli import Shell


def test_a_token_is_shown_once_and_revoked_by_its_number(quick_world: World) -> None:
    shell = Shell(str(quick_world.core.engine.url))
    ada = ("--user", PEOPLE["Ada"], "--secret-stdin")
    made = shell.json("token", "make", "lab", "--days", "365", *ada, stdin=f"{PIN}\n")
    (listed,) = shell.json("token", "list", *ada, stdin=f"{PIN}\n")["tokens"]
    assert listed == {name: value for name, value in made.items() if name != "token"}
    ivy = ("--user", PEOPLE["Ivy"], "--secret-stdin")
    theft = shell.json("token", "revoke", str(made["id"]), *ivy, stdin=f"{PIN}\n", code=1)
    assert theft["error"]["code"] == "not_found"
    shell.json("token", "revoke", str(made["id"]), *ada, stdin=f"{PIN}\n")
    with pytest.raises(NotAuthenticated):
        tokens.authenticate(quick_world.core, made["token"])
    assert "(revoked)" in shell("token", "list", *ada, stdin=f"{PIN}\n").output


def test_a_token_of_too_many_days_is_refused(quick_world: World) -> None:
    shell = Shell(str(quick_world.core.engine.url))
    arguments = ("token", "make", "lab", "--days", "366", "--user", "11", "--secret-stdin")
    assert shell.json(*arguments, stdin=f"{PIN}\n", code=1)["error"]["code"] == "invalid_input"
