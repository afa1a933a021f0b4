"""The sections of a study file on how the trial is run: reasons, caps, cohorts, phases, people."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from pydantic import Field

from core.messages import Labels
from core.study.fields import (
    Code,
    DigitString,
    Exact,
    Name,
    Positive,
    Telephone,
    Text,
    Value,
    Words,
)
from core.study.randomization import Randomization, Section


class Reason(Section):
    """One of a closed set of reasons."""

    value: Value
    label: Words

    @cached_property
    def labels(self) -> Labels:
        """The words for it."""
        return Labels.of(self.label)


class StratumCap(Section):
    """At most `randomized` subjects with all these levels, by factor."""

    levels: Mapping[str, str] = Field(min_length=1)
    randomized: Positive


class CapSet(Section):
    """The most subjects that may be randomized (enrolled, where nothing is randomized)."""

    study: Positive | None = None
    site: Positive | None = None  # of every site without a line in per_site
    per_site: Mapping[DigitString, Positive] = Field(default_factory=dict)
    per_country: Mapping[str, Positive] = Field(default_factory=dict)
    strata: tuple[StratumCap, ...] = ()

    def of_site(self, number: str) -> int | None:
        """The cap of a site, None if it has none."""
        return self.per_site.get(number, self.site)


class Caps(CapSet):
    """Hard caps refuse those in screening too; those of `soft` let them finish."""

    soft: CapSet = CapSet()


class Response(Section):
    """What is asked of each subject once, yes or no: a response, or a toxicity that limits dose."""

    question: Words

    @cached_property
    def labels(self) -> Labels:
        """The question."""
        return Labels.of(self.question)


class Escalation(Section):
    """Cohorts of a dose escalation, each opened by a signed decision.

    `doses` are arms from the lowest up; `controls` are arms of every cohort. `size` is how many are
    randomized in a cohort. The rule only advises: three_plus_three (3+3), or boin with its target
    rate of toxicity; the answer yes to `[response]` is a toxicity.
    """

    rule: Literal["three_plus_three", "boin"]
    doses: tuple[Code, ...] = Field(min_length=1)
    controls: tuple[Code, ...] = ()
    size: Positive
    target: Exact | None = None


class Phase(Section):
    """A part of the study that a subject enters by a deed of its own.

    A run-in comes before randomization. Later ones follow in the order of the file: `arms` says who
    gets what there ("*" or the earlier arm, to an arm), or `randomization` draws again, among the
    arms and shares of `ratio`. Visits name the phase, and count from the day of entering it.
    """

    code: Code
    name: Words
    kind: Literal["run_in", "double_blind", "open_label", "rollover"]
    arms: Mapping[str, Code] = Field(default_factory=dict)
    randomization: Randomization | None = None
    ratio: Mapping[Code, Positive] = Field(default_factory=dict)

    @cached_property
    def labels(self) -> Labels:
        """The name."""
        return Labels.of(self.name)


class AuditReview(Section):
    """How often the audit trail has to be looked over and signed: that of the study as a whole, or
    that of each site by itself."""

    every_days: int = Field(ge=1, le=400)
    by: Literal["study", "site"] = "study"


class AccessReview(Section):
    """How often somebody has to look over who has access, and sign it."""

    every_days: int = Field(ge=1, le=400)


class Reviews(Section):
    """What is looked over from time to time, if anything."""

    audit_review: AuditReview | None = None
    access_review: AccessReview | None = None


class Operator(Section):
    """Someone who answers the emergency line, called in the order of the file."""

    name: Text
    telephone: Telephone


class NoticeRule(Section):
    """Who is told when a transaction was done."""

    on: Name
    roles: tuple[Name, ...] = Field(min_length=1)
