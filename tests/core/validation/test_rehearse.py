"""A study file is rehearsed as people accept it: what it says is what happens, or it shows."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import locales
from core.errors import InvalidInput
from core.messages import Message
from core.validation.play import rehearse
from core.validation.report import report
from core.validation.steps import BY_HAND, Script, Step
from tests.support.doses import TITRATED
from tests.support.studies import COMBI, DOSED, DRUG, MINI
from tests.web.test_accountability import _printed as printed
from tests.web.test_cli import Shell
from web.report.html import html
from web.report.markdown import markdown
from web.report.pdf import pdf

ROOT = Path(__file__).resolve().parents[3]
DEMO = (ROOT / "web" / "demo" / "studies" / "demo.toml").read_text(encoding="utf-8")
SOURCES = {"combi": COMBI, "drug": DRUG, "mini": MINI, "dosed": DOSED, "titrated": TITRATED,
           "demo": DEMO}  # fmt: skip


def english(message: Message) -> str:
    return locales.catalogue().render(message, "en", spoken=False)


@cache
def rehearsed(name: str) -> Script:
    return rehearse(SOURCES[name], english)


def steps(script: Script, deed: str) -> list[Step]:
    return [one for one in script.steps if one.deed == deed]


@pytest.mark.req("R23")
@pytest.mark.parametrize("name", SOURCES)
def test_every_kind_of_study_passes_its_own_script(name: str) -> None:
    script = rehearsed(name)
    assert not script.failed
    assert script.count("passed") > 40


@pytest.mark.req("R23")
def test_the_script_goes_through_every_visit_stratum_role_and_reason() -> None:
    script = rehearsed("combi")
    assert {dict(one.answers).get("visit") for one in script.steps} >= {"V1", "V2", "V3", "V4"}
    drawn = {dict(one.answers).get("sex") for one in steps(script, "randomize")}
    assert drawn >= {"F", "M"}
    reasons = {dict(one.answers).get("reason") for one in steps(script, "screen_failure")}
    assert reasons >= {"laboratory", "other"}
    assert {one.role for one in steps(script, "each deed")} >= {"investigator", "auditor", "depot"}
    assert any("outside_visit_window" in one.expected for one in script.steps)
    assert any("rescreen_limit_reached" in one.expected for one in script.steps)
    assert [one.ended for one in script.steps if "telephone" in one.deed] == [BY_HAND]


@pytest.mark.req("R23")
def test_the_code_is_broken_by_an_investigator_and_by_nobody_else() -> None:
    (part,) = [one for one in rehearsed("combi").parts if one.title == "Code break"]
    assert [(one.role, one.seen) for one in part.steps if "not_allowed" in one.seen] == [
        ("coordinator", "not_allowed")
    ]
    assert "discontinued" in [one.seen for one in part.steps]


@pytest.mark.req("R23")
def test_a_cap_is_filled_and_the_next_subject_refused() -> None:
    (part,) = [one for one in rehearsed("demo").parts if one.title == "Caps"]
    assert part.steps[-1].seen == "enrolment_cap_reached"


@pytest.mark.req("R23")
def test_a_file_in_which_no_kit_ever_lasts_fails_where_kits_are_sent() -> None:
    script = rehearse(COMBI.replace("dnd_days = 10", "dnd_days = 3000"), english)
    assert not script.ok
    assert "create_shipment" in {one.deed for one in script.failed}


def test_a_file_that_cannot_be_published_is_not_rehearsed() -> None:
    with pytest.raises(InvalidInput):
        rehearse(COMBI.replace("ratio = 2", "ratio = 0"), english)


def test_the_same_file_gives_the_same_script() -> None:
    assert rehearse(MINI, english) == rehearsed("mini")


def test_no_step_of_the_script_tells_an_arm_or_a_kit_type() -> None:
    told = markdown(report(rehearsed("combi"), results=True))
    assert "placebo" not in told.lower()


@pytest.mark.req("R23")
def test_the_script_is_printed_with_room_to_write_and_a_place_to_sign() -> None:
    made = report(rehearsed("mini"), results=False)
    for words in (markdown(made), html(made), printed(pdf(made))):
        assert "Acceptance script of study mini" in words
        assert "May do:" in words
        assert "____" in words
        assert "Date and time" in words


@pytest.mark.req("R23")
def test_the_commands_write_the_script_and_exit_by_the_result(tmp_path: Path) -> None:
    shell, file = Shell("sqlite://"), tmp_path / "study.toml"
    file.write_text(MINI, encoding="utf-8")
    value = shell.json("study", "rehearse", str(file))
    assert (value["ok"], value["failed"]) == (True, 0)
    out = tmp_path / "uat.md"
    shell.json("study", "uat", str(file), "--out", str(out))
    assert out.read_text(encoding="utf-8").startswith("# Acceptance script of study mini")
    assert shell("study", "uat", str(file), "--out", str(tmp_path / "uat.doc")).exit_code == 2
    file.write_text(DRUG.replace("dnd_days = 10", "dnd_days = 3000"), encoding="utf-8")
    told = shell.json("study", "rehearse", str(file), code=1)
    assert not told["ok"]
