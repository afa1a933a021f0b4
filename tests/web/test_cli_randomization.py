"""`ixrs randomization` on case files: exact answers, no settings, no database, plain refusals."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from core.randomization.trial import MORE
from web.cli import main

POCOCK = {
    "randomization": {
        "method": "minimisation",
        "measure": "range",
        "p": "2/3",
        "weights": {"a": 2, "b": 1, "c": 1},
    },
    "arms": {"A": 1, "B": 1, "C": 1},
    "factors": {"a": ["1", "2"], "b": ["1", "2"], "c": ["1", "2"]},
    "next": {"levels": {"a": "1", "b": "2", "c": "2"}},
}
OUTCOMES = (12, 15, 9, 14, 11, 18, 10, 16, 13, 17)
BLOCKS: dict[str, Any] = {
    "randomization": {"method": "permuted_block", "block_sizes": [4]},
    "arms": {"A": 1, "B": 1},
}
MINIMISED: dict[str, Any] = {
    "randomization": {"method": "minimisation", "measure": "range", "p": "4/5"},
    "arms": {"A": 1, "B": 1},
    "factors": {"sex": ["F", "M"]},
}


def shell(*arguments: str, stdin: str = "") -> Result:
    """A command in an empty environment."""
    nothing = dict.fromkeys(("IXRS_DATABASE_URL", "IXRS_SECRET_KEY"))
    return CliRunner().invoke(main, ["randomization", *arguments], input=stdin, env=nothing)


def answer(case: Any, *arguments: str) -> Any:
    """What the command prints about a case that is given on standard input."""
    name, *options = arguments
    result = shell(name, "-", *options, "--json", stdin=json.dumps(case))
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(case: Any, *arguments: str) -> str:
    """The sentences with which the command refuses a case."""
    name, *options = arguments
    result = shell(name, "-", *options, stdin=case if isinstance(case, str) else json.dumps(case))
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    return result.stderr


def compared(method: dict[str, Any], arms: str = "ABABABABAB") -> dict[str, Any]:
    """Ten subjects with their outcomes (case G12)."""
    history = [
        {"levels": {}, "arm": arm, "outcome": y} for arm, y in zip(arms, OUTCOMES, strict=True)
    ]
    return {"randomization": method, "arms": {"A": 1, "B": 1}, "history": history}


def pocock_and_simon() -> dict[str, Any]:
    """Fifty subjects whose counts at the next one's levels are those of the paper (3.4)."""
    counts = {"a": ("1", (9, 10, 9)), "b": ("2", (9, 11, 9)), "c": ("2", (4, 5, 3))}
    history = []
    for place, arm in enumerate("ABC"):
        for subject in range((17, 17, 16)[place]):
            levels = {
                name: level if subject < sizes[place] else "12".replace(level, "")
                for name, (level, sizes) in counts.items()
            }
            history.append({"levels": levels, "arm": arm})
    return {**POCOCK, "history": history}


def test_probabilities_are_those_of_pocock_and_simon() -> None:
    # Biometrics 1975;31:103, section 3.4: case G1.
    assert answer(pocock_and_simon(), "probabilities") == {
        "probabilities": {"A": "1/6", "B": "1/6", "C": "2/3"},
        "imbalance": {"A": "6", "B": "10", "C": "5"},
    }


def test_probabilities_are_json_without_being_asked_for_it() -> None:
    result = shell("probabilities", "-", stdin=json.dumps(BLOCKS))
    assert json.loads(result.stdout)["probabilities"] == {"A": "1/2", "B": "1/2"}


def test_a_case_is_read_from_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "case.json"
    file.write_text(json.dumps({**BLOCKS, "history": [{"arm": "A"}, {"arm": "A"}]}))
    found = json.loads(shell("probabilities", str(file), "--json").stdout)
    assert found["probabilities"] == {"A": "0", "B": "1"}


def test_probabilities_load_neither_database_nor_numpy() -> None:
    # A new process without any variable but those that Python itself needs.
    code = (
        "import sys; from web.cli import main\n"
        "try: main(['randomization', 'probabilities', '-', '--json'])\n"
        "finally: print({'sqlalchemy', 'flask', 'numpy', 'numba', 'twilio', 'core.settings'}"
        " & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(BLOCKS), capture_output=True, text=True, check=False, env={},
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == "set()\n"


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ({"method": "simple"}, "9/512"),
        ({"method": "random_allocation", "length": 10}, "1/126"),
        ({"method": "permuted_block", "block_sizes": [2]}, "1/16"),
        ({"method": "efron", "p": "2/3"}, "295/19683"),
        ({"method": "big_stick", "mti": 2}, "1/256"),
        ({"method": "big_stick", "mti": 3}, "5/256"),
    ],
)
def test_exact_rerandomization_is_that_of_g12(method: dict[str, Any], expected: str) -> None:
    found = answer(compared(method), "rerandomize", "--exact")
    assert found["p"]["exact"] == expected
    assert found["statistic"]["exact"] == "5"
    assert found["draws"] is None


def test_drawn_rerandomization_is_near_the_exact_one_and_comes_again_with_its_seed() -> None:
    case = compared({"method": "efron", "p": "2/3"})
    first, again = (answer(case, "rerandomize", "--draws", "4000", "--seed", "7") for _ in range(2))
    assert first == again
    assert abs(first["p"]["value"] - 295 / 19683) < 4 * first["p"]["se"]
    assert first["draws"] == 4000


def test_a_sequence_that_the_method_cannot_give_is_refused_with_its_place() -> None:
    case = compared({"method": "permuted_block", "block_sizes": [2]}, "AABBABABAB")
    assert "history[1].arm: This arm could not have been drawn here: A." in refusal(
        case, "rerandomize"
    )


def test_every_missing_outcome_is_named() -> None:
    case = compared({"method": "simple"})
    del case["history"][3]["outcome"], case["history"][6]["outcome"]
    said = refusal(case, "rerandomize")
    assert "history[3].outcome" in said
    assert "history[6].outcome" in said


def test_responses_are_needed_where_the_method_hears_them() -> None:
    case = compared({"method": "play_the_winner", "alpha": 1, "beta": 1})
    assert "history[0].response" in refusal(case, "rerandomize")
    for place, one in enumerate(case["history"]):
        one["response"] = place % 2 == 0
    p = answer(case, "rerandomize", "--exact")["p"]
    assert 0 < Fraction(p["exact"]) < 1


def test_adjusting_takes_the_factor_off_the_outcomes() -> None:
    case = compared({"method": "simple"})
    case["factors"] = {"sex": ["F", "M"]}
    for place, one in enumerate(case["history"]):
        one["levels"] = {"sex": "FM"[place // 5]}
        one["outcome"] = OUTCOMES[place] + 100 * (place // 5)
    found = answer(case, "rerandomize", "--draws", "200", "--adjusted")
    assert found["adjusted"] is True
    assert found["statistic"]["value"] < 10


def test_exact_characteristics_are_those_of_zhao() -> None:
    # Permuted blocks of four, 100 subjects: case G7, Zhao 2011, table IV.
    found = answer(BLOCKS, "characteristics", "--n", "100", "--exact", "--trials", "50")
    assert found["exact"] is True
    assert found["trials"] is None
    assert found["convergence"]["exact"] == "17/24"
    assert found["deterministic"]["exact"] == "1/3"
    assert found["balanced"]["exact"] == "5/12"
    assert found["imbalance_max"]["value"] == pytest.approx(2, abs=1e-4)
    assert found["final"] == [{"imbalance": "0", "probability": {"value": 1.0, "exact": "1"}}]
    assert all(step["allocation"]["A"]["exact"] == "1/2" for step in found["steps"])


KEYS = {
    "method", "arms", "exact", "n", "trials", "seed", "convergence", "best_guess",
    "best_guess_arms", "deterministic", "balanced", "final_sd", "final_variance", "imbalance_max",
    "loss", "final", "steps", "factors", "tests",
}  # fmt: skip


def test_simulated_characteristics_have_names_errors_and_all_keys() -> None:
    options = ("characteristics", "--n", "30", "--trials", "400", "--seed", "3")
    found = answer(MINIMISED, *options)
    assert set(found) == KEYS
    assert found["arms"] == {"A": 1, "B": 1}
    assert (found["n"], found["trials"], found["seed"], found["exact"]) == (30, 400, 3, False)
    assert 0.5 < found["convergence"]["value"] < 0.8
    assert found["convergence"]["se"] > 0
    assert [step["number"] for step in found["steps"]] == list(range(1, 31))
    assert set(found["steps"][0]) == {"number", "imbalance", "balanced", "allocation"}
    assert set(found["steps"][0]["allocation"]) == {"A", "B"}
    assert set(found["factors"]) == {"sex"}
    assert set(found["factors"]["sex"]) == {"F", "M"}
    tests = found["tests"]
    assert set(tests) == {
        *("seed", "alpha", "effect", "trend", "draws"), *("t_test", "ancova", "rerandomization")
    }  # fmt: skip
    assert set(tests["ancova"]) == {"type_one", "power", "trials"}
    assert (tests["alpha"], tests["effect"], tests["trend"]) == (0.05, 0.5, 0.0)
    assert answer(MINIMISED, *options) == found


def test_frequencies_effects_and_trend_reach_the_simulation() -> None:
    asked = {
        "frequencies": {"sex": {"F": 1, "M": 0}},
        "factor_effects": {"sex": {"M": 3}},
        "effect": "1.5",
        "trend": 1,
        "alpha": "0.1",
    }
    found = answer({**MINIMISED, **asked}, "characteristics", "--n", "20", "--trials", "300")
    assert found["factors"]["sex"]["M"]["value"] == 0.0
    tests = found["tests"]
    assert (tests["alpha"], tests["effect"], tests["trend"]) == (0.1, 1.5, 1.0)
    weak = answer(MINIMISED, "characteristics", "--n", "20", "--trials", "300")["tests"]
    assert tests["t_test"]["power"]["value"] > weak["t_test"]["power"]["value"] + 0.2


def test_responses_move_a_response_adaptive_design() -> None:
    case = {
        "randomization": {"method": "play_the_winner", "alpha": 1, "beta": 1},
        "arms": {"A": 1, "B": 1},
        "responses": {"A": "0.9", "B": "0.1"},
    }
    steps = answer(case, "characteristics", "--n", "10", "--exact", "--trials", "20")["steps"]
    assert steps[0]["allocation"]["A"]["exact"] == "1/2"
    assert steps[-1]["allocation"]["A"]["value"] > 0.7


def test_strata_are_kept_apart_as_production_keeps_them() -> None:
    # Two strata with blocks of 2: each may be one subject out, so D reaches 2 but never 3.
    case = {
        "randomization": {"method": "permuted_block", "block_sizes": [2]},
        "arms": {"A": 1, "B": 1},
        "factors": {"sex": ["F", "M"]},
    }
    final = answer(case, "characteristics", "--n", "40", "--trials", "500")["final"]
    assert {one["imbalance"] for one in final} == {"0", "2"}


def test_arms_of_a_set_are_asked_for_by_the_levels_of_next() -> None:
    case = {
        "randomization": {
            "method": "simple",
            "sets": [
                {"levels": {"marker": "yes"}, "arms": ["A", "B"]},
                {"levels": {"marker": "no"}, "arms": ["B", "C"]},
            ],
        },
        "arms": {"A": 1, "B": 1, "C": 2},
        "factors": {"marker": ["yes", "no"]},
    }
    assert "next" in refusal(case, "characteristics")
    found = answer(
        {**case, "next": {"levels": {"marker": "no"}}}, "characteristics", "--trials", "20"
    )
    assert found["arms"] == {"B": 1, "C": 2}


def test_too_many_states_are_refused_with_what_to_do() -> None:
    many = {
        "randomization": {"method": "wei_urn", "alpha": 1, "beta": 1},
        "arms": dict.fromkeys("ABCDEFGH", 1),
    }
    said = refusal(many, "characteristics", "--n", "200", "--exact")
    assert "too many states" in said
    assert "--trials" in said


@pytest.mark.parametrize(
    ("more", "where", "what"),
    [
        ({"effect": True}, "effect", "0.8"),
        ({"alpha": 2}, "alpha", "between 0 and 1"),
        ({"frequencies": {"age": {}}}, "frequencies.age", "sex"),
        ({"frequencies": {"sex": {"F": 1}}}, "frequencies.sex.M", "missing"),
        ({"frequencies": {"sex": {"F": -1, "M": 1}}}, "frequencies.sex.F", "0 or more"),
        ({"frequencies": {"sex": {"F": 0, "M": 0}}}, "frequencies.sex", "0 or more"),
        ({"factor_effects": {"sex": {"X": 1}}}, "factor_effects.sex.X", "F, M"),
        ({"responses": {"A": 1}}, "responses", "minimisation"),
        ({"colour": 1}, "colour", "factor_effects"),
        ({"arms": {"A": 1}, "randomization": {"method": "simple"}}, "arms", "two arms"),
    ],
)
def test_each_refusal_names_the_key_and_what_would_be_right(
    more: dict[str, Any], where: str, what: str
) -> None:
    said = refusal({**MINIMISED, **more}, "characteristics", "--trials", "10")
    assert f"{where}: " in said
    assert what in said


def test_refusals_are_json_where_json_was_asked_for() -> None:
    result = shell("probabilities", "-", "--json", stdin="{")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "case_file_refused"


@pytest.mark.parametrize(
    "arguments",
    [
        ("characteristics",),
        ("characteristics", "-", "--n", "1"),
        ("characteristics", "-", "--report", "out.txt"),
        ("rerandomize", "-", "--draws", "0"),
        ("report", "--out", "x.html"),
        ("report", "case.json", "--out", "x.doc"),
        ("report", "case.json", "--study", "combi", "--as", "5", "--out", "x.pdf"),
        ("replay",),
        ("replay", "--study", "combi", "--head", "combi:x:00"),
        ("replay", "--study", "combi", "--share", "only-one"),
    ],
)
def test_wrong_usage_ends_with_two(arguments: tuple[str, ...]) -> None:
    assert shell(*arguments, stdin=json.dumps(BLOCKS)).exit_code == 2


PAGE = Path(__file__).resolve().parents[2] / "docs" / "RANDOMIZATION.md"


def test_the_page_on_randomization_prints_what_the_commands_print() -> None:
    page = PAGE.read_text(encoding="utf-8")
    case = page.split("```json\n")[1].split("\n```")[0]
    shown = re.findall(r"```console\n\$ ixrs randomization (\w+) case\.json(.*)\n([^`]+)```", page)
    assert [name for name, _, _ in shown] == ["probabilities", "rerandomize"]
    for name, options, printed in shown:
        assert shell(name, "-", *options.split(), stdin=case).stdout == printed
    assert shell("characteristics", "-", "--n", "6", "--trials", "9", stdin=case).exit_code == 0


def test_the_page_on_randomization_explains_every_key_and_names_every_source() -> None:
    from core.randomization.report.words import METHODS

    page = PAGE.read_text(encoding="utf-8")
    explained = set(re.findall(r"`([a-z_]+)`", page))
    assert explained >= KEYS | MORE | {"type_one", "power", "allocation", "number", "draws"}
    for name, about in METHODS.items():
        assert f"| `{name}` | {about.name} | [{about.source}]({about.url}) |" in page
