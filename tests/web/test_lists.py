"""Lists and halves of the seed at a desk: pages, the API and the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from core.randomization.lists.escrow import combine
from tests.support.api import Api
from tests.support.lists import FIRST, activated, listed
from tests.support.pages import browser
from tests.support.studies import SOLO
from tests.support.world import PEOPLE, PIN, World
from tests.web.test_cli import Shell
from web.cli import main

SEED = bytes(range(32)).hex()


@pytest.fixture
def here(quick_world: World) -> World:
    """A study that draws from imported lists; Tess has her PIN."""
    made = listed(quick_world)
    made.let_in("Tess")
    return made


def test_the_page_shows_versions_and_commitments_and_no_arm(here: World) -> None:
    commitment = here.do("import_list", "Tess", file=FIRST).facts["list_commitment"]
    desk = browser(here, "Tess", None)
    closed = desk.get("/lists").text
    assert commitment in closed
    assert "two persons open it" in closed
    activated(here)
    here.do("take_seed_share", "Mia")
    shown = desk.get("/lists").text
    assert "two persons open it" not in shown
    assert "Half 1 is with Mia 2" in shown
    assert not {"active", "placebo"} & set(shown.split())


def test_the_page_is_for_who_may_see_study_files(here: World) -> None:
    assert browser(here, "Ivy", "101").get("/lists").status == 404
    assert browser(here, "Mia", None).get("/lists").status == 200


def test_a_half_is_on_the_next_page_and_never_again(here: World) -> None:
    desk = browser(here, "Tess", None)
    receipt = desk.do("take_seed_share", {})
    assert receipt.path.startswith("/receipt/")
    assert "ixrs-share-v1:listed:1:" in receipt.text
    assert "ixrs-share-v1" not in desk.get(receipt.path).text
    assert "ixrs-share-v1" not in browser(here, "Mia", None).get(receipt.path).text


def test_a_list_with_errors_is_told_by_line_on_its_page_and_by_count_in_the_record(
    here: World,
) -> None:
    desk = browser(here, "Tess", None)
    bad = FIRST.replace("sex=M,1,", "sex=Q,1,")
    page = desk.do("import_list", {"file": bad, "columns": "", "values": ""})
    assert "Line 8, stratum" in page.text
    assert "Nothing was imported" in page.text
    again = here.rows("SELECT result FROM receipt WHERE study = :study AND outcome = 'refused'")
    assert again
    assert "import_line" not in again[-1].result


def test_a_file_that_was_sent_and_left_lying_stands_in_no_row(here: World) -> None:
    desk = browser(here, "Tess", None)
    page = desk.fill_in("import_list", {"file": FIRST})
    assert page.path.endswith("/check")
    assert "1001,active" not in str(here.dump())


def test_the_api_tells_lines_and_a_half_once(here: World) -> None:
    api = Api(here)
    bad = FIRST.replace("sex=M,1,", "sex=Q,1,")
    found = api.do("import_list", "Tess", None, study=here.study, file=bad)
    assert (found.status_code, found.get_json()["code"]) == (409, "list_refused")
    assert any("Line 8" in one["detail"] for one in found.get_json()["errors"])
    shares = []
    for who in ("Tess", "Mia"):
        done = api.do("take_seed_share", who, None, study=here.study, key=f"half-{who}")
        again = api.do("take_seed_share", who, None, study=here.study, key=f"half-{who}")
        shares.append(done.get_json()["share"])
        assert (again.get_json()["replayed"], again.get_json()["share"]) == (True, None)
    assert len(combine(shares)) == 32


def test_a_dummy_list_is_written_from_a_study_file_alone(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(SOLO, encoding="utf-8")
    out = tmp_path / "list.csv"
    arguments = ["randomization", "list", str(tmp_path / "study.toml"), "--rows", "6", "--json"]
    done = CliRunner().invoke(
        main, [*arguments, "--dummy", "--seed-stdin", "--out", str(out)], input=f"{SEED}\n"
    )
    assert done.exit_code == 0, done.output
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == [
        "# ixrs dummy list: for tests and training only",
        "stratum,sequence,randomization_number,arm,block",
    ]
    assert json.loads(done.output)["rows"] == len(lines) - 2 >= 12


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("--seed-hex", SEED, "--strata", "sex=Q"), 1),
        (("--seed-hex", SEED, "--block-size", "4"), 1),
        (("--seed-hex", "00"), 2),
        (("--seed-hex", "0x" + SEED[2:]), 2),
        ((), 2),
    ],
)
def test_what_makes_no_list_is_told(tmp_path: Path, given: tuple[str, ...], code: int) -> None:
    (tmp_path / "study.toml").write_text(SOLO, encoding="utf-8")
    arguments = ["randomization", "list", str(tmp_path / "study.toml"), "--rows", "6"]
    done = CliRunner().invoke(main, [*arguments, *given, "--out", str(tmp_path / "list.csv")])
    assert done.exit_code == code, done.output
    assert not (tmp_path / "list.csv").exists()


@pytest.fixture
def shell(here: World) -> Shell:
    """The command line of that study's database."""
    return Shell(str(here.core.engine.url))


def _import(shell: Shell, path: Path, text: str, *more: str, code: int = 0) -> Any:
    path.write_text(text, encoding="utf-8")
    person = ("--user", PEOPLE["Tess"], "--study", "listed", "--secret-stdin")
    arguments = ("import", "list", str(path), *person, *more)
    return shell.json(*arguments, stdin=f"{PIN}\n", code=code)


def test_the_command_line_imports_a_file_with_its_own_names(
    here: World, shell: Shell, tmp_path: Path
) -> None:
    text = "SEX;SEQ;NO;TRT\r\n1;1;0101;A\r\n1;2;0102;B\r\n"
    names = ("sex=SEX", "sequence=SEQ", "randomization_number=NO", "arm=TRT")
    codes = ("sex:F=1", "arm:active=A", "arm:placebo=B")
    more = [part for one in names for part in ("--column", one)]
    more += [part for one in codes for part in ("--value", one)]
    done = _import(shell, tmp_path / "list.csv", text, *more)
    assert (done["facts"]["rows"], done["facts"]["strata"]) == (2, 1)
    assert done["facts"]["list_commitment"] in done["said"]
    assert here.one("SELECT count(*) FROM list_row WHERE study = :study") == 2


def test_the_command_line_tells_every_line_and_imports_nothing(
    here: World, shell: Shell, tmp_path: Path
) -> None:
    bad = FIRST.replace("sex=M,1,", "sex=Q,1,").replace("1003", "1001")
    told = _import(shell, tmp_path / "list.csv", bad, code=1)["error"]
    assert told["code"] == "list_refused"
    assert "Line 4, randomization_number" in told["message"]
    assert "Line 8, stratum" in told["message"]
    assert here.one("SELECT count(*) FROM list_row WHERE study = :study") == 0


def test_the_command_line_tells_a_half_once(here: World, shell: Shell) -> None:
    arguments = ("do", "take_seed_share", "--user", PEOPLE["Tess"], "--study", "listed")
    more = ("--secret-stdin", "--request-id", "mine")
    first = shell.json(*arguments, *more, stdin=f"{PIN}\n")
    again = shell.json(*arguments, *more, stdin=f"{PIN}\n")
    assert first["share"].startswith("ixrs-share-v1:listed:1:")
    assert (again["replayed"], "share" in again) == (True, False)
    assert first["share"] not in json.dumps({**first, "share": ""})
