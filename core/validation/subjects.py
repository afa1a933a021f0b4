"""Subjects are screened, randomized in every stratum, and go through every visit."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping
from typing import Final

from core.study.schema import StudyConfig, Visit
from core.subjects.doses import current_dose
from core.subjects.phases import current_period
from core.validation.bench import Bench

STRATA_MAX: Final = 24
"""Combinations beyond this are not all rehearsed: each level is, at least once."""
_LONGEST: Final = 3  # days outside a window


def screened(here: Bench) -> str:
    """A new subject in screening."""
    done = here.do("coordinator", "screen", "A screening number")
    return str(done.subject)


def enrolled(here: Bench, levels: Mapping[str, str] | None = None) -> str:
    """A new subject on treatment: screened, through the run-in, randomized, as the study has it."""
    config, given = here.config, dict(levels or {})
    if config.screening is not None:
        given["subject"] = screened(here)
        if not config.has_randomization:
            return given["subject"]
        _run_in(here, given["subject"])
    told = ", ".join(f"{name} {value}" for name, value in (levels or {}).items())
    where = f" in the stratum {told}" if told else ""
    _open_cohort(here)
    done = here.do("investigator", "randomize", f"A randomization number{where}; no arm", **given)
    return str(done.subject)


def _open_cohort(here: Bench) -> None:
    """Where doses escalate: a cohort with room in it, the one before having been assessed."""
    rule = here.config.escalation
    if rule is None or here.counted() % rule.size:
        return
    for number in here.unanswered():
        here.do("coordinator", "respond", "The answer is on record", subject=number,
                answer="no")  # fmt: skip
    words = "The next cohort is open" if here.counted() else "The first cohort is open"
    here.do("study_manager", "decide_cohort", words, site=None,
            decision="stay" if here.counted() else "open")  # fmt: skip


def _run_in(here: Bench, number: str) -> None:
    for phase in here.config.phases:
        if phase.kind == "run_in":
            here.do("coordinator", "enter_phase", f"In phase {phase.code}", subject=number,
                    phase=phase.code)  # fmt: skip
            for visit in here.config.visits_in(phase.code):
                _visit(here, number, visit)


def screening(here: Bench) -> None:
    """Screening and what it refuses."""
    config = here.config
    if config.screening is None:
        return
    here.begin("Screening", "A subject gets a number; a consent of tomorrow is none, and whoever "
               "failed is screened again no more often than the file allows.")  # fmt: skip
    tomorrow = (here.today + dt.timedelta(1)).isoformat()
    here.refused("coordinator", "screen", "invalid_input", "the consent lies in the future",
                 consent_date=tomorrow)  # fmt: skip
    reasons = [one.value for one in config.screening.failure_reasons] or [""]
    failed = ""
    for reason in reasons:
        failed = screened(here)
        here.do("coordinator", "screen_failure", "The subject has failed screening",
                subject=failed, **({"reason": reason} if reason else {}))  # fmt: skip
    if config.has_randomization:
        here.refused("investigator", "randomize", "wrong_subject_status",
                     "the subject has failed screening", subject=failed)  # fmt: skip
    for _ in range(config.screening.rescreens_max):
        again = here.do("coordinator", "screen", "A new number, linked to the one before",
                        rescreened="yes", previous_subject=failed)  # fmt: skip
        failed = str(again.subject)
        here.do("coordinator", "screen_failure", "The subject has failed screening",
                subject=failed)  # fmt: skip
    if config.screening.rescreens_max:
        here.refused("coordinator", "screen", "rescreen_limit_reached",
                     "rescreened as often as the file allows", rescreened="yes",
                     previous_subject=failed)  # fmt: skip


def strata(here: Bench) -> None:
    """One subject in each stratum, or with each level where there are too many."""
    config = here.config
    if not config.has_randomization:
        return
    here.begin("Randomization", "Each stratum is randomized to, no subject twice, and none who is "
               "not eligible.")  # fmt: skip
    numbers = [enrolled(here, levels) for levels in _combinations(config)]
    if config.screening is not None:
        here.refused("investigator", "randomize", "already_randomized",
                     "the subject is randomized", subject=numbers[0])  # fmt: skip
        waiting = screened(here)
        if not any(phase.kind == "run_in" for phase in config.phases):
            here.refused("investigator", "randomize", "not_eligible", "the subject is not eligible",
                         subject=waiting, eligible="no")  # fmt: skip
    arms = [here.arm(number) for number in numbers]
    here.check("Arms drawn", "Each an arm of the file, sealed in the database", here.sees(arms),
               passed=None not in arms)  # fmt: skip


def _combinations(config: StudyConfig) -> Iterator[Mapping[str, str]]:
    """The strata, or where there are more than STRATA_MAX so many that each level is in one."""
    asked = config.asked_factors
    levels = [[level.value for level in factor.levels] for factor in asked]
    names = [factor.name for factor in asked]
    count = 1
    for one in levels:
        count *= len(one)
    if config.escalation is not None:
        rows = list(itertools.product(*levels))[:1]
    elif count <= STRATA_MAX:
        rows = list(itertools.product(*levels))
    else:
        longest = max(len(one) for one in levels)
        rows = [tuple(one[place % len(one)] for one in levels) for place in range(longest)]
    for row in rows:
        yield dict(zip(names, row, strict=True))


def visits(here: Bench) -> None:
    """One subject at every visit of the plan, each on the day when it is due."""
    config = here.config
    if not config.visits:
        return
    here.begin("Visits", "Each visit on the day when it is due: its kits, as many and of the types "
               "that the file has for the subject's arm.")  # fmt: skip
    number = enrolled(here)
    for visit in config.visits_in(None):
        _visit(here, number, visit)
    for phase in config.phases:
        if phase.kind != "run_in":
            here.do("coordinator", "enter_phase", f"In phase {phase.code}", subject=number,
                    phase=phase.code)  # fmt: skip
            for visit in config.visits_in(phase.code):
                _visit(here, number, visit)


def windows(here: Bench) -> None:
    """A subject who comes to every visit late, and too early where there is an early."""
    config = here.config
    planned = config.visits_in(None)
    if not planned:
        return
    here.begin("Windows", "A visit outside its window is a deviation on record; where the file "
               "says hard it is refused.")  # fmt: skip
    number = enrolled(here)
    for visit in planned:
        opens, _, closes = here.window(number, visit)
        if opens > here.today:
            here.go_to(opens - dt.timedelta(1))
            if here.today < opens and visit.window == "hard":
                _refused(here, number, visit, "the window has not opened")
        here.go_to(closes + dt.timedelta(_LONGEST))
        if visit.window == "hard":
            _refused(here, number, visit, "the window has closed")
            here.do("coordinator", "missed_visit", "The visit is recorded as missed",
                    subject=number, visit=visit.code)  # fmt: skip
            continue
        days = (here.today - closes).days
        _done(here, number, visit, f"Done, with a deviation of {days} days on record", days)


def _visit(here: Bench, number: str, visit: Visit) -> None:
    _, due, _ = here.window(number, visit)
    here.go_to(due)
    _done(here, number, visit, f"Visit {visit.code}", 0)


def _refused(here: Bench, number: str, visit: Visit, why: str) -> None:
    by, deed, more = _how(here, number, visit)
    here.refused(by, deed, "outside_visit_window", why, subject=number, visit=visit.code, **more)


def _done(here: Bench, number: str, visit: Visit, expected: str, days: int) -> None:
    by, deed, more = _how(here, number, visit)
    if deed == "dispense":
        dispensed(here, number, visit.code, expected)
        return
    done = here.do(by, deed, f"{expected}, no kit", subject=number, visit=visit.code, **more)
    here.check(f"Deviation at {visit.code}", f"{days} days", f"{done.facts['deviation_days']} days",
               passed=done.facts["deviation_days"] == days)  # fmt: skip


def _how(here: Bench, number: str, visit: Visit) -> tuple[str, str, dict[str, str]]:
    """Who does which deed at a visit, with which answers."""
    if wanted(here, number, visit.code):
        return handler(here, number, visit.code), "dispense", {}
    return "coordinator", "visit_without_drug", {"reason": "planned"}


def dispensed(here: Bench, number: str, code: str, expected: str) -> tuple[str, ...]:
    """The kits given at a visit, their types held against the file."""
    types = wanted(here, number, code)
    if not types:
        return ()
    dose = current_dose(here.config, here.row(number))
    moved = {"dose": dose} if here.config.visit(code).titration and dose else {}
    done = here.do(handler(here, number, code), "dispense", f"{expected}: {len(types)} kits",
                   subject=number, visit=code, **moved)  # fmt: skip
    given = tuple(str(one) for one in done.facts["kits"])
    found = sorted(here.kit_type(kit) for kit in given)
    right = found == sorted(types)
    here.check(f"Kit types at {code}", "Those that the file has for the subject's arm",
               "as in the file" if right else "other than in the file", passed=right)  # fmt: skip
    return given


def wanted(here: Bench, number: str, code: str) -> tuple[str, ...]:
    """The kit types that the file has for the subject at a visit."""
    return here.config.kits_for(code, here.arm(number), here.row(number).dose)


def handler(here: Bench, number: str, code: str | None) -> str:
    """Who gives these kits: those that tell are the unblinded pharmacist's."""
    config, row = here.config, here.row(number)
    if code is not None:
        types = wanted(here, number, code)
    else:
        types = config.unscheduled_kits(here.arm(number), current_period(config, ()), row.dose)
    opened = any(config.kit_type(one).unblinded for one in types)
    return "unblinded_pharmacist" if opened else "coordinator"
