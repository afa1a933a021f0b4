"""The ixrs command: results, refusals and exit codes (0 done, 1 refused or failed, 2 usage)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.studies import STUDIES
from tests.support.telephone import ACCOUNT, TOKEN
from tests.support.world import ENCRYPTION, OTHER_PIN, PEOPLE, PIN, SECRET, TODAY, World
from web.cli import COMMANDS, main

IXRS = str(Path(sys.executable).parent / "ixrs")
HELP_SECONDS_MAX = 1.0  # a bound for a busy machine; it takes a tenth of that
PASSWORD = "correct horse battery"


def environment(url: str) -> dict[str, str]:
    return {
        "IXRS_DATABASE_URL": url,
        "IXRS_SECRET_KEY": SECRET,
        "IXRS_ENCRYPTION_KEY": ENCRYPTION.hex(),
        "IXRS_PUBLIC_URL": "https://ixrs.example.org",
        "IXRS_TWILIO_ACCOUNT_SID": ACCOUNT,
        "IXRS_TWILIO_AUTH_TOKEN": TOKEN,
    }


class Shell:
    """Runs commands on one database."""

    def __init__(self, url: str) -> None:
        self.environment = environment(url)

    def __call__(self, *arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(main, list(arguments), input=stdin, env=self.environment)

    def json(self, *arguments: str, stdin: str = "", code: int = 0) -> Any:
        result = self(*arguments, "--json", stdin=stdin)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def do(self, name: str, who: str, *more: str, code: int = 0, extra: str = "") -> Any:
        return self.json(
            *("do", name, "--user", PEOPLE[who], "--study", "combi", "--secret-stdin", *more),
            stdin=f"{PIN}\n{extra}",
            code=code,
        )


@pytest.fixture
def shell(quick_world: World) -> Shell:
    return Shell(str(quick_world.core.engine.url))


SCREEN = ("year_of_birth=1961", f"consent_date={TODAY}", "rescreened=no")


def test_help_names_every_command_and_is_quick() -> None:
    started = time.monotonic()
    done = subprocess.run([IXRS, "--help"], capture_output=True, text=True, check=True)
    assert time.monotonic() - started < HELP_SECONDS_MAX
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from web.cli import main;"
        "CliRunner().invoke(main, ['--help']);"
        "print({'flask', 'sqlalchemy', 'twilio', 'pydantic', 'babel'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_from_nothing_to_an_administrator_who_signs_in(tmp_path: Path) -> None:
    shell = Shell(f"sqlite:///{tmp_path}/new.db")
    assert shell.json("db", "upgrade") == {"upgraded": True}
    assert shell.json("db", "upgrade") == {"upgraded": True}
    made = shell.json("setup")
    activate = ("user", "activate", "--code", "-", "--secret-stdin")
    lines = f"{made['code']}\n{PIN}\n{PASSWORD}\n"
    assert shell.json(*activate, stdin=lines) == {"user_id": made["user_id"]}
    again = shell.json(*activate, stdin=lines, code=1)
    assert again["error"]["code"] == "not_authenticated"
    assert shell.json("setup", code=1)["error"]["code"] == "already_set_up"
    assert shell.json("verify")["ok"] is True


def test_missing_settings_are_named_on_stderr_with_exit_code_1() -> None:
    result = CliRunner().invoke(main, ["verify", "--json"], env=dict.fromkeys(environment(""), ""))
    assert result.exit_code == 1
    assert "IXRS_SECRET_KEY is missing" in result.stderr
    assert json.loads(result.stdout)["error"]["code"] == "settings"


def test_a_deed_gives_its_receipt(shell: Shell, quick_world: World) -> None:
    receipt = shell.do("screen", "Ada", *SCREEN)
    assert receipt["confirmation"]
    assert receipt["site"] == "101"  # the only one she has
    entry = quick_world.entry(receipt["sequence"])
    assert entry["channel"] == "command line"
    assert entry["subject"] == receipt["subject"]


def test_the_same_request_is_done_once(shell: Shell) -> None:
    first = shell.do("screen", "Ada", *SCREEN, "--request-id", "x1")
    again = shell.do("screen", "Ada", *SCREEN, "--request-id", "x1")
    assert again == {**first, "replayed": True}
    other = (*SCREEN[1:], "year_of_birth=1970")
    refused = shell.do("screen", "Ada", *other, "--request-id", "x1", code=1)
    assert refused["error"]["code"] == "request_reused"


def test_an_empty_request_id_is_wrong_and_not_left_out(shell: Shell) -> None:
    refused = shell.do("screen", "Ada", *SCREEN, "--request-id", "", code=1)
    assert refused["error"]["code"] == "invalid_input"


@pytest.mark.req("R19")
def test_a_signed_deed_is_signed_with_the_secret_given(shell: Shell, quick_world: World) -> None:
    changed = shell.do("change_pin", "Ada", "new_pin=-", extra=f"{OTHER_PIN}\n")
    (signature,) = quick_world.entry(changed["sequence"])["signatures"]
    assert (signature["user_id"], signature["method"]) == (PEOPLE["Ada"], "PIN")
    assert shell.do("repeat", "Ada", code=1)["error"]["code"] == "not_authenticated"


def test_a_pin_is_not_taken_as_an_argument(shell: Shell) -> None:
    result = shell(
        *("do", "change_pin", f"new_pin={OTHER_PIN}", "--user", PEOPLE["Ada"]),
        *("--study", "combi", "--secret-stdin"),
        stdin=f"{PIN}\n",
    )
    assert result.exit_code == 2
    assert "new_pin=-" in result.stderr


@pytest.mark.parametrize(
    ("name", "who", "given", "code"),
    [
        ("screen", "Ada", SCREEN[:1], "invalid_input"),
        ("screen", "Ada", (*SCREEN, "shoe_size=44"), "invalid_input"),
        ("screen", "Ada", ("year_of_birth=never", *SCREEN[1:]), "invalid_input"),
        ("screen", "Cy", (*SCREEN, "--site", "101"), "not_allowed"),
        ("screen", "Di", (*SCREEN, "--site", "101"), "not_found"),
        ("fly", "Ada", (), "not_found"),
        ("repeat", "Dan", (), "nothing_to_repeat"),
    ],
)
def test_what_is_refused_is_a_sentence_a_code_and_exit_code_1(
    shell: Shell, name: str, who: str, given: tuple[str, ...], code: str
) -> None:
    arguments = ("do", name, "--user", PEOPLE[who], "--study", "combi", "--secret-stdin", *given)
    result = shell(*arguments, "--json", stdin=f"{PIN}\n")
    assert result.exit_code == 1, result.output
    error = json.loads(result.stdout)["error"]
    assert error["code"] == code
    assert error["message"] == result.stderr.strip()
    plain = shell(*arguments, stdin=f"{PIN}\n")
    assert (plain.exit_code, plain.stdout) == (1, "")


def test_a_wrong_pin_and_an_unknown_id_hear_the_same(shell: Shell) -> None:
    wrong = [
        shell("do", "repeat", "--user", user_id, "--study", "combi", "--secret-stdin",
              stdin="999998\n")
        for user_id in (PEOPLE["Ada"], "99999")
    ]  # fmt: skip
    assert wrong[0].exit_code == wrong[1].exit_code == 1
    assert wrong[0].stderr == wrong[1].stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("do", "screen", "--study", "combi"),
        ("do", "screen", "--user", "11", "--study", "combi", "--secret-stdin"),
        ("do", "screen", "x", "--user", "11", "--study", "combi", "--secret-stdin"),
        ("serve", "--port", "none"),
        ("call", "--line", "other"),
        ("call", "--keys", "1"),
    ],
)
def test_wrong_usage_is_exit_code_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    stdin = f"{PIN}\n" if "x" in arguments else ""
    assert shell(*arguments, stdin=stdin).exit_code == 2


def test_an_import_tells_every_problem_and_imports_nothing(
    shell: Shell, quick_world: World, tmp_path: Path
) -> None:
    file = tmp_path / "lots.csv"
    file.write_text("lot,kit_type,expiry,countries\n9001,A,2028-13,US\n9002,Q,2028-06,US\n")
    before = quick_world.rows("SELECT * FROM lot")
    by_sam = ("--study", "combi", "--user", PEOPLE["Sam"], "--secret-stdin")
    error = shell.json("import", "lots", str(file), *by_sam, stdin=f"{PIN}\n", code=1)["error"]
    assert error["code"] == "invalid_input"
    assert quick_world.rows("SELECT * FROM lot") == before
    file.write_text("lot,kit_type,expiry,countries\n9001,A,2028-12,US\n9002,B,2028-06,US\n")
    assert shell.json("import", "lots", str(file), *by_sam, stdin=f"{PIN}\n")["confirmation"]
    assert len(quick_world.rows("SELECT * FROM lot")) == len(before) + 2


def test_a_file_that_is_not_there_is_named(shell: Shell) -> None:
    by_sam = ("--study", "combi", "--user", PEOPLE["Sam"], "--secret-stdin")
    result = shell("import", "lots", "/none.csv", *by_sam, stdin=f"{PIN}\n")
    assert result.exit_code == 1
    assert "/none.csv cannot be read" in result.stderr


def test_a_study_file_is_checked_without_settings(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(STUDIES["combi"])
    bad.write_text(STUDIES["combi"].replace("ratio = 2", "ratio = 0"))
    nothing = dict.fromkeys(environment(""), "")
    fine = CliRunner().invoke(main, ["study", "check", str(good), "--json"], env=nothing)
    assert (fine.exit_code, json.loads(fine.stdout)["ok"]) == (0, True)
    wrong = CliRunner().invoke(main, ["study", "check", str(bad), "--json"], env=nothing)
    assert wrong.exit_code == 1
    (problem,) = json.loads(wrong.stdout)["problems"]
    assert problem["key"] == "arms[0].ratio"
    assert problem["line"] == STUDIES["combi"].splitlines().index("ratio = 2") + 1


def test_a_study_is_listed_compared_and_published(
    shell: Shell, quick_world: World, tmp_path: Path
) -> None:
    file = tmp_path / "combi.toml"
    file.write_text(STUDIES["combi"])
    assert shell.json("study", "diff", str(file))["changes"] == []
    by_mia = ("--user", PEOPLE["Mia"], "--secret-stdin")
    same = shell.json("study", "publish", str(file), *by_mia, stdin=f"{PIN}\n", code=1)
    assert same["error"]["code"] == "invalid_input"
    file.write_text(STUDIES["combi"].replace('name = "Depot"', 'name = "Big depot"'))
    changes = shell.json("study", "diff", str(file))["changes"]
    assert changes
    published = shell.json("study", "publish", str(file), *by_mia, stdin=f"{PIN}\n")
    assert (published["version"], published["changes"]) == (2, changes)
    listed = {row["code"]: row["version"] for row in shell.json("study", "list")["studies"]}
    assert listed["combi"] == 2
    assert listed.keys() == STUDIES.keys()


def test_verify_names_the_first_wrong_row(shell: Shell, quick_world: World) -> None:
    from sqlalchemy import text

    assert shell.json("verify")["ok"] is True
    with quick_world.core.writing() as db:
        db.execute(text("DROP TRIGGER ledger_no_update"))
        db.execute(text("UPDATE ledger SET body = '{}' WHERE study = 'combi' AND sequence = 3"))
    report = shell.json("verify", "--study", "combi", code=1)
    assert report["ok"] is False
    assert report["first_wrong"]["study"] == "combi"
    assert report["first_wrong"]["sequence"] == 3


def test_verify_holds_chains_against_the_heads_that_it_told_before(
    shell: Shell, quick_world: World
) -> None:
    from sqlalchemy import text

    heads = shell.json("verify")["heads"]
    assert {head.partition(":")[0] for head in heads} == {*STUDIES, "installation"}
    shell.do("screen", "Ada", *SCREEN)
    options = [part for head in heads for part in ("--head", head)]
    assert shell.json("verify", *options)["ok"] is True
    last = next(head for head in shell.json("verify")["heads"] if head.startswith("combi:"))
    _, sequence, mark = last.split(":")
    later = f"combi:{int(sequence) + 1}:{mark}"
    found = shell.json("verify", "--head", later, code=1)["first_wrong"]
    assert (found["study"], found["sequence"]) == ("combi", int(sequence) + 1)
    with quick_world.core.writing() as db:
        db.execute(text("DELETE FROM chain WHERE study = 'solo'"))
        db.execute(text("DROP TRIGGER ledger_no_delete"))
        db.execute(text("DELETE FROM ledger WHERE study = 'solo'"))
    gone = next(head for head in heads if head.startswith("solo:"))
    missing = shell.json("verify", "--head", gone, code=1)["problems"]
    assert "solo 1: the chain is gone, from its first entry on" in missing


def test_shows_what_the_person_may_see_and_nothing_else(shell: Shell, quick_world: World) -> None:
    number = shell.do("screen", "Ada", *SCREEN)["subject"]

    def show(what: str, which: str, who: str, code: int = 0) -> Any:
        options = ("--study", "combi", "--as", PEOPLE[who], "--secret-stdin")
        return shell.json("show", what, which, *options, stdin=f"{PIN}\n", code=code)

    shown = show("subject", number, "Ada")
    assert (shown["number"], shown["consent_date"]) == (number, TODAY)
    assert show("study", "combi", "Mia")["counts"]["screened"] == 1
    hidden, unknown = show("subject", number, "Di", 1), show("subject", "9999999", "Ada", 1)
    assert hidden == unknown
    assert hidden["error"]["code"] == "not_found"
    seen = "SELECT user_id, what, channel FROM page_view WHERE study = :study ORDER BY id"
    assert [tuple(row) for row in quick_world.rows(seen)] == [
        (PEOPLE["Ada"], "subject", "command line"),
        (PEOPLE["Mia"], "study", "command line"),
    ]


def test_prints_the_callers_worksheet_without_secrets(shell: Shell) -> None:
    options = ("callsheet", "screen", "--study", "combi", "--user", PEOPLE["Ada"])
    sheet = shell.json(*options)
    assert [entry["ask"] for entry in sheet][:3] == ["language", "user_id", "pin"]
    assert sheet[-1]["ask"] == "confirm"
    assert sheet[2]["example"] is None
    printed = shell(*options)
    assert printed.exit_code == 0
    assert f"(for example {PEOPLE['Ada']} #)" in printed.output
    unknown = shell.json("callsheet", "screen", "--study", "none", "--user", "11", code=1)
    assert unknown["error"]["code"] == "not_found"


def test_a_real_process_keeps_streams_and_exit_codes_apart(quick_world: World) -> None:
    done = subprocess.run(
        [IXRS, "do", "repeat", "--user", "11", "--study", "combi", "--secret-stdin", "--json"],
        input="999998\n", capture_output=True, text=True, check=False,
        env=environment(str(quick_world.core.engine.url)),
    )  # fmt: skip
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error == {"code": "not_authenticated", "message": done.stderr.strip()}
