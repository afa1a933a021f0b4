"""What a study file may not say of doses, depots and resupply, each at its key."""

from __future__ import annotations

import pytest

from core.messages import Message
from core.study.diff import check_amendment, diff
from core.study.problems import Severity
from core.study.read import load, review
from tests.core.study.files import SMALL

OPEN = SMALL.replace('blinding = "double"', 'blinding = "open"')
DEPOT = '[[depots]]\ncode = "900"\nname = "East"\n'
RULE = '[resupply]\nstrategy = "predictive"\nminimum = { "*" = 2 }\nmaximum = { "*" = 5 }\n'


def found(text: str, *severities: Severity) -> set[tuple[str, str]]:
    """Keys, each with a message id."""
    problems = review(text).of(*(severities or (Severity.ERROR,)))
    return {(one.key, one.message.id.removeprefix("study.")) for one in problems}


def _types(*lines: str) -> str:
    return SMALL + "".join(
        f'[[kit_types]]\ncode = "{code}"\ndescription = "d"\ngroup = "{group}"\nsize = {size}\n'
        for code, group, size in (line.split() for line in lines)
    )


DOSED = _types("A50 Big 50", "A25 Little 25", "P50 Big 50", "P25 Little 25")
AMOUNTS = """
[dosing]
start = "low"
sizes = { active = ["A50", "A25"], placebo = ["P50", "P25"] }
[[dosing.levels]]
code = "low"
label = { en = "Low", es = "Baja" }
amount = 25
[[dosing.levels]]
code = "high"
label = { en = "High", es = "Alta" }
amount = 75
"""


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        (
            SMALL + DEPOT.replace("East", 'East"\nsupplied_by = "901'),
            "supplied_by",
            "unknown_depot",
        ),
        (SMALL + DEPOT.replace("East", 'East"\nsupplied_by = "900'), "supplied_by", "depot_circle"),
        (SMALL + DEPOT.replace("East", 'East"\ntimezone = "Mars/Base'), "timezone", "not_a_zone"),
        (SMALL + DEPOT.replace("East", 'East"\ncut_off = "25:00'), "cut_off", "bad_time"),
        (SMALL + DEPOT.replace("East", 'East"\nemail = "nobody'), "email", "bad_email"),
        (SMALL + "[dispensing]\npartial = true\n", "dispensing.partial", "partial_unblinds"),
        (SMALL + RULE, "resupply.strategy", "resupply_without_depot"),
        (SMALL + DEPOT + RULE + 'ship = "needed"\n', "resupply.ship", "needed_unblinds"),
        (
            SMALL + DEPOT + RULE.replace('"*" = 5', "Z = 5"),
            "resupply.maximum.Z",
            "unknown_kit_type",
        ),
        (SMALL + DEPOT + RULE.replace('{ "*" = 5 }', "{}"), "resupply.maximum", "amount_missing"),
        (SMALL + DEPOT + RULE.replace("5", "1"), "resupply.maximum", "maximum_too_small"),
        (SMALL + DEPOT + RULE + "short_days = 50\n", "resupply.long_days", "long_too_short"),
        (SMALL + DEPOT + RULE + 'risk = "0.05"\n', "resupply.risk", "risk_or_amounts"),
        (SMALL + AMOUNTS, "dosing.sizes.active", "unknown_kit_type"),
        (SMALL + "[unscheduled]\ndose = true\n", "unscheduled.dose", "dosing_missing"),
        (DOSED + AMOUNTS.replace('"low"\nsizes', '"none"\nsizes'), "dosing.start", "unknown_dose"),
        (DOSED + AMOUNTS.replace("amount = 75", ""), "dosing.levels[1]", "kits_or_amount"),
        (DOSED + AMOUNTS.replace('"P50", "P25"', '"P50"'), "dosing.sizes", "sizes_unblind"),
        (DOSED + AMOUNTS.replace('"P50", "P25"', ""), "dosing.sizes", "sizes_missing_for_arm"),
    ],
)
def test_what_cannot_be_is_refused_at_its_key(text: str, key: str, problem: str) -> None:
    problems = found(text)
    assert [where for where, what in problems if what == problem and where.endswith(key)], problems


def test_the_same_sizes_in_every_arm_are_well_and_so_is_each_amount_of_kits() -> None:
    assert found(DOSED + AMOUNTS) == set()
    assert found(SMALL + DEPOT + RULE) == set()
    assert found(OPEN + DEPOT + RULE + 'ship = "needed"\n[dispensing]\npartial = true\n') == set()


def test_a_dose_of_more_kits_in_one_arm_unblinds() -> None:
    kits = 'kits = { active = ["A50", "A25"], placebo = ["P50"] }'
    assert found(DOSED + AMOUNTS.replace("amount = 75", kits)) == {
        ("dosing.levels[1].kits", "kits_unblind")
    }


def test_a_risk_asks_for_what_is_expected_and_works_out_the_limits() -> None:
    rule = '[resupply]\nstrategy = "predictive"\nrisk = "0.05"\n'
    expected = '[resupply.expected]\nshape = 2\nrate_days = 120\npass_rate = "0.7"\n'
    assert found(SMALL + DEPOT + rule) == {("resupply.expected", "expected_missing")}
    assert found(SMALL + DEPOT + rule + expected) == set()
    assert found(SMALL + DEPOT + rule + expected.replace('"0.7"', "2")) == {
        ("resupply.expected.pass_rate", "share_range")
    }
    wrong = rule.replace("predictive", "min_max").replace("0.05", "1")
    assert found(SMALL + DEPOT + wrong + expected) == {("resupply.risk", "risk_predictive")} | {
        ("resupply.risk", "risk_range")
    }


def test_limits_that_ship_single_kits_are_warned_of_in_a_blinded_study_only() -> None:
    near = DEPOT + RULE.replace("5", "3")
    assert ("resupply.maximum", "too_close") in found(SMALL + near, Severity.WARNING)
    assert ("resupply.maximum", "too_close") not in found(OPEN + near, Severity.WARNING)


def test_a_window_shorter_than_a_shipment_takes_is_warned_of() -> None:
    days = "[dispensing]\nlead_days = 10\nreview_lag_days = 7\n"
    text = SMALL + DEPOT + RULE + days
    assert ("resupply.short_days", "short_too_short") in found(text, Severity.WARNING)


def test_kits_that_are_counted_and_cannot_be_given_are_warned_of() -> None:
    """V2 may be on day 25 and V3 on day 59: kits that last less are counted, and no use."""
    warned = ("dispensing.dnd_days", "dnd_below_gap")
    text = SMALL + DEPOT + RULE + "[dispensing]\ndnd_days = 33\n"
    assert warned in found(text, Severity.WARNING)
    assert warned not in found(text.replace("33", "34"), Severity.WARNING)
    assert warned not in found(text.replace(RULE, ""), Severity.WARNING)


def test_days_before_expiry_hold_in_each_country_from_each_depot_and_at_each_visit() -> None:
    """W15: DNS 10, DNC 8 and DND 5 are lawful where lead <= 2 and lead + review lag <= 3."""

    def days(lead: int, lag: int, *rest: str) -> set[tuple[str, str]]:
        rule = f"dnd_days = 5\ndnc_days = 8\ndns_days = 10\nreview_lag_days = {lag}\n"
        return found("\n".join([SMALL, "[dispensing]", rule, f"lead_days = {lead}", *rest]))

    assert days(2, 1) == set()
    assert days(3, 0) == {("dispensing.dns_days", "dns_too_short")}
    assert days(2, 2) == {("dispensing.dnc_days", "dnc_too_short")}
    far = DEPOT + "lead_days = { ES = 4 }\n"
    assert {key for key, _ in days(2, 1, far)} == {"dispensing.dnc_days", "dispensing.dns_days"}
    own = "per_country = { ES = { dnd_days = 6, dnc_days = 8 } }"
    assert days(2, 1, own) == {("dispensing.per_country.ES.dnc_days", "dnc_too_short")}


def test_an_amendment_of_supply_is_told_in_words_and_keeps_the_doses() -> None:
    old, new = load(DOSED + AMOUNTS + DEPOT + RULE), DOSED + AMOUNTS + DEPOT + RULE
    changed = load(new.replace('"*" = 5', '"*" = 6').replace("amount = 75", "amount = 100"))
    assert {str(one.params["what"].id) for one in diff(old, changed)} == {  # type: ignore[union-attr]
        "study.what.maximum",
        "study.what.dose_kits",
    }
    fewer = load(DOSED + AMOUNTS[: AMOUNTS.rindex("[[dosing.levels]]")] + DEPOT + RULE)
    problems = [one.message for one in check_amendment(old, fewer)]
    assert Message("study.dose_removed", {"code": "high"}) in problems
