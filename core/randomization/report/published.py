"""The report on a published study: its design, and what proves that nobody changed it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from core.access.roles import Actor, Permission
from core.db.drawing import list_version
from core.db.models import chain, site, study, study_version
from core.errors import NotFound
from core.randomization.characterise import Found
from core.randomization.lists.rows import COMMITMENT_NAME
from core.randomization.report.behaviour import behaviour, brief
from core.randomization.report.designed import glossary, what_briefly
from core.randomization.report.model import Block, Code, Facts, Items, Report, Section, Table, Text
from core.randomization.report.specification import draws, method, what
from core.randomization.report.words import METHODS
from core.randomization.scheme import Scheme
from core.randomization.trial import Trial, build
from core.sight import Sight
from core.study.randomization import Randomization
from core.study.schema import Factor, StudyConfig

if TYPE_CHECKING:
    from core.runtime import Core

_ASSUMED: Final = ("assumed 1", "assumed 2", "assumed 3", "assumed 4")
_SUBJECTS: Final = 100
_SITE: Final = "site"
_LANGUAGE: Final = "en"


@dataclass(frozen=True, slots=True)
class Published:
    """A study as far as its randomization goes; rows of the database as they are."""

    config: StudyConfig
    section: Randomization
    commitment: str | None
    versions: tuple[Any, ...]
    lists: tuple[Any, ...]
    head: tuple[int, str]
    levels: Mapping[str, tuple[str, ...]]
    assumed: tuple[str, ...]
    """Factors whose levels are not known yet."""

    @property
    def subjects(self) -> int:
        """How many the study may randomize; 100 where it does not say."""
        return max(self.config.caps.study or _SUBJECTS, 2)

    def trial(self) -> Trial | None:
        """What can be simulated; None for a list made elsewhere and for arms that depend on levels.

        Raises CaseFileRefused where the method cannot be simulated.
        """
        if self.section.method == "list" or self.section.sets:
            return None
        return build(Scheme.of(self.config), self.levels, {}, {})


def read(core: Core, db: Connection, actor: Actor, code: str) -> Published:
    """The study's newest version. Raises NotFound for those who do not keep its lists, and for a
    study that does not randomize."""
    Sight(core, db, actor, code)
    versions = db.execute(
        select(study_version).where(study_version.c.study == code).order_by(study_version.c.version)
    ).all()
    config = core.config(db, code, versions[-1].version)
    if not actor.may(Permission.LISTS, code, None) or config.randomization is None:
        raise NotFound
    sites = db.execute(
        select(site.c.number, site.c.country).where(site.c.study == code).order_by(site.c.number)
    ).all()
    lists = db.execute(
        select(list_version).where(list_version.c.study == code).order_by(list_version.c.version)
    ).all()
    head = db.execute(select(chain.c.sequence, chain.c.hash).where(chain.c.study == code)).one()
    levels = {factor.name: _levels(factor, sites) for factor in config.factors}
    if config.randomization.bind and _SITE not in levels:
        levels[_SITE] = tuple(str(one.number) for one in sites)
    unknown = tuple(name for name, values in levels.items() if not values)
    return Published(
        config,
        config.randomization,
        db.scalar(select(study.c.commitment).where(study.c.code == code)),
        tuple(versions),
        tuple(lists),
        (head.sequence, head.hash),
        {name: values or _ASSUMED for name, values in levels.items()},
        unknown,
    )


def _levels(factor: Factor, sites: Sequence[Any]) -> tuple[str, ...]:
    """The levels of the file, or those that the sites bring."""
    if factor.levels:
        return tuple(level.value for level in factor.levels)
    column = "number" if factor.source == "site" else "country"
    return tuple(sorted({str(getattr(one, column)) for one in sites}))


def of_study(found: Published, behaves: Found | None) -> Report:
    """The report; `behaves` are the characteristics of its trial, where it has any."""
    config, section = found.config, found.section
    scheme = Scheme.of(config)
    names = {arm.code: arm.labels.text(_LANGUAGE) for arm in config.arms}
    names |= {factor.name: factor.labels.text(_LANGUAGE) for factor in config.factors}
    about = METHODS[section.method]
    listed = {factor.name: factor.levels for factor in scheme.factors}
    return Report(
        f"Randomization report: {config.study.labels.text(_LANGUAGE)}",
        f"Study {config.code}, version {found.versions[-1].version} of its study file, as on "
        f"record at entry {found.head[0]}.",
        (what_briefly(about.name, scheme.ratio), *(brief(behaves) if behaves else ())),
        (
            _with_later(found, what(scheme, listed, names)),
            method(section),
            draws(section),
            *_behaviour(found, behaves),
            _proof(found),
            _again(found),
            glossary(),
        ),
        training=config.study.training,
    )


def _with_later(found: Published, made: Section) -> Section:
    """Names the phases at whose start a subject is randomized once more."""
    rows = tuple(
        (
            phase.labels.text(_LANGUAGE),
            METHODS[phase.randomization.method].name,
            ", ".join(phase.ratio),
            ":".join(str(share) for share in phase.ratio.values()),
        )
        for phase in found.config.phases
        if phase.randomization is not None
    )
    if not rows:
        return made
    later = Table(
        "Later randomizations of the same subjects", ("phase", "method", "arms", "ratio"), rows
    )
    return Section(made.name, made.heading, (*made.blocks, later))


def _behaviour(found: Published, behaves: Found | None) -> tuple[Section, ...]:
    if behaves is None:
        words = (
            "The arms stand in a list that was made elsewhere: how it balances and hides the next "
            "arm is for its maker to say."
            if found.section.method == "list"
            else "The arms depend on the levels of the subject. Make a report of each set from a "
            "file, with the command “ixrs randomization report”."
        )
        return (Section("behaviour", "How the design behaves", (Text(words),)),)
    made = behaviour(behaves)
    if not found.assumed:
        return (made,)
    words = f"No levels are on record yet for {', '.join(found.assumed)}: four were assumed."
    return (Section(made.name, made.heading, (Text(words), *made.blocks)),)


def _proof(found: Published) -> Section:
    blocks: list[Block] = []
    if found.section.method != "list" and found.commitment:
        blocks += [
            Text(
                "Before the first subject the seed was drawn and the commitment below published. "
                "It is the SHA-256 digest of the text “seed-v1|”, the 32 bytes of the seed, “|” "
                "and the digest of the first version of the study file. It gives nothing away, and "
                "no other seed fits it."
            ),
            Facts((("Commitment to the seed", found.commitment),), frozenset({0})),
        ]
    versions = tuple(
        (f"Version {one.version}, epoch {one.epoch}, {_opened(one, one.published_at, 'published')}",
         one.digest)
        for one in found.versions
    )  # fmt: skip
    blocks += [
        Text("SHA-256 of each version of the study file:"),
        Facts(versions, frozenset(range(len(versions)))),
    ]
    lists = tuple(
        (f"List {one.version}{' (a test)' if one.test else ''}, epoch {one.epoch}, "
         f"{one.rows:,} rows, {_opened(one, one.imported_at, 'imported')}", one.commitment)
        for one in found.lists
    )  # fmt: skip
    if lists:
        words = (
            "Commitment to each list that was made elsewhere: SHA-256 over a line with its name, a "
            "line with a secret of 256 bits (the nonce) and the list itself:"
        )
        blocks += [Text(words), Facts(lists, frozenset(range(len(lists))))]
    sequence, hash_ = found.head
    blocks += [
        Text(
            "The record's entries are chained: the hash of each is computed over the hash before "
            "it. Whoever keeps the last one outside can tell later that nothing before it was "
            "changed or left out."
        ),
        Facts((("Entries on record", str(sequence)), ("Hash of the last one", hash_)),
              frozenset({1})),
    ]  # fmt: skip
    return Section("proof", "Commitment and digests", tuple(blocks))


def _opened(row: Any, at: dt.datetime, how: str) -> str:
    """When it came, and when the second of two people opened it."""
    opened = f", opened {_moment(row.activated_at)}" if row.activated_at else ""
    return f"{how} {_moment(at)}{opened}"


def _moment(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _again(found: Published) -> Section:
    code, first = found.config.code, found.versions[0]
    sequence, hash_ = found.head
    blocks: list[Block] = [
        Items(
            (
                "Compute the digest of your copy of the study file and compare it with the one in "
                "the table, letter by letter (on macOS, shasum -a 256 in place of sha256sum):",
            )
        ),
        Code(("sha256sum study.toml",)),
    ]
    if found.section.method != "list":
        blocks += [
            Items(
                (
                    "When the seed is disclosed after the trial, as 64 hexadecimal digits in the "
                    "file seed.hex, compute the commitment. It must be the one above:",
                )
            ),
            Code(
                (
                    "{ printf 'seed-v1|'; xxd -r -p seed.hex; \\",
                    f"  printf '|{first.digest}'; }} \\",
                    "  | sha256sum",
                )
            ),
        ]
    if found.lists:
        blocks += [
            Items(
                (
                    "When nonce and list are disclosed, the nonce as 64 hexadecimal digits, "
                    "compute the commitment to the list:",
                )
            ),
            Code((f"{{ printf '{COMMITMENT_NAME}\\nNONCE\\n'; cat list.txt; }} | sha256sum",)),
        ]
    blocks += [
        Items(
            (
                "Make every draw of the study again from its seed or list, and hear which one, if "
                "any, differs first:",
            )
        ),
        Code(
            (
                f"ixrs randomization replay --study {code} \\",
                f"  --head {code}:{sequence}:{hash_}",
            )
        ),
    ]
    return Section("again", "How to check this yourself", tuple(blocks))
