"""How the subjects of one version of a study are drawn: its scheme, and the names of its domains.

A domain is what one allocator counts: the stratum, within an epoch (the versions whose arms,
factors and method are the same), and within a phase where subjects are randomized again there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, select

from core.db.models import study_version
from core.randomization.scheme import Scheme, factor_levels
from core.study.randomization import COVARIATE

if TYPE_CHECKING:
    from core.runtime import Core
    from core.study.schema import StudyConfig

_BY_SITE: Final = "site"
_NAME_MAX: Final = 200  # what the tables hold


@dataclass(frozen=True, slots=True)
class Design:
    """The scheme of one stage: "" for randomization itself, else the code of a phase."""

    epoch: int
    stage: str
    scheme: Scheme

    @property
    def binds(self) -> str | None:
        """How blocks belong to sites: static (each site has a list), dynamic (handed out)."""
        return self.scheme.section.bind if self.scheme.is_listed else None

    @property
    def counts_earlier(self) -> bool:
        """Whether the first draw of a domain counts those randomized before an amendment."""
        return self.scheme.section.method in COVARIATE and not self.stage and self.epoch > 1

    def domain(self, levels: Mapping[str, str], site: str | None, cohort: int | None) -> str:
        """Where a subject with these levels, at this site, in this cohort is drawn.

        KeyError or ValueError where the file has no place for the levels.
        """
        beside = {_BY_SITE: site or ""} if self.binds == "static" else {}
        if cohort is not None:
            beside["cohort"] = str(cohort)
        stratum = self.scheme.stratum(levels, beside)
        return domain_name(self.epoch, f"{self.stage}:{stratum}" if self.stage else stratum)


def domain_name(epoch: int, stratum: str) -> str:
    """The name of a domain; one too long for the tables ends with a digest of the whole."""
    whole = f"v{epoch}|{stratum}"
    if len(whole) <= _NAME_MAX:
        return whole
    mark = hashlib.sha256(whole.encode()).hexdigest()
    return f"{whole[: _NAME_MAX - len(mark) - 1]}#{mark}"


def design_of(core: Core, db: Connection, study: str, version: int, stage: str = "") -> Design:
    """The design of a version, read once in this process.

    ValueError where nothing is randomized at this stage.
    """
    key = (study, version, stage)
    found = core.designs.get(key)
    if found is None:
        config = core.config(db, study, version)
        query = select(study_version.c.epoch).where(
            study_version.c.study == study, study_version.c.version == version
        )
        epoch = db.scalar(query)
        if epoch is None:
            raise ValueError("the study is not published")
        found = core.designs[key] = Design(int(epoch), stage, scheme_at(config, stage))
    return found


def scheme_at(config: StudyConfig, stage: str) -> Scheme:
    """The scheme of a stage. ValueError where nothing is randomized then."""
    if not stage:
        return Scheme.of(config)
    phase = next((one for one in config.phases if one.code == stage), None)
    if phase is None or phase.randomization is None:
        raise ValueError("nobody is randomized on entering this phase")
    shares = phase.ratio or config.open_ratio
    ratio = {arm: share for arm, share in shares.items() if arm in config.open_ratio}
    return Scheme(phase.randomization, ratio, factor_levels(config))
