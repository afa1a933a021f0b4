"""Every randomization made again: from the seed, the study file and what the ledger recorded."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from core.db.models import draw, subject
from core.errors import IntegrityBreach
from core.randomization.allocate import arm_of
from core.randomization.blocks import ListRow, list_rows
from core.randomization.minimisation import State, choose, step
from core.randomization.plan import Levels, counted, design, known_levels
from core.randomization.stream import uniform_below
from core.study.schema import StudyConfig
from core.study.seed import commitment, study_seed

if TYPE_CHECKING:
    from core.runtime import Core

DONE: Final = "done"


class DrawWrong(Exception):
    """Why a randomization is not the one that the seed gives."""


class DrawCheck:
    """Replays the draws of one study in the order of its ledger."""

    def __init__(self, core: Core, db: Connection, study: str) -> None:
        self._core, self._db, self._study = core, db, study
        self._drawn: dict[str, int] = {}
        self._lists: dict[str, Iterator[ListRow]] = {}
        self._states: dict[str, tuple[Levels, State]] = {}
        self._earlier: list[tuple[Mapping[str, str], str]] = []
        self._subjects: dict[str, Any] | None = None

    def check(self, entry: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Hold one entry against what the seed gives. Raises DrawWrong."""
        if entry["transaction"] == "publish" and entry["outcome"] == DONE:
            self._check_commitment(entry["facts"])
        if entry["transaction"] != "randomize" or entry["outcome"] != DONE:
            return
        config = self._core.config(self._db, self._study, entry["study_version"])
        domain, number = json.loads(secret["draw"])
        if number != self._drawn.get(domain, 0) + 1:
            raise DrawWrong("the draw is out of order")
        self._drawn[domain] = number
        levels = entry["facts"]["levels"]
        arm = self._arm(config, domain, number, levels)
        self._earlier.append((levels, secret["arm"]))
        if arm != secret["arm"]:
            raise DrawWrong("the seed gives another arm")
        self._check_subject(entry, domain, number, arm)

    def _check_commitment(self, facts: Mapping[str, Any]) -> None:
        published = facts.get("commitment")
        if published is None:
            return
        seed = study_seed(self._core, self._db, self._study)
        if commitment(seed, facts["file_sha256"]) != published:
            raise DrawWrong("the seed is not the one committed to")

    def _arm(self, config: StudyConfig, domain: str, number: int, levels: Mapping[str, str]) -> str:
        seed = study_seed(self._core, self._db, self._study)
        section = config.randomization
        if section is None:
            raise DrawWrong("the study file does not randomize")
        if section.method == "minimisation":
            return self._minimised(config, seed, domain, number, levels)
        if domain not in self._lists:
            rows = list_rows(seed, domain, config.ratio, section.block_sizes)
            self._lists[domain] = rows
        return next(itertools.islice(self._lists[domain], 1)).arm

    def _minimised(
        self, config: StudyConfig, seed: bytes, domain: str, number: int, levels: Mapping[str, str]
    ) -> str:
        known, state = self._states.get(domain, ({}, None))
        known = known_levels(config, known, levels)
        plan = design(config, known)
        state = state.widened(plan) if state else counted(plan, self._earlier)
        places = plan.levels_of(levels)
        uniform = uniform_below(seed, domain, number, plan.denominator)
        chosen = choose(step(plan, state, places), uniform)
        self._states[domain] = (known, state.after(places, chosen))
        return plan.arms[chosen].name

    def _check_subject(self, entry: Mapping[str, Any], domain: str, number: int, arm: str) -> None:
        """The subject's own record says the same as the ledger."""
        found = self._rows().get(entry["subject"])
        if found is None:
            raise DrawWrong("the subject is missing")
        try:
            kept = self._core.keys.open(arm_of(self._study, found))
        except (IntegrityBreach, TypeError) as broken:
            raise DrawWrong("the subject's arm does not open") from broken
        same = (
            found.randomization_number == entry["facts"]["randomization_number"]
            and json.loads(found.levels) == entry["facts"]["levels"]
            and (found.domain, found.drawn) == (domain, number)
        )
        if kept != arm or not same:
            raise DrawWrong("the subject's record differs from the entry")

    def _rows(self) -> dict[str, Any]:
        if self._subjects is None:
            columns = (
                subject.c.study,
                subject.c.number,
                subject.c.randomization_number,
                subject.c.levels,
                subject.c.arm,
                draw.c.domain,
                draw.c.number.label("drawn"),
            )
            query = (
                select(*columns)
                .join(draw, draw.c.subject_id == subject.c.id)
                .where(subject.c.study == self._study)
            )
            self._subjects = {row.number: row for row in self._db.execute(query)}
        return self._subjects
