"""`ixrs randomization replay`: every draw of a study made again, the first that differs named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from core.db.models import study as studies
from core.db.models import study_version
from core.ledger.verify import Head, Report, WrongRow, verify_chain
from core.randomization.lists.escrow import combine

if TYPE_CHECKING:
    from core.runtime import Core


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it: how many draws were made again, the first wrong record, all problems.

    `head` is the last entry of the chain that was gone through.
    """

    draws: int
    first_wrong: WrongRow | None
    problems: tuple[str, ...]
    head: Head | None

    @property
    def ok(self) -> bool:
        """Whether every draw is the one that seed or list gives."""
        return not self.problems


def replay(
    core: Core,
    study: str,
    head: Head | None = None,
    shares: Sequence[str] | None = None,
) -> Replayed:
    """Make every draw again from the seed or the list and the recorded covariates.

    `shares`: both halves of the seed, as texts; without them the seed that the database keeps.
    `head`: sequence and hash of an entry that was noted outside: the chain must still contain it.
    Raises ValueError for shares that do not give the seed committed to.
    """
    seed = None
    if shares:
        with core.reading() as db:
            committed, mark = _committed(db, study)
        seed = combine(shares, committed=committed, file_digest=mark)
    report: Report = verify_chain(core, study, head, seed)
    return Replayed(
        report.draws,
        report.first_wrong,
        tuple(report.problems),
        report.heads.get(study),
    )


def _committed(db: Connection, code: str) -> tuple[str | None, str]:
    """The commitment to the seed and the digest of the first version's file."""
    query = (
        select(studies.c.commitment, study_version.c.digest)
        .join(study_version, study_version.c.study == studies.c.code)
        .where(studies.c.code == code, study_version.c.version == 1)
    )
    found = db.execute(query).one_or_none()
    return (None, "") if found is None else (found.commitment, found.digest)
