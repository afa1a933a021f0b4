"""Copies of the record: whole, for machines and people, and nothing that the reader may not see."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as Xml

import odmlib
import pytest
import xmlschema

import locales
from core.access.roles import ROLES, UNBLINDED
from core.errors import InvalidInput
from core.export.copy import COPIED, StudyCopy, read_copy
from core.export.tables import Table
from core.ledger.verify import verify
from core.messages import Message
from core.transaction import Channel
from tests.support.api import Api
from tests.support.pages import browser
from tests.support.world import PEOPLE, PIN, TODAY, World
from tests.web.api.test_access import become
from tests.web.test_accountability import _printed as printed
from tests.web.test_cli import Shell, shell
from web.export import files
from web.export.files import FORMS, file_of

__all__ = ["shell"]
SECRET: Final = f"{PIN}\n"
ODM: Final = "{http://www.cdisc.org/ns/odm/v1.3}"
_SCHEMA: Final = Path(odmlib.__file__).parent / "schemas" / "odm" / "1.3.2" / "ODM1-3-2.xsd"
_TELLS: Final = re.compile(r"placebo|\"[AB]\"|,[AB],|>[AB]<|kit_type")
"""What `combi` calls one of its arms (the other word stands for sites too) and its kit types."""


@pytest.fixture
def told(quick_world: World) -> World:
    """Subjects in both arms, one treated, one withdrawn; a site's change signed."""
    subjects = [quick_world.randomized()]
    while len({quick_world.arm(one) for one in subjects}) == 1:
        subjects.append(quick_world.randomized())
    quick_world.dispense(subjects[0])
    quick_world.do("end", "Ada", subject=subjects[-1], what_ended="withdrawn", end_date=TODAY)
    quick_world.do("pause_site", "Mia", to_site="101", approval_date=TODAY)
    return quick_world


def copied(world: World, who: str, form: str = "json") -> StudyCopy:
    return read_copy(world.core, world.actor(who), world.study, form=form, channel=Channel.WEB)


def english(message: Message) -> str:
    return locales.catalogue().render(message, "en", spoken=False)


def document(world: World, who: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files.as_json(copied(world, who), english))
    return found


@pytest.mark.req("R15")
def test_the_copy_has_every_subject_visit_kit_and_entry(told: World) -> None:
    made = document(told, "Mia")
    tables = made["tables"]
    numbers = [row.number for row in told.rows("SELECT number FROM subject WHERE study = :study")]
    assert [row["number"] for row in tables["subjects"]] == sorted(numbers)
    assert [row["visit"] for row in tables["visits"]] == ["V1"]
    assert [row["kit"] for row in tables["kits"] if row["visit"] == "V1"]
    last = told.one("SELECT max(sequence) FROM ledger WHERE study = :study")
    assert [row["sequence"] for row in tables["ledger"]] == list(range(1, last))
    assert made["ledger"]["upto"] == last - 1
    (mark,) = [one for one in tables["signatures"] if one["meaning"] == "pause_site"]
    assert (mark["name"], mark["user_id"], mark["method"]) == ("Mia", PEOPLE["Mia"], "PIN")


@pytest.mark.req("R15")
def test_taking_a_copy_is_on_record_before_it_leaves(told: World) -> None:
    made = copied(told, "Cy", "odm")
    entry = told.last_entry()
    assert (entry["transaction"], entry["actor"]) == (COPIED, PEOPLE["Cy"])
    assert entry["facts"] == {"form": "odm", "upto": made.upto}
    assert verify(told.core).ok


@pytest.mark.req("R6")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("who", ["Ada", "Ivy", "Pat", "Cy"])
def test_no_copy_for_the_blinded_tells_an_arm_or_a_kit_type(
    told: World, who: str, form: str
) -> None:
    content = file_of(copied(told, who, form), form, english).content
    match form:
        case "csv":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                text = "\n".join(archive.read(name).decode() for name in archive.namelist())
        case "pdf":
            text = printed(content)
        case _:
            text = content.decode()
    assert PEOPLE[who] in text
    assert not _TELLS.search(text), _TELLS.search(text)


@pytest.mark.req("R6")
@pytest.mark.parametrize("role", sorted(set(ROLES)))
def test_kit_types_are_in_the_copies_of_unblinded_roles_alone(told: World, role: str) -> None:
    become(Api(told), role, None)
    tables = document(told, "Ada")["tables"]
    types = [row for rows in tables.values() for row in rows if "kit_type" in row]
    sees_stock = "kits" in tables
    assert bool(types) == (role in UNBLINDED and sees_stock)
    readings = told.rows("""SELECT 1 FROM ledger WHERE "transaction" = 'types_read'""")
    assert bool(readings) == bool(types)


def test_people_of_a_site_get_their_site_and_no_other(told: World) -> None:
    there = told.randomized(who="Dan")
    tables = document(told, "Ada")["tables"]
    assert {row["site"] for row in tables["subjects"]} == {"101"}
    assert there not in json.dumps(tables)
    assert set(tables) >= {"study", "sites", "subjects", "visits", "kits", "ledger"}
    assert not {"people", "versions", "lists", "holds"} & set(tables)


def test_a_study_that_one_does_not_work_in_cannot_be_copied(told: World) -> None:
    answer = Api(told).ask("Di", "/studies/drug/export")
    assert answer.status_code == 404


@pytest.mark.req("R15")
@pytest.mark.parametrize("who", ["Mia", "Ada", "Sam"])
def test_the_odm_document_is_valid_and_has_audit_records_and_signatures(
    told: World, who: str
) -> None:
    content = file_of(copied(told, who, "odm"), "odm", english).content
    xmlschema.XMLSchema(str(_SCHEMA)).validate(io.BytesIO(content))
    root = Xml.fromstring(content)  # noqa: S314
    _check_references(root)
    if who == "Sam":
        assert root.get("FileType") == "Snapshot"
        return
    entries = [
        one for one in root.iter(f"{ODM}StudyEventData") if one.get("StudyEventOID") == "SE.LEDGER"
    ]
    about_subjects = told.rows("SELECT subject FROM ledger WHERE study = :study AND subject > ''")
    assert len(entries) == len(about_subjects)
    assert all(one.find(f"{ODM}AuditRecord") is not None for one in entries)
    if who == "Mia":
        (signature,) = [
            one
            for one in root.iter(f"{ODM}Signature")
            if one.find(f"{ODM}SignatureRef").get("SignatureOID") == "SD.pause_site"  # type: ignore[union-attr]
        ]
        assert signature.find(f"{ODM}UserRef").get("UserOID") == "USR.2"  # type: ignore[union-attr]


_REFERS: Final[Mapping[str, str]] = {
    "UserRef": "User", "LocationRef": "Location", "SiteRef": "Location",
    "SignatureRef": "SignatureDef", "StudyEventData": "StudyEventDef", "FormData": "FormDef",
    "ItemGroupData": "ItemGroupDef", "ItemData": "ItemDef",
}  # fmt: skip


def _check_references(root: Xml.Element) -> None:
    """Whatever is referred to is defined: the schema alone does not ask."""
    known = {
        tag: {one.get("OID") for one in root.iter(f"{ODM}{tag}")} for tag in set(_REFERS.values())
    }
    for element in root.iter():
        tag = element.tag.removeprefix(ODM)
        if tag in _REFERS:
            named = [v for name, v in element.attrib.items() if name.endswith("OID")]
            assert named[0] in known[_REFERS[tag]], (tag, named)


@pytest.mark.req("R15")
def test_the_printed_record_has_each_entry_with_who_when_why_and_signature(told: World) -> None:
    words = printed(file_of(copied(told, "Mia", "pdf"), "pdf", english).content)
    assert "Record of combi" in words
    assert "Mia, 2026-11-20 15:00:00 +0000, I authorize the pause of this site" in words
    assert "2026-11-20 10:00:00 -0500" in words


def test_the_same_copy_has_the_same_bytes(told: World) -> None:
    made = copied(told, "Mia")
    for form in FORMS:
        assert file_of(made, form, english) == file_of(made, form, english)


def test_text_that_a_spreadsheet_would_run_is_disarmed_in_csv_alone() -> None:
    table = Table("t", ("a", "b"), (("=HYPERLINK(1)", -3), ("@x", None)))
    rows = list(csv.reader(io.StringIO(files.table_csv(table, english))))
    assert rows == [["a", "b"], ["'=HYPERLINK(1)", "-3"], ["'@x", ""]]
    assert files.plain("=HYPERLINK(1)", english) == "=HYPERLINK(1)"


def test_each_form_comes_from_page_and_api_alike(told: World) -> None:
    desk = browser(told)
    desk.sign_in(PEOPLE["Cy"])
    desk.go_to("combi", None)
    page = desk.get("/copies")
    assert page.status == 200
    for form, made in FORMS.items():
        assert f"/copies/record.{form}" in page.links
        file = desk.client.get(f"/copies/record.{form}")
        assert (file.status_code, file.mimetype) == (200, made.media)
        assert file.headers["Content-Disposition"].endswith(f'.{made.ending}"')
        answer = Api(told).get("Cy", "/export", format=form)
        assert (answer.status_code, answer.mimetype) == (200, made.media)
    assert desk.get("/copies/record.exe").status == 404


def test_the_command_prints_tables_and_writes_archives(
    told: World, shell: Shell, tmp_path: Path
) -> None:
    who = ("--as", PEOPLE["Cy"], "--secret-stdin")
    out = shell("export", "--study", "combi", *who, stdin=SECRET).stdout
    assert "# subjects" in out
    assert "# ledger" in out
    target = tmp_path / "copy.zip"
    value = shell.json("export", "--study", "combi", *who, "--out", str(target), stdin=SECRET)
    with zipfile.ZipFile(target) as archive:
        assert {"copy.json", "subjects.csv", "ledger.csv"} <= set(archive.namelist())
    assert value["rows"]["subjects"] > 1
    odm = shell.json("export", "--study", "combi", *who, "--format", "odm", stdin=SECRET)
    assert odm["content"].startswith("<?xml")
    whole = shell.json("export", "--study", "combi", *who, stdin=SECRET)
    assert len(whole["tables"]["subjects"]) == value["rows"]["subjects"]


def test_a_table_that_is_not_for_the_reader_is_refused_by_name(told: World) -> None:
    with pytest.raises(InvalidInput):
        files.one_table(copied(told, "Ada"), "people", english)
    assert files.one_table(copied(told, "Mia"), "people", english).startswith(b"user_id,")


@pytest.mark.req("R15")
@pytest.mark.req("R16")
def test_the_ledger_is_printed_as_it_is_filtered_with_each_signature(told: World) -> None:
    desk = browser(told)
    desk.sign_in(PEOPLE["Mia"])
    desk.go_to("combi", None)
    page = desk.get("/ledger?deed=pause_site")
    (link,) = [one for one in page.links if "ledger.pdf" in one]
    answer = desk.client.get(link)
    words = printed(answer.data)
    assert answer.mimetype == "application/pdf"
    assert "Mia, 2026-11-20 15:00:00 +0000, I authorize the pause of this site" in words
    assert "withdrawn" not in words
    entries = told.rows("""SELECT body FROM ledger WHERE "transaction" = 'copied'""")
    assert json.loads(entries[-1].body)["facts"]["form"] == "ledger.pdf"


def test_entries_made_elsewhere_go_along_with_a_subject_who_has_moved(told: World) -> None:
    number = told.randomized(who="Dan")
    assert number not in json.dumps(document(told, "Ada")["tables"]["ledger"])
    told.do("activate_site", "Mia", to_site="101", approval_date=TODAY)
    told.do("move_subject", "Mia", subject=number, to_site="101")
    mine = [row for row in document(told, "Ada")["tables"]["ledger"] if row["subject"] == number]
    assert [row["transaction"] for row in mine] == ["screen", "randomize", "move_subject"]
