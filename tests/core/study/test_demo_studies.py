"""The demo's two studies: they can be published, and are the designs that they say."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import pytest

from core.study.problems import Severity
from core.study.read import load, load_for_publishing, read_published, review

STUDIES = Path(__file__).parents[3] / "web" / "demo" / "studies"


def text_of(code: str) -> str:
    return (STUDIES / f"{code}.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", ["demo", "ist"])
def test_can_be_published_for_training_in_english_and_spanish(code: str) -> None:
    config = load_for_publishing(text_of(code))
    assert (config.code, config.study.training) == (code, True)
    assert config.languages == ("en", "es")


def test_no_number_leads_to_both() -> None:
    configs = [load(text_of(code)) for code in ("demo", "ist")]
    lines = [{*c.study.telephones, *c.study.emergency_telephones, c.study.number} for c in configs]
    assert not lines[0] & lines[1]


def test_demo_is_a_double_blind_trial_of_six_visits_in_twelve_weeks() -> None:
    config = load(text_of("demo"))
    assert not review(text_of("demo")).problems
    assert config.is_blinded
    assert tuple(config.ratio.values()) == (2, 1)
    assert [visit.day for visit in config.visits_in(None)] == [0, 14, 28, 42, 56, 84]
    assert {kit_type.group for kit_type in config.kit_types} == {"Study capsules"}
    assert config.kits_for("V1", "active") == ("A",)
    assert config.kits_for("V1", "placebo") == ("B",)
    assert config.screening is not None
    assert (config.screening.year_of_birth, config.screening.rescreens_max) == (True, 1)
    assert config.operators


def test_ist_is_the_design_of_the_international_stroke_trial() -> None:
    config = load(text_of("ist"))
    assert tuple(config.ratio.values()) == (2, 1, 1, 2, 1, 1)
    assert config.screening is None
    assert not config.dispenses
    plan = config.randomization
    assert plan is not None
    assert (plan.method, plan.measure, plan.p) == ("minimisation", "range", Fraction(4, 5))
    asked = [factor.name for factor in config.asked_factors]
    assert asked == ["age_group", "sex", "delay", "consciousness", "stroke_type"]
    assert config.factor("country").source == "country"
    reviewed = review(text_of("ist"))
    assert reviewed.of(Severity.WARNING) == reviewed.problems


def test_a_published_version_is_read_quickly() -> None:
    text = text_of("demo")
    load(text)  # the readers are built once
    start = time.perf_counter()
    for _ in range(5):
        read_published(text)
    assert (time.perf_counter() - start) / 5 < 0.05
