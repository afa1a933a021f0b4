"""The trial made anew: hospitals as sites, an investigator in each, and every call as keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from core.db.models import ledger, subject
from core.ledger.verify import verify
from core.randomization.allocate import arm_of
from core.runtime import Core
from core.study.read import load
from core.study.schema import StudyConfig
from tests.bench.callers import Dialogue
from tests.bench.ist import Call, balance, hospitals
from tests.bench.progress import Progress
from tests.bench.trial import Person, found_study

STUDY = "ist"
FILE = Path(__file__).parents[2] / "web" / "demo" / "studies" / "ist.toml"
PIN = "271828"
TOLD = {"1": "Randomization number", "2": "Número de aleatorización"}
PEOPLE_AT_ONCE = 20


def read_study() -> StudyConfig:
    """The study file of the demo."""
    return load(FILE.read_text(encoding="utf-8"))


def found_ist(core: Core, calls: Sequence[Call], progress: Progress) -> None:
    """Publish the study, open the hospitals of these calls, activate an investigator in each."""
    made = found_study(core, STUDY, FILE.read_text(encoding="utf-8"))
    progress.say("opening hospitals")
    sites = hospitals(calls)
    made.open_sites(sites)
    people = [Person(_user(number), "investigator", (number,)) for number in sites]
    for start in range(0, len(people), PEOPLE_AT_ONCE):
        made.bring_in(people[start : start + PEOPLE_AT_ONCE], pin=PIN)
        progress.show(min(start + PEOPLE_AT_ONCE, len(people)), len(people))


def _user(hospital: str) -> str:
    return f"9{int(hospital):04d}"


def dialogues(config: StudyConfig, calls: Sequence[Call]) -> list[Dialogue]:
    """The keys of each call: language, ID, PIN, menu, consent, eligibility, factors, confirm."""
    to = config.study.telephones[0]
    return [
        Dialogue(
            busy=call.hospital,
            from_=f"+1202557{int(call.hospital):04d}",
            to=to,
            keys=(call.language_key, f"{_user(call.hospital)}#", PIN, "2", *_answers(config, call)),
            told=TOLD[call.language_key],
        )
        for call in calls
    ]


def _answers(config: StudyConfig, call: Call) -> list[str]:
    keys = ["1", "1"]  # consent, eligibility
    for factor in config.asked_factors:
        values = [level.value for level in factor.levels]
        keys.append(str(values.index(call.levels[factor.name]) + 1))
    return [*keys, "1"]


def look_at(core: Core) -> dict[str, Any]:
    """What is on record afterwards: randomizations, refusals, balance, whether it verifies."""
    entries = select(func.count()).where(ledger.c.study == STUDY)
    with core.reading() as db:
        rows = db.execute(select(subject).where(subject.c.study == STUDY)).all()
        drawn = [(json.loads(row.levels), core.keys.open(arm_of(STUDY, row))) for row in rows]
        refused = db.scalar(entries.where(ledger.c.outcome == "refused"))
        done = db.scalar(entries.where(ledger.c.transaction == "randomize"))
    report = verify(core)
    return {
        "randomizations": len(drawn),
        "ledger_randomizations": int(done or 0),
        "refusals": int(refused or 0),
        "balance": balance(drawn),
        "verified": report.ok,
        "verify_problems": report.problems[:3],
    }
