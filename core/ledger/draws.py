"""Every randomization made again: from the seed, the study file and what the ledger recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, func, select, text

from core.db.drawing import allocator, cohort, draw, list_row
from core.db.models import study_version, subject
from core.errors import IntegrityBreach
from core.ledger.again import Again, Domain, DrawWrong
from core.ledger.entered import PhaseCheck
from core.ledger.fold.book import Leftover
from core.ledger.standing import StandingCheck
from core.randomization.allocate import is_of
from core.randomization.design import Design, design_of
from core.randomization.drawn import (
    RANDOMIZE,
    TAKE_OVER,
    Drawn,
    arm_of,
    original_about,
    state_about,
)
from core.randomization.lists.verify import list_problems
from core.randomization.rows import Row, open_arm
from core.randomization.running import Whom, hear
from core.sealed import Sealed
from core.study.read import digest
from core.study.seed import commitment, study_seed

if TYPE_CHECKING:
    from core.runtime import Core

DONE: Final = "done"
_SUBJECTS: Final = """SELECT number, randomization_number, randomized_at, randomized_on, levels,
domain, cohort, arm FROM subject WHERE study = :study"""
_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class _Made:
    """A draw that was made again, and who was drawn."""

    drawn: Drawn
    whom: Whom
    sequence: int


class DrawCheck:
    """Replays the draws of one study in the order of its ledger.

    `seed`: the study's, put together from its shares; None: the one that the database keeps.
    """

    def __init__(self, core: Core, db: Connection, study: str, seed: bytes | None = None) -> None:
        self._core, self._db, self._study = core, db, study
        self._seed = seed
        self.draws = 0
        self._domains: dict[str, Domain] = {}
        self._made: dict[tuple[str, str], _Made] = {}
        self._rows_used: dict[tuple[str, int], tuple[str, int]] = {}
        self._earlier: list[tuple[Mapping[str, str], str, int | None]] = []
        self._subjects: dict[str, Any] | None = None
        self._bound: dict[tuple[int, str], Any] | None = None
        self._doses: dict[int | None, str] = {}
        self._taken_over: set[str] = set()
        self._phases = PhaseCheck(core, db, study)
        self._standing = StandingCheck(db, study)

    def check(self, entry: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Hold one entry against what the seed gives. Raises DrawWrong."""
        if entry["outcome"] != DONE:
            return
        if entry["transaction"] == "publish":
            self._check_file(entry["facts"])
            self._check_commitment(entry["facts"])
        elif entry["transaction"] == "respond":
            self._hear(entry)
        elif entry["transaction"] == "decide_cohort":
            self._open_cohort(entry)
        elif entry["transaction"] == RANDOMIZE or "draw" in secret:
            self._check_draw(entry, secret)
        elif entry["transaction"] == TAKE_OVER and entry["subject"] is not None:
            self._check_taken_over(entry, secret["arm"])
        if entry["transaction"] == "enter_phase":
            self._phases.check(entry, secret)
        self._standing.check(entry)

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
        if published is not None and commitment(self.seed, facts["file_sha256"]) != published:
            raise DrawWrong("the seed is not the one committed to")

    @property
    def seed(self) -> bytes:
        """The seed that the draws are made from."""
        if self._seed is None:
            self._seed = study_seed(self._core, self._db, self._study)
        return self._seed

    def _check_draw(self, entry: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        facts = entry["facts"]
        number = facts.get("randomization_number", "")
        drawn = Drawn.read(secret["draw"], secret["arm"], number)
        levels = facts.get("levels", _NOTHING)
        try:
            design = self._design(entry["study_version"], drawn.stage)
        except ValueError as nowhere:
            raise DrawWrong("the study file does not randomize here") from nowhere
        if not is_of(design, drawn.domain, levels, entry["site"], drawn.cohort):
            raise DrawWrong("the draw was not made in the stratum of these levels")
        whom = Whom(levels, drawn.among)
        domain = self._domain(design, drawn.domain)
        again = self._again(entry, drawn, whom, domain)
        made = _Made(drawn, whom, entry["sequence"])
        self._made[entry["subject"], drawn.stage] = made
        self._rows_used[drawn.domain, drawn.row or drawn.draw] = number, entry["sequence"]
        if not drawn.stage:
            self._earlier.append((levels, drawn.arm, drawn.cohort))
        self.draws += 1
        self._compare(drawn, again, domain)
        self._check_bound(entry, drawn)
        if not drawn.stage:
            self._check_record(entry, drawn.arm, drawn.domain, drawn.cohort)
            self._phases.randomized(entry["subject"], drawn.arm)

    def _check_taken_over(self, entry: Mapping[str, Any], arm: str) -> None:
        """A subject whose arm was drawn elsewhere: there is nothing to draw again, and no later
        draw counts the subject, but the record has to say the same."""
        number, levels = entry["subject"], entry["facts"]["levels"]
        self._taken_over.add(number)
        self._phases.randomized(number, arm)
        design = self._design(entry["study_version"], "")
        try:
            domain = design.domain(levels, entry["site"], None)
        except (ValueError, KeyError) as impossible:
            raise DrawWrong("the study file has no place for these levels") from impossible
        self._check_record(entry, arm, domain, None)

    def _again(self, entry: Mapping[str, Any], drawn: Drawn, whom: Whom, domain: Domain) -> Again:
        config = self._core.config(self._db, self._study, entry["study_version"])
        earlier = (
            (levels, arm)
            for levels, arm, cohort in self._earlier
            if domain.counts_earlier
            and is_of(domain.design, domain.name, levels, entry["site"], cohort)
        )
        self._check_among(config.escalation, drawn)
        return domain.make(drawn, whom, entry["site"], config.dispensing, earlier)

    def _check_among(self, escalation: Any, drawn: Drawn) -> None:
        """A cohort has the dose that was decided, and the controls."""
        if drawn.among is None:
            return
        doses = [arm for arm in drawn.among if escalation and arm in escalation.doses]
        others = set(drawn.among) - set(doses)
        if doses != [self._doses.get(drawn.cohort)] or not others <= set(escalation.controls):
            raise DrawWrong("the arms are not those of a cohort")

    def _open_cohort(self, entry: Mapping[str, Any]) -> None:
        """Note the dose of the cohort that a decision opened."""
        facts = entry["facts"]
        rule = self._core.config(self._db, self._study, entry["study_version"]).escalation
        if facts["opened"] is not None and rule is not None:
            self._doses[facts["opened"]] = rule.doses[facts["opened_level"] - 1]

    def _compare(self, drawn: Drawn, again: Again, domain: Domain) -> None:
        if again.arm != drawn.arm:
            listed = domain.design.scheme.section.method == "list"
            raise DrawWrong(f"the {'list' if listed else 'seed'} gives another arm")
        if again.row != drawn.row:
            raise DrawWrong("another row of the list was due")
        if again.original != drawn.original:
            raise DrawWrong("another arm was due where one was forced")

    def _hear(self, entry: Mapping[str, Any]) -> None:
        """Let the method hear a response."""
        if entry["subject"] in self._taken_over:
            return  # no draw of ours: there is nothing that could hear it
        made = self._made.get((entry["subject"], ""))
        if made is None:
            raise DrawWrong("the subject who responded was not randomized")
        domain = self._domains[made.drawn.domain]
        if domain.design.scheme.section.listens and domain.state is not None:
            success = bool(entry["facts"]["answer"])
            hear(domain.design.scheme, domain.state, made.whom, made.drawn.arm, success)

    def _design(self, version: int, stage: str) -> Design:
        return design_of(self._core, self._db, self._study, version, stage)

    def _domain(self, design: Design, name: str) -> Domain:
        found = self._domains.get(name)
        if found is None:
            imported = partial(self._imported, name)
            found = self._domains[name] = Domain(design, name, self.seed, imported)
        return found

    def _imported(self, domain: str, place: int) -> Row | None:
        """A row of a list made elsewhere, opened. Raises DrawWrong."""
        query = select(list_row).where(
            list_row.c.study == self._study,
            list_row.c.domain == domain,
            list_row.c.sequence == place,
        )
        row = self._db.execute(query).one_or_none()
        if row is None:
            return None
        try:
            return Row(row.sequence, row.block, open_arm(self._core.keys, row), row.number)
        except IntegrityBreach as broken:
            raise DrawWrong(f"row {place} of the list does not open in its place") from broken

    def _check_bound(self, entry: Mapping[str, Any], drawn: Drawn) -> None:
        """The draw's own row says whom it was for."""
        if self._bound is None:
            query = (
                select(draw, subject.c.number.label("subject"))
                .join(subject, subject.c.id == draw.c.subject_id)
                .where(draw.c.study == self._study)
            )
            self._bound = {(row.subject, row.stage): row for row in self._db.execute(query)}
        found = self._bound.get((entry["subject"], drawn.stage))
        if found is None:
            raise DrawWrong("the subject is missing, or the draw is not bound to it")
        original = found.original
        if original is not None:
            about = original_about(self._study, drawn.domain, drawn.draw)
            try:
                original = self._core.keys.open(Sealed(original, about))
            except IntegrityBreach as broken:
                raise DrawWrong("the arm that was due does not open") from broken
        if (found.domain, found.number, found.row, original) != (
            drawn.domain,
            drawn.draw,
            drawn.row,
            drawn.original,
        ):
            raise DrawWrong("the subject's draw differs from the entry")

    def _check_record(
        self, entry: Mapping[str, Any], arm: str, domain: str, cohort: int | None
    ) -> None:
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
            and found.domain == domain
            and found.cohort == cohort
            and found.randomized_at is not None
            and str(found.randomized_on) == entry["facts"]["randomized_on"]
        )
        if kept != arm or not same:
            raise DrawWrong("the subject's record differs from the entry")

    def _rows(self) -> dict[str, Any]:
        if self._subjects is None:
            # Past the column types: what is damaged is a wrong row, and names its own entry.
            query = text(_SUBJECTS)
            found = self._db.execute(query, {"study": self._study})
            self._subjects = {row.number: row for row in found}
        return self._subjects

    def leftovers(self) -> Iterator[Leftover]:
        """What no entry accounts for, once all have been checked: further draws, another count or
        state than they lead to, list rows that the seed does not give."""
        draws = select(func.count()).where(draw.c.study == self._study)
        if self._db.scalar(draws) != self.draws:
            yield Leftover("there are draws that no entry tells of")
        cohorts = select(cohort.c.number, cohort.c.dose).where(cohort.c.study == self._study)
        if {row.number: row.dose for row in self._db.execute(cohorts)} != self._doses:
            yield Leftover("cohorts, or their doses, are other than the decisions tell")
        made = {number for number, stage in self._made if not stage} | self._taken_over
        for number, row in self._rows().items():
            if row.randomized_at is not None and number not in made:
                yield Leftover(f"subject {number} is randomized, and no entry tells of it")
        yield from map(Leftover, self._phases.leftovers())
        yield from map(Leftover, self._standing.leftovers())
        for one in list_problems(self._core, self._db, self._study):
            yield Leftover(one.why, one.sequence)
        counts: dict[str, int] = {}
        for row in self._listed():
            counts[row.domain] = counts.get(row.domain, 0) + 1
            yield from self._check_row(row, counts[row.domain])
        query = select(allocator).where(allocator.c.study == self._study)
        kept = {row.domain: row for row in self._db.execute(query)}
        listed = {name for name, one in self._domains.items() if one.is_written}
        if not set(self._domains) <= set(kept) or not listed <= set(counts):
            yield Leftover("lists or counts that entries tell of are gone")
        for name, row in kept.items():
            yield from self._check_place(name, row, counts.get(name, 0))

    def _listed(self) -> Iterator[Any]:
        query = (
            select(list_row)
            .where(list_row.c.study == self._study)
            .order_by(list_row.c.domain, list_row.c.sequence)
        )
        yield from self._db.execute(query.execution_options(yield_per=1000))

    def _check_row(self, row: Any, place: int) -> Iterator[Leftover]:
        """A row of a list in the database is the one that the seed gives."""
        if row.list_version is not None:
            return
        number, sequence = self._rows_used.get((row.domain, row.sequence), (None, None))
        domain = self._domains.get(row.domain)
        if domain is None:
            yield Leftover(f"row {row.sequence} of a list that no entry tells of")
            return
        why = ""
        if row.sequence != place:
            why = "is not where it belongs"
        else:
            wanted = domain.seed_list().at(place)
            if (row.block, self._arm_in(row)) != (wanted.block, wanted.arm):
                why = "is not the one that the seed gives"
            elif number is not None and number != row.number:
                why = "has another number than was told"
        if why:
            yield Leftover(f"row {row.sequence} of the list {row.domain} {why}", sequence)

    def _check_place(self, name: str, row: Any, listed: int) -> Iterator[Leftover]:
        """The allocator stands where the entries of its domain lead, before these rows."""
        domain = self._domains.get(name)
        if domain is None:
            if row.draws:
                yield Leftover(f"draws are counted in {name} that no entry tells of")
            return
        if row.draws != domain.draws:
            yield Leftover(f"the count of draws in {name} is not what the entries lead to")
        if domain.is_written and row.rows != listed:
            yield Leftover(f"the list {name} has rows too many or too few")
        kept = None
        if row.state is not None:
            kept = json.loads(self._core.keys.open(state_about(row)))
        if kept != domain.kept():
            yield Leftover(f"the state of {name} is not what the entries lead to")

    def _arm_in(self, row: Any) -> str | None:
        try:
            return open_arm(self._core.keys, row)
        except IntegrityBreach:
            return None
