"""Every randomization made again: from the seed, the study file and what the ledger recorded."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, func, select

from core.db.drawing import allocator, draw, list_row
from core.db.models import study_version, subject
from core.errors import IntegrityBreach
from core.randomization.allocate import arm_of, open_state, row_about
from core.randomization.blocks import ListRow, list_rows
from core.randomization.minimisation import State, choose, step
from core.randomization.plan import Levels, counted, design, known_levels
from core.randomization.stream import uniform_below
from core.sealed import Sealed
from core.study.read import digest
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
        self._designs: dict[str, StudyConfig] = {}
        self._numbers: dict[tuple[str, int], str] = {}

    def check(self, entry: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Hold one entry against what the seed gives. Raises DrawWrong."""
        if entry["transaction"] == "publish" and entry["outcome"] == DONE:
            self._check_file(entry["facts"])
            self._check_commitment(entry["facts"])
        if entry["transaction"] != "randomize" or entry["outcome"] != DONE:
            return
        config = self._core.config(self._db, self._study, entry["study_version"])
        domain, number = json.loads(secret["draw"])
        if number != self._drawn.get(domain, 0) + 1:
            raise DrawWrong("the draw is out of order")
        self._drawn[domain] = number
        self._designs.setdefault(domain, config)
        self._numbers[domain, number] = entry["facts"]["randomization_number"]
        levels = entry["facts"]["levels"]
        arm = self._arm(config, domain, number, levels)
        self._earlier.append((levels, secret["arm"]))
        if arm != secret["arm"]:
            raise DrawWrong("the seed gives another arm")
        self._check_subject(entry, domain, number, arm)

    def _check_file(self, facts: Mapping[str, Any]) -> None:
        """The study file in use is the one that was signed."""
        query = select(study_version.c.source).where(
            study_version.c.study == self._study, study_version.c.version == facts["version"]
        )
        source = self._db.scalar(query)
        if source is None or digest(source) != facts["file_sha256"]:
            raise DrawWrong("the study file is not the one that was published")

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
            and found.randomized_at is not None
            and str(found.randomized_on) == entry["facts"]["randomized_on"]
        )
        if kept != arm or not same:
            raise DrawWrong("the subject's record differs from the entry")

    def _rows(self) -> dict[str, Any]:
        if self._subjects is None:
            columns = (
                subject.c.study,
                subject.c.number,
                subject.c.randomization_number,
                subject.c.randomized_at,
                subject.c.randomized_on,
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

    def leftovers(self) -> Iterator[str]:
        """What no entry accounts for, once all have been checked: further draws, another count or
        state than they lead to, list rows that the seed does not give."""
        draws = select(func.count()).where(draw.c.study == self._study)
        if self._db.scalar(draws) != len(self._numbers):
            yield "there are draws that no entry tells of"
        rows = self._db.execute(select(list_row).where(list_row.c.study == self._study)).all()
        listed: dict[str, list[Any]] = defaultdict(list)
        for row in rows:
            listed[row.domain].append(row)
        kept = self._db.execute(select(allocator).where(allocator.c.study == self._study)).all()
        if {row.domain for row in (*kept, *rows)} != set(self._designs):
            yield "there are lists or counts other than those that entries tell of"
        for one in kept:
            if one.domain in self._designs and not self._is_place(one, listed[one.domain]):
                yield "a list, or the counts of a minimisation, are not what the seed gives"

    def _is_place(self, one: Any, rows: Sequence[Any]) -> bool:
        """Whether the allocator stands where the entries of its domain lead, before these rows."""
        domain, section = one.domain, self._designs[one.domain].randomization
        if one.draws != self._drawn[domain] or one.rows != len(rows) or section is None:
            return False
        if section.method == "minimisation":
            known, state = self._states[domain]
            opened = open_state(self._core.keys, one)
            return opened == {"levels": known, "counts": state.to_json()}
        seed = study_seed(self._core, self._db, self._study)
        wanted = list_rows(seed, domain, self._designs[domain].ratio, section.block_sizes)
        return all(
            (row.sequence, row.block, self._arm_in(row)) == (right.sequence, right.block, right.arm)
            and self._numbers.get((domain, row.sequence), row.number) == row.number
            for row, right in zip(sorted(rows, key=lambda row: row.sequence), wanted, strict=False)
        )

    def _arm_in(self, row: Any) -> str | None:
        about = row_about(self._study, row.domain, row.sequence)
        try:
            return self._core.keys.open(Sealed(row.arm, about))
        except IntegrityBreach:
            return None
