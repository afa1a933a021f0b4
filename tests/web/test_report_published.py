"""The report on a published study, and the replay of its draws, from the command line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, text

from core.db.drawing import list_version
from core.db.models import chain, study
from core.randomization.lists.escrow import half_of, share_text
from core.study.seed import commitment, study_seed
from tests.support.lists import FIRST, listed, statistician
from tests.support.studies import STUDIES
from tests.support.world import ENCRYPTION, PEOPLE, PIN, SECRET, World
from tests.web.test_report import Reader, words_on
from web.cli import main

QUICK = ("--n", "12", "--trials", "40")


def cli(world: World, *arguments: str, stdin: str = f"{PIN}\n") -> Result:
    environment = {
        "IXRS_DATABASE_URL": str(world.core.engine.url),
        "IXRS_SECRET_KEY": SECRET,
        "IXRS_ENCRYPTION_KEY": ENCRYPTION.hex(),
        "IXRS_PUBLIC_URL": "https://ixrs.example.org",
    }
    return CliRunner().invoke(main, ["randomization", *arguments], input=stdin, env=environment)


def report(world: World, who: str, out: Path, *more: str) -> Result:
    """Ask for the report on the world's study."""
    person = ("--as", PEOPLE[who], "--secret-stdin")
    return cli(world, "report", "--study", world.study, *person, "--out", str(out), *QUICK, *more)


@pytest.fixture
def with_tess(quick_world: World) -> World:
    """The small world, with its statistician able to sign in."""
    statistician(quick_world)
    quick_world.let_in("Tess")
    return quick_world


def test_the_statistician_reads_what_proves_the_randomization(
    with_tess: World, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    result = report(with_tess, "Tess", out, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    text = Reader(out.read_text(encoding="utf-8")).text
    with with_tess.core.reading() as db:
        committed = db.scalar(select(study.c.commitment).where(study.c.code == "combi"))
        head = db.execute(select(chain).where(chain.c.study == "combi")).one()
        seed = study_seed(with_tess.core, db, "combi")
    digest = hashlib.sha256(STUDIES["combi"].encode()).hexdigest()
    assert committed == commitment(seed, digest)
    assert committed in text
    assert digest in text
    assert seed.hex() not in text
    assert f"combi:{head.sequence}:{head.hash}" in text
    # What the report tells the reader to type gives the commitment.
    typed = b"seed-v1|" + bytes.fromhex(seed.hex()) + f"|{digest}".encode()
    assert hashlib.sha256(typed).hexdigest() == committed
    assert f"printf '|{digest}'" in text
    assert "Active" in text
    assert "66.7%" in text


def test_paper_about_a_study_comes_out_the_same_each_time(with_tess: World, tmp_path: Path) -> None:
    one, other = tmp_path / "1.pdf", tmp_path / "2.pdf"
    assert report(with_tess, "Tess", one).exit_code == 0
    # Signing in is an entry of its own chain, not of the study's.
    assert report(with_tess, "Tess", other).exit_code == 0
    assert one.read_bytes() == other.read_bytes()
    assert "Commitment to the seed" in words_on(one.read_bytes())


@pytest.mark.parametrize("who", ["Ada", "Mia", "Cy", "Sam"])
def test_nobody_else_gets_the_report(with_tess: World, tmp_path: Path, who: str) -> None:
    out = tmp_path / "report.pdf"
    result = report(with_tess, who, out, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "not_found"
    assert not out.exists()


def test_a_wrong_secret_gets_nothing(with_tess: World, tmp_path: Path) -> None:
    out = tmp_path / "report.pdf"
    person = ("--as", PEOPLE["Tess"], "--secret-stdin")
    options = ("--study", "combi", *person, "--out", str(out))
    result = cli(with_tess, "report", *options, stdin="999999\n")
    assert result.exit_code == 1
    assert not out.exists()


def test_a_list_made_elsewhere_is_told_by_its_commitment(
    quick_world: World, tmp_path: Path
) -> None:
    here = listed(quick_world, training=True)
    here.let_in("Tess")
    here.do("import_list", "Tess", file=FIRST)
    out = tmp_path / "report.html"
    assert report(here, "Tess", out).exit_code == 0
    page = out.read_text(encoding="utf-8")
    text = Reader(page).text
    with here.core.reading() as db:
        found = db.execute(select(list_version).where(list_version.c.study == here.study)).one()
    assert found.commitment in text
    assert found.digest not in text
    assert "TRAINING" in text
    assert "<svg" not in page
    assert "seed-v1" not in text


def replayed(world: World, *more: str, code: int = 0) -> Any:
    result = cli(world, "replay", "--study", world.study, "--json", *more)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def drawn(quick_world: World) -> World:
    """An open study with three subjects randomized."""
    here = quick_world.of("solo")
    for _ in range(3):
        here.randomize()
    return here


def test_replay_makes_every_draw_again(drawn: World) -> None:
    found = replayed(drawn)
    assert (found["ok"], found["draws"], found["first_wrong"]) == (True, 3, None)
    assert found["problems"] == []
    noted = f"solo:{found['head']['sequence']}:{found['head']['hash']}"
    drawn.randomize()
    assert replayed(drawn, "--head", noted)["draws"] == 4


def test_replay_misses_an_entry_that_was_noted_outside(drawn: World) -> None:
    found = replayed(drawn)
    noted = f"solo:{found['head']['sequence'] + 1}:{found['head']['hash']}"
    assert replayed(drawn, "--head", noted, code=1)["ok"] is False


def test_replay_names_the_draw_whose_covariate_was_altered(drawn: World) -> None:
    with drawn.core.writing() as db:
        db.execute(text("UPDATE subject SET levels = '{\"sex\": \"X\"}' WHERE study = 'solo'"))
    found = replayed(drawn, code=1)
    assert found["ok"] is False
    assert found["problems"]


def test_replay_goes_by_the_two_halves_of_the_seed(drawn: World, tmp_path: Path) -> None:
    with drawn.core.reading() as db:
        seed = study_seed(drawn.core, db, "solo")
    files = []
    for share in (1, 2):
        file = tmp_path / f"share{share}"
        file.write_text(share_text("solo", share, half_of(drawn.core.keys, "solo", share, seed)))
        files += ["--share", str(file)]
    assert replayed(drawn, *files)["draws"] == 3
    broken = tmp_path / "share2"
    broken.write_text(broken.read_text()[:-1] + "z")
    assert replayed(drawn, *files, code=1)["error"]["code"] == "shares"


def test_replay_of_an_unknown_study_finds_no_chain(quick_world: World) -> None:
    found = replayed(quick_world.of("nothing"), code=1)
    assert found["ok"] is False
    assert found["problems"] == ["there is no chain of nothing"]
