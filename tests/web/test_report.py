"""The statistician's report: what it says, on a page and on paper, and that it can be checked."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from core.randomization.casefile import load
from core.randomization.characterise import Found, characterise
from core.randomization.report import specification
from core.randomization.report.designed import of_file
from core.randomization.report.model import Mark, Plot, Report, Series, Table
from core.randomization.report.words import GLOSSARY, METHODS, PARAMETERS
from core.randomization.trial import trial_of
from core.study import randomization as section
from tests.support.world import ENCRYPTION, SECRET
from web.cli import main
from web.report.html import html
from web.report.pdf import pdf
from web.report.plots import WIDTH, Box, Stroke, Word, drawn, top_of

DIGEST = "ab" * 32
CASE: dict[str, Any] = {
    "randomization": {"method": "minimisation", "measure": "range", "p": "4/5"},
    "arms": {"A": 2, "B<b>": 1},
    "factors": {"sex & age": ["F", "M ≥65"]},
}
HEADINGS = (
    "What is randomized",
    "The method",
    "How each draw is made",
    "How the design behaves",
    "Commitment and digests",
    "How to check this yourself",
    "Terms used here",
)
PLOTS = (
    "Can the next arm be guessed?",
    "How uneven do the arms get on the way?",
    "Does every arm keep its share at each step?",
    "How uneven are the arms at the end?",
    "How uneven are the arms within each factor?",
    "Do the tests keep their promise?",
)


@pytest.fixture(scope="module")
def found() -> Found:
    return characterise(trial_of(load(json.dumps(CASE))), 24, trials=300)


@pytest.fixture(scope="module")
def report(found: Found) -> Report:
    return of_file("case.json", DIGEST, found)


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return html(report)


class Reader(HTMLParser):
    """The words of a page, and all its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def words_on(paper: bytes) -> str:
    """The words that a PDF shows, in their order."""
    found: list[str] = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", paper, re.DOTALL):
        drawn_text = zlib.decompress(base64.a85decode(stream.strip(), adobe=False, foldspaces=False)
                                     if not stream.strip().endswith(b"~>")
                                     else base64.a85decode(stream.strip()[:-2]))  # fmt: skip
        for piece in re.findall(rb"\(((?:\\.|[^\\()])*)\) Tj", drawn_text):
            plain = re.sub(rb"\\([0-7]{3})", lambda o: bytes([int(o[1], 8)]), piece)
            found.append(re.sub(rb"\\(.)", rb"\1", plain).decode("cp1252"))
    return " ".join(" ".join(found).split())


def test_the_page_has_each_section_each_plot_and_a_table_beside_it(page: str) -> None:
    read = Reader(page)
    for heading in (*HEADINGS, *PLOTS):
        assert heading in read.text
    assert page.count("<svg ") == len(PLOTS)
    assert page.count('<div class="plot">') == len(PLOTS)
    for plot in page.split('<div class="plot">')[1:]:
        assert plot.index("</svg>") < plot.index("<table>")
    labels = [given["aria-label"] for tag, given in read.elements if tag == "svg"]
    assert labels == list(PLOTS)


def test_the_page_loads_nothing_from_anywhere(page: str) -> None:
    read = Reader(page)
    assert {tag for tag, _ in read.elements} & {"script", "img", "link", "iframe", "base"} == set()
    assert not any("src" in given for _, given in read.elements)
    links = [given["href"] or "" for tag, given in read.elements if tag == "a"]
    assert all(link.startswith(("#", "https://doi.org/")) for link in links)
    assert "url(" not in page
    assert "@import" not in page


def test_names_are_told_as_they_are_written_and_never_become_markup(page: str) -> None:
    assert "B<b>" in Reader(page).text
    assert "<b>" not in page
    assert "sex & age" in Reader(page).text
    assert "M ≥65" in Reader(page).text


def test_numbers_of_the_page_are_those_of_the_json(page: str, found: Found) -> None:
    values = found.to_json()
    text = Reader(page).text
    for value in (values["convergence"], values["best_guess"], values["deterministic"]):
        assert f"{100 * value['value']:.1f}%" in text
    assert f"{values['steps'][-1]['imbalance']['value']:.3f}" in text
    assert f"{values['factors']['sex & age']['F']['value']:.3f}" in text
    power = values["tests"]["t_test"]["power"]
    assert f"{100 * power['value']:.1f}% ± {100 * power['se']:.2f}%" in text


def test_paper_says_what_the_page_says(report: Report) -> None:
    said = words_on(pdf(report))
    for heading in (*HEADINGS, *PLOTS):
        assert heading in said
    assert DIGEST in said
    assert "Pocock & Simon" in said
    # What its letters cannot write is written otherwise, or owned up to.
    assert "M >=65" in said
    assert "B<b>" in said


def test_paper_that_cannot_print_a_letter_says_so(found: Found) -> None:
    strange = of_file("случай.json", DIGEST, found)
    assert "Letters that this paper cannot print stand as ?" in words_on(pdf(strange))


def test_paper_comes_out_the_same_each_time(report: Report) -> None:
    assert pdf(report) == pdf(report)


def test_the_program_for_lists_prints_what_the_report_says() -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec("\n".join(specification.LIST_PROGRAM), {})  # noqa: S102 - ours, as readers run it
    # Case G19.
    assert said.getvalue() == "BABAABBABABAABABABABBABA\n"


def test_the_program_for_single_draws_prints_what_the_stream_gives() -> None:
    from core.randomization.stream import uniform_below

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec("\n".join(specification.DRAW_PROGRAM), {})  # noqa: S102
    drawn_by_us = [uniform_below(bytes(range(32)), "v1|all", number, 6) for number in (1, 2, 3)]
    assert said.getvalue().strip() == specification.DRAW_PRINTS
    assert " ".join(map(str, drawn_by_us)) == specification.DRAW_PRINTS


def test_every_method_and_every_key_of_a_study_file_is_explained() -> None:
    assert set(METHODS) == set(section.METHODS)
    keys = {key for one in section.PARAMETERS.values() for key in (*one.needs, *one.may)}
    assert keys | set(section.EVERY_METHOD) == {*PARAMETERS, "method"}


def test_terms_that_the_report_uses_are_explained_once() -> None:
    terms = [term for term, _ in GLOSSARY]
    assert len(set(terms)) == len(terms)
    told = ", ".join(terms)
    for term in ("seed", "commitment", "digest", "type I error", "power", "stratum", "epoch"):
        assert term in told


PLACES = tuple(f"level {number}" for number in range(7))
NOTHING = Table("", ("",), ())


@pytest.mark.parametrize("is_line", [True, False])
@pytest.mark.parametrize("places", [("0", "2", "4"), PLACES, tuple(map(str, range(1, 301)))])
def test_everything_drawn_lies_within_the_drawing(is_line: bool, places: tuple[str, ...]) -> None:
    values = tuple(0.001 + place / len(places) for place in range(len(places)))
    both = (Series("one", values), Series("two", values))
    plot = Plot("", "", "x", "y", places, both, NOTHING, (Mark("half", 0.5),), is_line)
    drawing = drawn(plot)
    for shape in drawing.shapes:
        match shape:
            case Stroke():
                points = list(shape.points)
            case Box():
                points = [(shape.x, shape.y), (shape.x + shape.width, shape.y + shape.height)]
                assert shape.height >= 0
            case Word():
                points = [(shape.x, shape.y)]
        assert all(0 <= x <= WIDTH and 0 <= y <= drawing.height for x, y in points), shape


@pytest.mark.parametrize("highest", [0.0, 0.003, 0.2, 1.0, 7.3, 99.0, 1234.5])
def test_the_scale_reaches_the_highest_value_in_few_even_steps(highest: float) -> None:
    plot = Plot("", "", "", "", ("1",), (Series("", (highest,)),), NOTHING)
    top, step = top_of(plot)
    assert top >= highest
    assert top / step == pytest.approx(round(top / step))
    assert 1 <= round(top / step) <= 5


def cli(url: str | None, *arguments: str, stdin: str = "") -> Result:
    """A command, with the settings of a world or with none."""
    environment = {"IXRS_DATABASE_URL": url, "IXRS_SECRET_KEY": url and SECRET,
                   "IXRS_ENCRYPTION_KEY": url and ENCRYPTION.hex(),
                   "IXRS_PUBLIC_URL": url and "https://ixrs.example.org"}  # fmt: skip
    return CliRunner().invoke(main, ["randomization", *arguments], input=stdin, env=environment)


def test_a_report_on_a_file_names_its_digest_and_the_commands(tmp_path: Path) -> None:
    case, out = tmp_path / "case.json", tmp_path / "report.html"
    case.write_bytes(json.dumps(CASE, indent=1).replace("\n", "\r\n").encode())
    options = ("--n", "12", "--trials", "40", "--seed", "5", "--out", str(out), "--json")
    result = cli(None, "report", str(case), *options)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["report"] == str(out)
    assert told["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    text = Reader(out.read_text(encoding="utf-8")).text
    assert hashlib.sha256(case.read_bytes()).hexdigest() in text
    again = "ixrs randomization characteristics case.json --n 12 --trials 40 --seed 5"
    assert again in text


def test_characteristics_write_the_same_report_beside_their_numbers(tmp_path: Path) -> None:
    case, one, other = tmp_path / "case.json", tmp_path / "1.pdf", tmp_path / "2.PDF"
    case.write_text(json.dumps(CASE))
    options = ("--n", "12", "--trials", "40")
    done = cli(None, "characteristics", str(case), *options, "--report", str(one), "--json")
    assert json.loads(done.stdout)["n"] == 12
    assert cli(None, "report", str(case), *options, "--out", str(other)).exit_code == 0
    assert one.read_bytes().startswith(b"%PDF-")
    assert one.read_bytes() == other.read_bytes()


def test_a_place_that_cannot_be_written_is_a_plain_refusal(tmp_path: Path) -> None:
    case = tmp_path / "case.json"
    case.write_text(json.dumps(CASE))
    out = tmp_path / "nowhere" / "report.html"
    result = cli(None, "report", str(case), "--n", "4", "--trials", "10", "--out", str(out))
    assert result.exit_code == 1
    assert f"{out} cannot be written" in result.stderr
