"""The benchmarks run, at sizes that measure nothing: one line, keys that docs/ has, all sound."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.bench import ist, perform, randomization, randomization_size, replay_ist, supply

DOCS = Path(__file__).parents[2] / "docs" / "BENCHMARKS.md"
LEVELS = (
    ("F", "M", "76", "10", "LACS", "N", "L"),
    ("D", "F", "59", "6", "PACS", "Y", "N"),
    ("U", "M", "80", "25", "TACS", "Y", "H"),
    ("F", "F", "69", "13", "POCS", "N", "M"),
    ("F", "M", "70", "48", "OTH", "N", "N"),
)


def one_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = capsys.readouterr().out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def documented(section: str) -> set[str]:
    text = DOCS.read_text(encoding="utf-8").partition(f"tests.bench.{section}`")[2]
    table = text.partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    return {
        name.rpartition(".")[2].removesuffix("[]")
        for row in rows
        for name in re.findall(r"`([\w.\[\]]+)`", row)
    }


def names(found: Any, *, open_: tuple[str, ...] = ()) -> set[str]:
    """Every key; those of `open_` hold names of the data and not of ours."""
    if isinstance(found, list):
        return {name for one in found for name in names(one, open_=open_)}
    if not isinstance(found, dict):
        return set()
    inner = {
        name for key, one in found.items() if key not in open_ for name in names(one, open_=open_)
    }
    return set(found) | inner


@pytest.fixture
def few_calls(tmp_path: Path) -> Path:
    """A file of invented calls from two hospitals, in the data set's columns."""
    lines = [",".join(ist.COLUMNS)]
    for number, (conscious, sex, age, delay, kind, aspirin, heparin) in enumerate(LEVELS, start=1):
        hospital, country = ("7", "SPAI") if number % 2 else ("12", "UK")
        values = (str(number), hospital, country, delay, conscious, sex, age, kind)
        lines.append(",".join((*values, aspirin, heparin)))
    file = tmp_path / "calls.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_perform_prints_one_line_with_the_documented_keys_and_nothing_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    perform.main(["--n", "20", "--processes", "2", "--database", "sqlite"])
    found = one_line(capsys)
    assert found["sound"]
    (cell,) = found["results"]
    for side in ("ours", "floor"):
        assert cell[side]["randomized"] == cell[side]["expected"] > 20
        assert cell[side]["commits"] == 1
        assert cell[side]["statements"] > 10
    assert names(found) - {"bench"} <= documented("perform")


def test_the_floor_of_perform_writes_a_record_that_verifies_on_postgresql_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    perform.main(["--n", "10", "--processes", "1", "--database", "postgresql"])
    (cell,) = one_line(capsys)["results"]
    assert cell["floor"]["verified"]
    assert cell["ours"]["verified"]
    assert cell["floor"]["statements"] > 10


def test_replay_makes_each_call_end_in_one_randomization(
    few_calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replay_ist.main(
        ["--data", str(few_calls), "--database", "sqlite", "--callers", "2", "--seeds", "2"]
    )
    found = one_line(capsys)
    (cell,) = found["results"]
    assert cell["failures"] == []
    assert cell["randomizations"] == cell["ledger_randomizations"] == len(LEVELS)
    assert cell["verified"]
    assert found["real_trial"]["aspirin"] == 1
    inside = ("seeds", "arms", "heparin", "worst_by_factor")
    assert names(found, open_=inside) - {"bench"} <= documented("replay_ist")


def test_replay_without_the_data_says_where_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay_ist.main(["--data", str(tmp_path / "none.csv")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "doi:10.7488/ds/104" in said.err
    assert "delay_hours" in said.err


def test_replay_refuses_a_country_that_it_does_not_know(
    few_calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few_calls.write_text(few_calls.read_text().replace("SPAI", "MARS"), encoding="utf-8")
    assert replay_ist.main(["--data", str(few_calls)]) == 2
    assert "MARS" in capsys.readouterr().err


def test_randomization_measures_both_sides_of_every_ratio(
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = ("--rows", "400", "--steps", "20", "--trials", "40", "--subjects", "20")
    randomization.main([*small, "--times", "2", "--no-smallerize"])
    found = one_line(capsys)
    assert found["list"]["hmacs"] == 38  # 300 words of 4 bytes
    assert found["sealed_list"]["hmacs"] == 438
    assert found["step"]["earlier_many"] == 100 * found["step"]["earlier_few"]
    parts = ("list", "sealed_list", "blocks", "step", "characteristics")
    ours, hand = (found["characteristics"][k] for k in ("convergence", "hand_convergence"))
    assert ours == pytest.approx(hand, abs=0.05)
    assert all(found[part]["ratio"] > 0 for part in parts)
    assert names(found) - {"bench"} <= documented("randomization")


def test_size_of_a_study_prints_one_line_with_the_documented_keys_and_nothing_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    randomization_size.main(["--n", "10", "--small", "100", "--large", "300"])
    found = one_line(capsys)
    assert found["sound"]
    assert found["ratio"] > 0
    assert names(found) - {"bench"} <= documented("randomization_size")


def test_supply_prints_one_line_with_the_documented_keys_and_nothing_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    few = ("--sites", "3", "--kits", "600", "--subjects", "60", "--kits-small", "400")
    supply.main(["--n", "5", *few])
    found = one_line(capsys)
    assert found["sound"]
    assert found["orders"] == 3
    assert found["orders_again"] == 0
    assert set(found["imports"]) == {"sites", "lots", "kits", "subjects"}
    assert names(found) - {"bench"} <= documented("supply")
