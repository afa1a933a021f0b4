"""The account of drug as files: what is in them, the same for each reader on every channel."""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from base64 import a85decode
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as Xml

import pytest

import locales
from core.messages import Message
from core.supply.accountability import Account, read_accountability
from core.transaction import Channel
from tests.support.api import Api
from tests.support.world import PEOPLE, PIN, Given, World
from tests.web.reading.pages import Pages
from tests.web.test_cli import Shell
from web.accountability import files
from web.accountability.files import FORMATS, file_of
from web.accountability.tables import STATES, tables

UNITS: Final[Given] = {"units_used": "3", "units_unused": "1", "units_missing": "0"}
_SHEETS: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def returned(quick_world: World) -> World:
    """A subject has had a kit and brought it back."""
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    quick_world.do("return_kit", "Ada", subject=number, kit=kit, **UNITS)
    return quick_world


def _read(world: World, who: str, site: str | None = "101") -> Account:
    return read_accountability(
        world.core, world.actor(who), world.study, site, channel=Channel.WEB.value
    )


def _english(message: Message) -> str:
    return locales.catalogue().render(message, "en", spoken=False)


def _spanish(message: Message) -> str:
    return locales.catalogue().render(message, "es", spoken=False)


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def _cells(content: bytes, sheet: int) -> list[list[str]]:
    """The cells of a sheet as text, empty ones left out."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        shared = Xml.fromstring(book.read("xl/sharedStrings.xml"))  # noqa: S314
        texts = ["".join(one.itertext()) for one in shared]
        made = Xml.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))  # noqa: S314
    rows = []
    for row in made.iter(f"{_SHEETS}row"):
        values = [(cell.get("t"), cell.findtext(f"{_SHEETS}v")) for cell in row]
        rows.append([texts[int(v)] if kind == "s" else v for kind, v in values if v is not None])
    return rows


def _printed(content: bytes) -> str:
    """The words that a PDF of reportlab draws."""
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.S):
        try:
            drawn = zlib.decompress(a85decode(stream.strip(), adobe=True)).decode("latin-1")
        except (ValueError, zlib.error):
            continue
        found += re.findall(r"\(((?:[^()\\]|\\.)*)\) Tj", drawn)
    return " ".join(found)


def test_csv_has_a_line_for_each_kit_with_names_for_programs(returned: World) -> None:
    made = file_of(_read(returned, "Cy"), "csv", _english)
    assert made.name == "accountability-combi-101-kits.csv"
    rows = _rows(made.content)
    assert len(rows) == 16
    assert "kit_type" not in rows[0]
    (back,) = (row for row in rows if row["state"] == "returned")
    assert (back["units_used"], back["units_unused"], back["visit"]) == ("3", "1", "V1")
    assert back["dispensed_at"] == "2026-11-20T15:00:00Z"


def test_csv_of_each_table_agrees_with_the_account(returned: World) -> None:
    found = _read(returned, "Bo")
    (site,) = _rows(file_of(found, "csv", _english, "sites").content)
    assert (site["received"], site["returned"], site["difference"]) == ("16", "1", "0")
    lots = _rows(file_of(found, "csv", _english, "lots").content)
    assert [(row["lot"], row["kit_type"], row["packaged"]) for row in lots] == [
        ("5001", "A", "8"),
        ("5002", "B", "8"),
    ]
    (subject,) = _rows(file_of(found, "csv", _english, "subjects").content)
    assert (subject["given"], subject["returned"], subject["units_used"]) == ("1", "1", "3")


def test_the_spreadsheet_has_every_table_in_the_reader_s_words(returned: World) -> None:
    found = _read(returned, "Bo")
    content = file_of(found, "xlsx", _spanish).content
    for place, table in enumerate(tables(found), start=1):
        rows = _cells(content, place)
        assert rows[0] == ["Contabilidad del medicamento, estudio combi, centro 101"]
        assert list(table.head(_spanish)) in rows, table.name
    words = _cells(content, 3)
    assert ["El balance cuadra: todos los kits que llegaron están justificados."] in words
    assert any("ciego" in cell for row in words for cell in row)


def test_the_paper_of_a_site_has_all_and_that_of_a_study_leaves_kits_out(returned: World) -> None:
    site = _printed(file_of(_read(returned, "Cy"), "pdf", _english).content)
    kit = returned.one("SELECT number FROM kit WHERE disposition = 'returned'")
    for words in ("Drug accountability, study combi, site 101", kit, "By subject", "page 1"):
        assert words in site, words
    assert "Kit type" not in site
    study = _printed(file_of(_read(returned, "Sam", None), "pdf", _english).content)
    assert "5001" in study
    assert kit not in study


def test_a_spreadsheet_leaves_out_what_is_too_long_for_it_and_says_so(
    returned: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SHEET_ROWS_MAX", 3)
    found = _read(returned, "Bo")
    content = file_of(found, "xlsx", _english).content
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) == len(tables(found)) - 1
    assert ["Tables of more than 3 rows are in the CSV files only."] in _cells(content, 1)


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_account_makes_the_same_bytes(returned: World, form: str) -> None:
    found = _read(returned, "Bo")
    assert file_of(found, form, _english) == file_of(found, form, _english)


def test_every_state_has_words(returned: World) -> None:
    from core.supply.lifecycle import STATES as ALL

    assert set(STATES) == set(ALL)


def test_web_api_and_command_hand_out_the_same_file(returned: World, tmp_path: Path) -> None:
    pages, api = Pages(returned), Api(returned)
    shell = Shell(str(returned.core.engine.url))
    for form in FORMATS:
        web = pages.get("Cy", f"/accountability.{form}?site=101")
        program = api.get("Cy", "/accountability", site="101", format=form)
        assert (web.status_code, program.status_code) == (200, 200)
        assert web.headers["Content-Disposition"] == program.headers["Content-Disposition"]
        assert web.mimetype == program.mimetype
        out = tmp_path / f"account.{form}"
        told = shell.json(
            *("supply", "accountability", "--study", "combi", "--as", PEOPLE["Cy"]),
            *("--secret-stdin", "--site", "101", "--format", form, "--out", str(out)),
            stdin=f"{PIN}\n",
        )
        assert told["closes"]
        assert web.data == program.data
        if form == "csv":  # the command has a clock of its own, and says when
            assert out.read_bytes() == web.data
        else:
            assert out.read_bytes()[:2] == web.data[:2]


def test_the_api_gives_the_rows_of_the_files(returned: World) -> None:
    found = Api(returned).get("Cy", "/accountability", site="101").json
    assert found
    assert found["closes"]
    assert not found["types"]
    assert found["sites"][0]["received"] == 16
    assert len(found["kits"]) == 16
    assert found["lots"] == []
    every = Api(returned).get("Cy", "/accountability").json
    assert every
    assert [row["site"] for row in every["sites"]] == ["101", "102"]
    assert every["kits"] == []


def test_a_reading_of_types_is_on_record_on_every_channel(returned: World) -> None:
    pages, api = Pages(returned), Api(returned)
    assert b"kit_type" in pages.get("Bo", "/accountability.csv?site=101").data
    assert returned.last_entry()["channel"] == "web"
    assert b"kit_type" in api.get("Bo", "/accountability", format="csv").data
    entry = returned.last_entry()
    assert (entry["transaction"], entry["channel"], entry["actor"]) == ("types_read", "api", "13")


def test_a_table_that_is_not_the_reader_s_and_a_site_that_is_not_are_refused(
    returned: World,
) -> None:
    pages, api = Pages(returned), Api(returned)
    assert pages.get("Sam", "/accountability.csv?table=subjects").status_code == 422
    assert pages.get("Cy", "/accountability.csv?table=lots").status_code == 422
    assert api.get("Cy", "/accountability", format="csv", table="lots").status_code == 422
    assert pages.get("Ada", "/accountability.pdf?site=102").status_code == 404
    assert pages.get("Hal", "/accountability.csv").status_code == 404
    assert pages.get("Ada", "/accountability.doc").status_code == 404
