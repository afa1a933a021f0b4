"""The draw: the next place of a list, or the next step of a minimisation, under its lock.

The allocator's row (a stratum, or the whole minimisation) is locked before anything is read from
it. The draw's number is the count of committed draws and one more, and its chance is a keyed
function of that number, so that a crash, a retry or a rollback meets the same arm again.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update

from core.codes import checked_number
from core.context import Context
from core.db.drawing import allocator, draw, list_row
from core.db.models import study_version, subject
from core.db.prepared import Prepared
from core.db.upsert import insert_missing
from core.errors import NotRandomizable
from core.randomization.blocks import list_rows
from core.randomization.minimisation import Plan, State, choose, step
from core.randomization.plan import counted, design, known_levels
from core.randomization.stream import uniform_below
from core.sealed import Keys, Sealed
from core.study.seed import study_seed

NUMBER_DIGITS: Final = 7
_ROWS_FIRST: Final = 24
_ROWS_MORE_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Drawn:
    """An arm and its proof. All of it unblinds, the randomization number apart."""

    arm: str
    domain: str
    draw: int
    number: str


_locked = Prepared(
    select(allocator)
    .where(allocator.c.study == bindparam("s"), allocator.c.domain == bindparam("d"))
    .with_for_update()
)
_row = Prepared(
    select(list_row.c.number, list_row.c.arm).where(
        list_row.c.study == bindparam("s"),
        list_row.c.domain == bindparam("d"),
        list_row.c.sequence == bindparam("n"),
    )
)
_mine = update(allocator).where(
    allocator.c.study == bindparam("s"), allocator.c.domain == bindparam("d")
)
_take = Prepared(
    _mine.values(draws=allocator.c.draws + 1).returning(allocator.c.draws, allocator.c.rows)
)
_keep = Prepared(_mine.values(draws=bindparam("n"), state=bindparam("state")))
_taken = select(list_row.c.number).where(
    list_row.c.study == bindparam("s"),
    list_row.c.number.in_(bindparam("numbers", expanding=True)),
)
_draw = Prepared(insert(draw).values({one: bindparam(one.name) for one in draw.c}))


def allocate(context: Context, levels: Mapping[str, str]) -> Drawn:
    """Draw the arm of a subject with these factor levels; `record` binds it to the subject.

    Raises NotRandomizable where the study file has no place for a level.
    """
    section = context.config.randomization
    if section is None:
        raise NotRandomizable
    epoch = _epoch(context)
    if section.method == "minimisation":
        return _minimise(context, f"v{epoch}|minimisation", levels)
    stratum = "|".join(f"{name}={value}" for name, value in levels.items()) or "all"
    return _next_of_list(context, f"v{epoch}|{stratum}")


def record(context: Context, drawn: Drawn, subject_id: int) -> None:
    """Bind the draw to the subject: unique both ways, whatever else goes wrong."""
    _draw.run(
        context.db,
        {
            "study": context.study,
            "domain": drawn.domain,
            "number": drawn.draw,
            "subject_id": subject_id,
            "stage": "",
            "row": None,
            "original": None,
        },
    )


def _epoch(context: Context) -> int:
    key = (context.study, context.facts.version)
    found = context.core.epochs.get(key)
    if found is None:
        query = select(study_version.c.epoch).where(
            study_version.c.study == key[0], study_version.c.version == key[1]
        )
        found = context.core.epochs[key] = int(context.db.execute(query).scalar_one())
    return found


def _lock(context: Context, domain: str, locking: Prepared) -> Any:
    """The allocator's row, locked by this statement; made first if this is the first draw."""
    where = {"s": context.study, "d": domain}
    found = locking.first(context.db, where)
    if found is None:
        insert_missing(
            context.db, allocator, {"study": context.study, "domain": domain, "draws": 0, "rows": 0}
        )
        found = locking.first(context.db, where)
    return found


def _next_of_list(context: Context, domain: str) -> Drawn:
    taken = _lock(context, domain, _take)
    number = int(taken.draws)
    if number > taken.rows:
        _extend(context, domain, int(taken.rows))
    row = _row.first(context.db, {"s": context.study, "d": domain, "n": number})
    arm = context.keys.open(Sealed(row.arm, row_about(context.study, domain, number)))
    return Drawn(arm, domain, number, row.number)


def row_about(study: str, domain: str, sequence: int) -> str:
    """What the arm of a list row is bound to."""
    return f"{study}|list|{domain}|{sequence}"


def _extend(context: Context, domain: str, have: int) -> None:
    """Write the next rows of the list, a quarter of what there is; the earlier ones stay."""
    section = context.config.randomization
    assert section is not None  # noqa: S101 - `allocate` has looked
    rows = list_rows(
        study_seed(context.core, context.db, context.study),
        domain,
        context.config.ratio,
        section.block_sizes,
    )
    more = list(
        itertools.islice(rows, have, have + min(max(have // 4, _ROWS_FIRST), _ROWS_MORE_MAX))
    )
    numbers = _fresh_numbers(context, len(more))
    context.db.execute(
        insert(list_row),
        [
            {
                "study": context.study,
                "domain": domain,
                "sequence": row.sequence,
                "block": row.block,
                "number": number,
                "arm": context.keys.seal(
                    row_about(context.study, domain, row.sequence), row.arm
                ).token,
            }
            for row, number in zip(more, numbers, strict=True)
        ],
    )
    context.db.execute(
        update(allocator)
        .where(allocator.c.study == context.study, allocator.c.domain == domain)
        .values(rows=have + len(more))
    )


def _fresh_numbers(context: Context, count: int) -> list[str]:
    """So many randomization numbers that no list of the study has; another stratum that takes one
    of them at this moment makes the deed begin again."""
    found: dict[str, None] = {}
    while len(found) < count:
        drawn = {checked_number(context.entropy, NUMBER_DIGITS): None for _ in range(count)}
        taken = context.db.scalars(_taken, {"s": context.study, "numbers": list(drawn)}).all()
        for number in taken:
            del drawn[number]
        found |= drawn
    return list(found)[:count]


def _state_about(study: str, domain: str) -> str:
    return f"{study}|allocator|{domain}"


def _minimise(context: Context, domain: str, levels: Mapping[str, str]) -> Drawn:
    locked = _lock(context, domain, _locked)
    number = int(locked.draws) + 1
    known, counts = _load(context, domain, locked)
    known = known_levels(context.config, known, levels)
    plan = design(context.config, known)
    state = State.from_json(counts).widened(plan) if counts else _begin(context, plan)
    try:
        places = plan.levels_of(levels)
    except ValueError:
        raise NotRandomizable from None
    shares = step(plan, state, places)
    seed = study_seed(context.core, context.db, context.study)
    chosen = choose(shares, uniform_below(seed, domain, number, plan.denominator))
    kept = {"levels": known, "counts": state.after(places, chosen).to_json()}
    about = _state_about(context.study, domain)
    token = context.keys.seal(about, json.dumps(kept, separators=(",", ":"))).token
    _keep.run(context.db, {"s": context.study, "d": domain, "n": number, "state": token})
    drawn = checked_number(context.entropy, NUMBER_DIGITS)
    return Drawn(plan.arms[chosen].name, domain, number, drawn)


def _load(context: Context, domain: str, locked: Any) -> tuple[dict[str, list[str]], Any]:
    if locked.state is None:
        return {}, None
    kept = open_state(context.keys, locked)
    return kept["levels"], kept["counts"]


def open_state(keys: Keys, row: Any) -> dict[str, Any]:
    """The levels and counts in a row of the allocator table. Raises IntegrityBreach."""
    sealed = Sealed(row.state, _state_about(row.study, row.domain))
    kept: dict[str, Any] = json.loads(keys.open(sealed))
    return kept


def _begin(context: Context, plan: Plan) -> State:
    """The counts that a minimisation starts from: after an amendment, those randomized so far."""
    query = (
        select(subject.c.number, subject.c.levels, subject.c.arm)
        .where(subject.c.study == context.study, subject.c.arm.is_not(None))
        .order_by(subject.c.id)
    )
    return counted(
        plan,
        (
            (json.loads(row.levels), context.keys.open(arm_of(context.study, row)))
            for row in context.db.execute(query)
        ),
    )


def arm_of(study: str, row: Any) -> Sealed:
    """The sealed arm of a row of the subject table."""
    return Sealed(row.arm, arm_about(study, row.number))


def arm_about(study: str, number: str) -> str:
    """What a subject's arm is bound to."""
    return f"{study}|subject|{number}"
