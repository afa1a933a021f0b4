"""`ixrs supply figures`: the worked cases from a file, no settings, no database, plain refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from core.supply.demand.casefile import Figures
from web.cli import main

RATE = {"shape": 2, "rate_days": 120}
A = {"code": "A", "on_hand": 4, "need_short": 1, "need_long": 3, "minimum": 1, "maximum": 3}
B = {
    **{"code": "B", "on_hand": 1, "in_transit": 1},
    **{"need_short": 2, "need_long": 4, "minimum": 1, "maximum": 3},
}
EVERYTHING: dict[str, Any] = {
    "levels": [0.1, 0.5, "0.95", "1/3"],
    "site": {**RATE, "days": 28, "share": "1/2"},
    "study": {**RATE, "sites": 100, "subjects": 600, "by_days": [365]},
    "opening": {**RATE, "opening_days": list(range(100)), "on_day": 200},
    "visits": {"dropout": [0, *["0.02"] * 7], "subjects": 600},
    "pooling": {"mean": 2, "sites": 10},
    "base_stock": {"load": "7/10", "stock": [1, 4]},
    "lead_time": {"a_day": 0.2, "lead_days": [5, 6, 7, 8, 9], "stock": [3]},
    "screening": {"subjects": 5, "pass_rate": 0.7, "share": 0.5},
    "cost": {"short": 5000, "over": 300, "normal": {"mean": 4477.11, "sd": 38.46}},
    "buffers": {**RATE, "share": "1/2", "risk": 0.05, "short_days": 28, "long_days": 90},
    "resupply": {"strategy": "predictive", "types": [A, B]},
}


def shell(text: str, *options: str) -> Result:
    """The command in an empty environment, the file on standard input."""
    nothing = dict.fromkeys(("IXRS_DATABASE_URL", "IXRS_SECRET_KEY"))
    return CliRunner().invoke(main, ["supply", "figures", "-", *options], input=text, env=nothing)


def answer(**asked: Any) -> Any:
    """What is printed for these questions."""
    result = shell(json.dumps(asked), "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(text: str | dict[str, Any]) -> list[str]:
    """The lines with which a file is refused."""
    result = shell(text if isinstance(text, str) else json.dumps(text))
    assert result.exit_code == 1, result.output
    return result.stderr.splitlines()


def test_every_question_is_answered_under_its_own_key() -> None:
    found = answer(**EVERYTHING)
    assert found.keys() == Figures.model_fields.keys() - {"levels"}
    assert found["site"]["at_most"][:3] == pytest.approx([0.801960348, 0.969534151, 0.995795718])
    assert found["site"]["quantiles"] == {"0.1": 0, "0.5": 0, "0.95": 1, "1/3": 0}
    assert found["study"]["mean"] == pytest.approx(361.809, abs=5e-4)
    assert found["study"]["quantiles"]["0.5"] == pytest.approx(360.40, abs=5e-3)
    assert found["study"]["by_days"] == {"365": pytest.approx(0.561616, abs=5e-7)}
    assert found["opening"]["variance"] == pytest.approx(576.9931, abs=5e-5)
    assert found["visits"]["subject"]["mean"] == pytest.approx(7.461849, abs=5e-7)
    assert found["visits"]["all"]["sd"] == pytest.approx(38.211, abs=5e-4)
    assert found["visits"]["completes"] == pytest.approx(0.868126, abs=5e-7)
    assert [found["pooling"][one]["0.95"] for one in ("site", "sites", "pooled")] == [5, 50, 28]
    assert found["base_stock"]["lost"]["4"] == pytest.approx(0.004972, abs=5e-7)
    assert found["base_stock"]["backorder"]["1"] == pytest.approx(0.503415, abs=5e-7)
    assert found["lead_time"]["above"] == {"3": pytest.approx(0.058801, abs=5e-7)}
    assert found["screening"]["mean"] == 1.75
    assert found["cost"] == {
        "critical_ratio": pytest.approx(0.943396, abs=5e-7),
        "stock": pytest.approx(4538.03, abs=5e-3),
    }
    assert found["buffers"] == {"minimum": 1, "maximum": 3}


def test_what_was_seen_at_a_site_and_what_is_in_screening_is_counted() -> None:
    seen = {"subjects": 3, "days": 60}
    site = answer(site={**RATE, "days": 30, "seen": seen})["site"]
    assert site["mean"] == pytest.approx(0.833333, abs=5e-7)
    assert site["at_most"][0] == pytest.approx(0.462664, abs=5e-7)
    case = {**RATE, "share": "1/2", "risk": 0.05, "short_days": 28, "long_days": 28}
    waiting = {"seen": seen, "screened": 5, "pass_rate": 0.7}
    assert answer(buffers={**case, **waiting})["buffers"]["minimum"] > 1
    later = {"visits": [{"day": 0, "kits": 2}, {"day": 25}]}
    assert answer(buffers={**case, **later})["buffers"]["minimum"] == 2


def test_a_poisson_demand_has_its_best_stock_too() -> None:
    assert answer(cost={"short": 5000, "over": 300, "poisson": 4})["cost"]["stock"] == 7


def test_a_resupply_is_decided_and_explained() -> None:
    found = answer(resupply={"strategy": "predictive", "types": [A, B]})["resupply"]
    assert found["sent"] == {"A": 2, "B": 5}
    assert found["types"][1] == {
        **{"code": "B", "position": 2, "limit": 3, "target": 7, "is_low": True, "kits": 5}
    }
    assert found["why"]["B"].endswith("It is low: 5 sent.")
    assert found["why_at_site"].startswith("Ordered by the study's resupply rule")
    open_label = {"strategy": "predictive", "ship": "needed", "blinded": False, "types": [A, B]}
    assert answer(resupply=open_label)["resupply"]["sent"] == {"B": 5}
    at_limit = {"strategy": "min_max", "types": [{"code": "A", "on_hand": 2, "minimum": 2,
                                                  "maximum": 6}]}  # fmt: skip
    assert answer(resupply=at_limit)["resupply"]["sent"] == {"A": 4}


def test_the_file_in_the_documentation_is_answered_in_full() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "SUPPLY.md").read_text(encoding="utf-8")
    example = json.loads(page.partition("ixrs supply figures FILE")[2].split("```")[1][4:])
    assert example.keys() == Figures.model_fields.keys()
    assert answer(**example).keys() == example.keys() - {"levels"}
    questions = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert example.keys() <= questions


def test_people_get_the_same_indented() -> None:
    text = json.dumps({"pooling": {"mean": 2, "sites": 10}})
    assert json.loads(shell(text).stdout) == json.loads(shell(text, "--json").stdout)
    assert shell(text).stdout.startswith('{\n  "pooling": {\n')


def test_all_that_is_wrong_is_told_at_once_each_at_its_key() -> None:
    assert refusal({"site": {"shape": 0, "rate": 1}, "typo": 1, "levels": [1.5]}) == [
        "The file has 6 problems.",
        "typo: There is no such key here. The keys are: levels, site, study, opening, visits, "
        "pooling, base_stock, lead_time, screening, cost, buffers, resupply.",
        "site.shape: Must be above 0.",
        "site.rate_days: This is missing and must be given.",
        "site.days: This is missing and must be given.",
        "site.rate: There is no such key here. The keys are: shape, rate_days, days, share, seen.",
        "levels[0]: Must be above 0 and below 1, for example 0.05.",
    ]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"levels": [0.5]}, "file: Nothing is asked here."),
        ({"visits": {"dropout": [0, 2]}}, "visits.dropout[1]: Give a probability"),
        ({"visits": {"dropout": [0], "kits": [1, 1]}}, "visits.kits: Give one entry for each"),
        ({"cost": {"short": 1, "over": 1}}, "cost: Give one of these, and one only: normal"),
        ({"pooling": {"mean": 1e9, "sites": 1}}, "pooling.mean: This must be 10000 or less."),
        ({"screening": {"subjects": 5, "pass_rate": 0}}, "screening.pass_rate: Must be above 0"),
        ({"site": {**RATE, "days": 1.5}}, "site.days:"),
        ({"resupply": {"strategy": "min_max", "types": [A, A]}}, 'resupply.types[0].code: "A" is'),
        ({"buffers": {**RATE, "risk": 0.1, "short_days": 9, "long_days": 8}},
         "buffers.long_days: This must be 9 or more."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(asked: dict[str, Any], told: str) -> None:
    assert any(line.startswith(told) for line in refusal(asked))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"site": NaN}', '{"site": 1, "site": 2}', '{"site": ' + "[" * 5000,
     '{"pooling": {"mean": 1e999999999, "sites": 1}}', '{"pooling": {"mean": NaN, "sites": 1}}'],
)  # fmt: skip
def test_a_text_that_is_no_such_file_is_refused(text: str) -> None:
    assert refusal(text)[0].startswith("The file has ")
