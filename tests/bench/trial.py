"""A study to measure on, made by real transactions: published, its sites active, its people in."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.access.activation import activate, issue_code
from core.access.administer import set_up
from core.access.roles import Actor, load_actor
from core.perform import perform
from core.register import find
from core.runtime import Core
from core.settings import Settings
from core.transaction import Channel, Receipt, Signature

SECRET = "k" * 40
ENCRYPTION = b"e" * 32
MANAGER = "2"
DAY = "2026-01-05"

# Five sites are five strata of a list in blocks of four: peers' own benchmark.
BLOCKS = """
[study]
code = "bench"
number = "390"
title.en = "A study to measure on"
sponsor = "Nobody (fictitious)"
blinding = "open"
training = true
languages = ["en"]
telephones = ["+12025550190"]

[screening]

[[arms]]
code = "A"
name.en = "Arm A"

[[arms]]
code = "B"
name.en = "Arm B"

[randomization]
method = "permuted_block"
block_sizes = [4]
reason = "the benchmark that it is compared with has one block size"

[[factors]]
name = "site"
label.en = "Site"
source = "site"
"""
INVESTIGATORS = {"101": "11", "102": "12", "103": "13", "104": "14", "105": "15"}
"""Who randomizes at each site."""
SITES = tuple(INVESTIGATORS)


def settings(url: str) -> Settings:
    """The settings of every benchmark: its keys are no secret."""
    return Settings(database_url=url, secret_key=SECRET, encryption_keys=(ENCRYPTION,))


def open_core(url: str, *, threads: int = 8) -> Core:
    """The core on that database, under the machine's clock and chance."""
    return Core.from_settings(settings(url), threads=threads)


@dataclass(frozen=True)
class Person:
    """Somebody to bring in: a role at sites (none: the whole study)."""

    user_id: str
    role: str
    sites: tuple[str, ...] = ()


class Trial:
    """Acts in one study as its people. Secrets are set; signatures are not proved each time."""

    def __init__(self, core: Core, study: str) -> None:
        self.core, self.study = core, study
        self._requests = itertools.count(1)

    def actor(self, user_id: str) -> Actor:
        """A person with the grants of now. Raises NotFound."""
        with self.core.reading() as db:
            return load_actor(db, user_id, self.core.now())

    def do(self, name: str, user_id: str, site: str | None = None, /, **given: str) -> Receipt:
        """Perform a transaction, signed. Raises as `perform` does."""
        actor = self.actor(user_id)
        return perform(
            self.core,
            find(name),
            given,
            actor=actor,
            study=self.study,
            site=site,
            channel=Channel.COMMAND,
            request_id=f"setup-{next(self._requests)}",
            signature=Signature(user_id, actor.name, name, self.core.now(), "PIN"),
        )

    def bring_in(self, people: Sequence[Person], *, pin: str, by: str = "1") -> None:
        """Import these people and activate each with this PIN."""
        lines = ["user_id,name,email,mobile,role,sites,language"]
        lines += [
            f"{one.user_id},Caller {one.user_id},c{one.user_id}@example.org,+12025550100,"
            f"{one.role},{' '.join(one.sites)},en"
            for one in people
        ]
        self.do("import_users", by, file="\n".join(lines) + "\n")
        for one in people:
            with self.core.writing() as db:
                code = issue_code(db, self.core, one.user_id, send=False)
            activate(self.core, code, pin, source="benchmark")

    def open_sites(self, sites: Mapping[str, tuple[str, str]]) -> None:
        """Import sites (number: country, time zone) and activate each."""
        lines = ["number,name,country,timezone,language,phone,depot"]
        lines += [f"{n},Hospital {n},{country},{zone},en,," for n, (country, zone) in sites.items()]
        self.do("import_sites", MANAGER, file="\n".join(lines) + "\n")
        for number in sites:
            self.do("activate_site", MANAGER, to_site=number, approval_date=DAY)


def found_study(core: Core, study: str, source: str) -> Trial:
    """Publish a study file in an empty database, with a study manager. Raises StudyFileErrors."""
    administrator, code = set_up(core)
    activate(core, code, "271828", source="benchmark")
    trial = Trial(core, study)
    trial.bring_in([Person(MANAGER, "study_manager")], pin="271828", by=administrator)
    trial.do("publish", MANAGER, file=source)
    return trial


def found_blocks(core: Core, subjects: int) -> list[tuple[str, str]]:
    """The study of `perform`: this many subjects screened over five sites.

    Returns number and site of each, in the order in which they are to be randomized.
    """
    trial = found_study(core, "bench", BLOCKS)
    trial.open_sites(dict.fromkeys(SITES, ("US", "America/New_York")))
    people = [Person(user, "investigator", (site,)) for site, user in INVESTIGATORS.items()]
    trial.bring_in(people, pin="271828")
    out = []
    for _, site in zip(range(subjects), itertools.cycle(SITES), strict=False):
        number = trial.do("screen", INVESTIGATORS[site], site, consent_date=DAY).subject
        assert number is not None
        out.append((number, site))
    return out
