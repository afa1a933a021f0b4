"""The heads of the ledger are taken outside each night: file, e-mail, time stamp."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from core.ledger import anchors
from core.ledger.anchors import read_file
from core.ledger.verify import Report, verify
from tests.support.tsa import Authority, listening
from tests.support.world import World
from tests.support.world_fixtures import copy_sqlite
from tests.web.test_cli import Shell, environment
from tests.web.test_mail_out import Server
from web import anchoring
from web.cli import main


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def asked(world: World, **places: Any) -> World:
    """The world with these places to note heads in."""
    mail: dict[str, Any] = {"mail_from": "ixrs@sponsor.example"} if "smtp_url" in places else {}
    world.core.settings = dataclasses.replace(world.core.settings, **places, **mail)
    return world


def told_by(world: World, path: Path) -> Report:
    return verify(world.core, files=[read_file(str(path))])


def test_each_night_adds_the_heads_of_all_chains_to_the_file_once(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "heads"
    asked(world, anchor_file=str(path))
    assert anchoring.run_due(world.core)
    assert not anchoring.run_due(world.core)
    world.randomized()
    world.days_later(1)
    assert anchoring.run_due(world.core)
    noted = read_file(str(path))
    assert noted.problems == []
    chains = world.rows("SELECT study, sequence, hash FROM chain ORDER BY study")
    assert {head.study for head in noted.heads} == {row.study for row in chains}
    assert len(noted.heads) == 2 * len(chains)
    assert [tuple(row) for row in chains] == sorted(
        dataclasses.astuple(head) for head in noted.heads[len(chains) :]
    )
    report = told_by(world, path)
    assert report.problems == []
    assert report.noted == len(noted.heads)


def test_the_entry_in_the_installations_chain_names_the_other_heads(quick_world: World) -> None:
    asked(quick_world, anchor_file="/dev/null")
    anchoring.run_due(quick_world.core)
    body = quick_world.one("SELECT body FROM ledger WHERE body LIKE '%heads_noted%'")
    heads = json.loads(body)["facts"]["heads"]
    (row,) = quick_world.rows("SELECT sequence, hash FROM chain WHERE study = :study")
    assert f"{quick_world.study}:{row.sequence}:{row.hash}" in heads


def test_nothing_is_noted_where_no_place_is_set(quick_world: World) -> None:
    assert not anchoring.run_due(quick_world.core)
    assert quick_world.one("SELECT count(*) FROM anchor") == 0


def test_the_heads_go_by_e_mail_once(quick_world: World, server: Server) -> None:
    asked(quick_world, smtp_url=server.url, anchor_mail="proof@sponsor.example")
    anchoring.run_due(quick_world.core)
    anchoring.run_due(quick_world.core)
    (mail,) = server.taken
    assert server.to == [["proof@sponsor.example"]]
    body = mail.get_content().replace("\r\n", "\n")
    assert body.split("----\n")[1] == quick_world.one("SELECT text FROM anchor")


def test_what_fails_is_tried_again_and_told_after_three_tries(
    quick_world: World, tmp_path: Path
) -> None:
    path = tmp_path / "not there yet" / "heads"
    asked(quick_world, anchor_file=str(path))
    for _ in range(3):
        assert anchoring.run_due(quick_world.core)
        assert not anchoring.run_due(quick_world.core)  # another try only after a while
        quick_world.days_later(0.01)
    assert quick_world.messages()[-1] == ("sms.anchor_stuck", None, "administrator")
    path.parent.mkdir()
    assert anchoring.run_due(quick_world.core)
    assert quick_world.one("SELECT count(*) FROM anchor") == 1
    assert told_by(quick_world, path).problems == []


def test_a_line_that_was_cut_short_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "heads"
    path.write_text("# IxRS heads noted 2026\ncombi:12:ab")
    anchors.append_text(str(path), f"combi:13:{'0' * 64}\n")
    noted = read_file(str(path))
    assert [head.sequence for head in noted.heads] == [13]
    assert noted.problems == ["line 2 of the file of noted heads is none"]


def test_the_heads_are_stamped_and_the_stamp_stands_in_the_file(
    quick_world: World, tmp_path: Path
) -> None:
    authority, path, root = Authority(), tmp_path / "heads", tmp_path / "root.pem"
    root.write_bytes(authority.pem())
    with listening(authority) as url:
        asked(quick_world, anchor_file=str(path), tsa_url=url, tsa_certificates=str(root))
        anchoring.run_due(quick_world.core)
    assert len(read_file(str(path)).stamped) == 1
    assert told_by(quick_world, path).problems == []
    root.write_bytes(Authority().pem())
    (problem,) = told_by(quick_world, path).problems
    assert problem.endswith("the stamp is not signed by a known authority")


@pytest.mark.parametrize("what", ["heads", "stamp"])
def test_a_stamped_file_that_was_altered_shows(
    quick_world: World, tmp_path: Path, what: str
) -> None:
    authority, path = Authority(), tmp_path / "heads"
    with listening(authority) as url:
        asked(quick_world, anchor_file=str(path), tsa_url=url)
        anchoring.run_due(quick_world.core)
    text = path.read_text()
    if what == "heads":  # the line of a study taken out: no chain would miss it
        lines = [line for line in text.splitlines() if not line.startswith("combi:")]
        path.write_text("\n".join(lines) + "\n")
        why = "the stamp is of another text"
    else:
        path.write_text(text[:-60] + base64.b64encode(b"x" * 30).decode() + "\n")
        why = "the stamp cannot be read"
    (problem,) = told_by(quick_world, path).problems
    assert problem.endswith(why)


def test_an_authority_that_refuses_is_asked_again(quick_world: World) -> None:
    authority = Authority()
    with listening(authority) as url:
        asked(quick_world, tsa_url=url)
        authority.refuses = True
        assert anchoring.note_now(quick_world.core).problems == (
            "There is no time stamp: the authority refused.",
        )
        anchoring.run_due(quick_world.core)
        authority.refuses = False
        quick_world.days_later(0.01)
        anchoring.run_due(quick_world.core)
    query = "SELECT count(*) FROM anchor WHERE stamp IS NOT NULL AND night IS NOT NULL"
    assert quick_world.one(query) == 1


def test_the_command_notes_heads_and_verify_goes_by_the_file(
    quick_world: World, tmp_path: Path
) -> None:
    shell, path = Shell(str(quick_world.core.engine.url)), tmp_path / "heads"
    shell.environment["IXRS_ANCHOR_FILE"] = str(path)
    assert shell.json("verify")["noted"] == 0  # none there yet, and none is missed
    done = shell.json("anchor")
    assert (done["file"], done["mail"], done["stamped"]) == (str(path), None, False)
    assert set(done["heads"]) == {str(head) for head in read_file(str(path)).heads}
    assert shell.json("verify")["noted"] > 0
    with path.open("a") as file:
        file.write(f"combi:1:{'0' * 64}\n")
    found = shell.json("verify", code=1)
    assert found["first_wrong"]["study"] == "combi"
    assert found["first_wrong"]["sequence"] == 1
    path.unlink()
    (problem,) = shell.json("verify", code=1)["problems"]
    assert "cannot be read" in problem


def test_the_command_says_what_failed(quick_world: World, tmp_path: Path) -> None:
    shell = Shell(str(quick_world.core.engine.url))
    shell.environment["IXRS_ANCHOR_FILE"] = str(tmp_path / "no folder" / "heads")
    done = shell.json("anchor", code=1)
    assert done["file"] is None
    assert "cannot be written" in done["problems"][0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IXRS_ANCHOR_FILE", "heads"),
        ("IXRS_ANCHOR_MAIL", "proof@sponsor.example"),  # without a mail server
        ("IXRS_TSA_URL", "ftp://tsa.example"),
        ("IXRS_TSA_CERTIFICATES", "/nowhere.pem"),
    ],
)
def test_a_place_that_cannot_be_is_named(quick_world: World, name: str, value: str) -> None:
    given: dict[str, Any] = environment(str(quick_world.core.engine.url)) | {name: value}
    done = CliRunner().invoke(main, ["anchor"], env=given)
    assert done.exit_code == 1
    assert name in done.output


def test_a_chain_cut_off_is_found_by_the_file_though_all_else_was_put_back(
    quick_world: World, tmp_path: Path
) -> None:
    path = tmp_path / "heads"
    asked(quick_world, anchor_file=str(path))
    before = tmp_path / "before.db"
    copy_sqlite(Path(str(quick_world.core.engine.url.database)), before)
    made = quick_world.randomize()
    assert made.sequence is not None
    anchoring.run_due(quick_world.core)
    # An older copy of the whole database in the place of the newer one: nothing in it is wrong.
    old = World.at(f"sqlite:///{before}")
    old.set_time(quick_world.core.now() + dt.timedelta(hours=1))
    assert verify(old.core).ok
    report = told_by(old, path)
    assert report.first_wrong is not None
    assert (report.first_wrong.study, report.first_wrong.sequence) == ("combi", made.sequence - 1)
    old.close()
