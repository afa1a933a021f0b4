"""What is randomized, by which method, and how each draw is made, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from core.randomization.report.model import (
    Block,
    Code,
    Items,
    Link,
    Section,
    Table,
    Text,
    percent,
)
from core.randomization.report.words import METHODS, PARAMETERS, About
from core.randomization.scheme import Scheme
from core.study.randomization import Randomization, given_keys

_NOT_SHOWN: Final = frozenset({"method"})
Names = Mapping[str, str]


def what(scheme: Scheme, factors: Mapping[str, Sequence[str]], names: Names) -> Section:
    """Arms, ratio and factors; `names` are words for arms and factors that have them."""
    total = sum(scheme.ratio.values())
    named = any(arm in names for arm in scheme.ratio)
    arms = Table(
        "Arms",
        ("arm", *(("name",) if named else ()), "ratio", "share of subjects"),
        tuple(
            (arm, *((names.get(arm, arm),) if named else ()), str(share), percent(share / total))
            for arm, share in scheme.ratio.items()
        ),
        frozenset({2, 3} if named else {1, 2}),
    )
    blocks: list[Block] = [
        Text(
            "Each subject who enters the trial is given one of these arms by chance. The ratio "
            "says how many subjects each arm is to have for those of the others."
        ),
        arms,
    ]
    blocks += _sets(scheme)
    if not factors:
        blocks.append(Text("Nothing that is known of a subject has a part in the draw."))
        return Section("what", "What is randomized", tuple(blocks))
    counted = set(scheme.covariates)
    blocks.append(
        Table(
            "Factors: what is known of a subject before the draw",
            ("factor", "levels", "part in the draw"),
            tuple(
                (
                    names.get(name, name),
                    ", ".join(levels) or "as they come",
                    _part(scheme, name, counted),
                )
                for name, levels in factors.items()
            ),
        )
    )
    return Section("what", "What is randomized", tuple(blocks))


def _part(scheme: Scheme, name: str, counted: set[str]) -> str:
    if name in counted:
        if scheme.section.method == "cluster":
            return "its levels are the clusters"
        return "balanced by the method"
    if not counted or name in scheme.section.strata:
        return "stratum: each level is randomized by itself"
    if "stratum" in counted:
        return "balanced as part of the stratum"
    return "recorded, not used"


def _sets(scheme: Scheme) -> list[Block]:
    if not scheme.section.sets:
        return []
    rows = tuple(
        (", ".join(f"{name} = {value}" for name, value in one.levels.items()), ", ".join(one.arms))
        for one in scheme.section.sets
    )
    return [Table("Which subjects are randomized among which arms", ("subjects", "arms"), rows)]


def method(section: Randomization) -> Section:
    """The method, its numbers and its source."""
    about = METHODS[section.method]
    blocks: list[Block] = [Text(f"{about.name}. {about.does}")]
    rows = _parameters(section)
    if rows:
        blocks.append(Table("Its numbers", ("key", "value", "meaning"), rows))
    blocks.append(_source(about))
    if section.by is not None:
        inner = METHODS[section.by.method]
        blocks += [Text(f"Each of these draws: {inner.name}. {inner.does}"), _source(inner)]
    if section.is_predictable and section.reason:
        blocks.append(
            Text(f"The allocation can be foreseen at times. Accepted because: {section.reason}")
        )
    return Section("method", "The method", tuple(blocks))


def _source(about: About) -> Link:
    return Link("Source: ", about.source, about.url)


def _parameters(section: Randomization) -> tuple[tuple[str, str, str], ...]:
    values = section.model_dump(by_alias=True)
    keys = [key for key in values if key in given_keys(section) - _NOT_SHOWN]
    return tuple((key, _plain(values[key]), PARAMETERS[key]) for key in keys)


def _plain(value: Any) -> str:
    """A value of the file, as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, dict):
        parts = (f"{key}: {_plain(one)}" for key, one in value.items() if one not in (None, (), {}))
        return ", ".join(parts)
    if isinstance(value, list | tuple):
        mark = "; " if any(isinstance(one, dict) for one in value) else ", "
        return mark.join(_plain(one) for one in value)
    return str(value)


def draws(section: Randomization) -> Section:
    """How one draw is made, and how anyone can make it again."""
    if section.method == "list":
        return Section("draws", "How each draw is made", (
            Text(
                "Nothing is drawn by the program: subjects receive the rows of the imported list "
                "in their order. A row that was given is never given again, and its place is "
                "recorded with the subject."
            ),
        ))  # fmt: skip
    blocks: list[Block] = [
        Text(
            "All draws follow from one secret number of 256 bits, the seed. It is made by the "
            "operating system's source of randomness before the first subject, kept encrypted, and "
            "shown to nobody while the trial runs."
        ),
    ]
    blocks += _list_steps() if section.method == "permuted_block" else _dynamic_steps()
    blocks.append(
        Text(
            "Because a draw is computed from seed and place alone, a power cut, a repeated call or "
            "a second attempt gives the same arm: nobody can roll again. Each draw is entered in a "
            "record whose entries are chained by SHA-256, so that none can be changed unseen."
        )
    )
    return Section("draws", "How each draw is made", tuple(blocks))


def _list_steps() -> list[Block]:
    return [
        Items(
            (
                "Every stratum has a list of its own. Its numbers come from the stream pbr-v1: "
                "HMAC-SHA256 with the seed as key, over the text “pbr-v1|”, the name of the "
                "stratum, “|” and a counter 0, 1, 2, … of eight bytes. The results are laid end to "
                "end and read as numbers of 32 bits.",
                "A number below k is made of one of these by taking the remainder after division "
                "by k; numbers too large to be fair are passed over.",
                "With several block sizes the size of the next block is drawn first. Then the arms "
                "of the block are written in order and shuffled (Fisher and Yates): from the last "
                "place to the second, each changes places with one drawn from the first up to "
                "itself.",
                "Subjects receive the rows of their stratum's list in order, each row once.",
            ),
            ordered=True,
        ),
        Text(
            "Anyone with Python can try this. The program below makes the list of the published "
            "test seed 00 01 02 … 1f, stratum S1, two arms 1:1, blocks of four:"
        ),
        Code(LIST_PROGRAM, "It prints BABAABBABABAABABABABBABA."),
    ]


def _dynamic_steps() -> list[Block]:
    return [
        Items(
            (
                "The method computes the probability of each arm from what is on record, in whole "
                "numbers and without rounding: shares that add up to a total k.",
                "A number below k is drawn by the stream draw-v1: HMAC-SHA256 with the seed as "
                "key, over the text “draw-v1|”, the name of the part of the study in which balance "
                "is kept, “|”, the number of the draw and an attempt 0, 1, 2, …, each of eight "
                "bytes. The result is read as one number of 256 bits; numbers too large to be fair "
                "are passed over, and the remainder after division by k is taken.",
                "The arms' shares are laid end to end from 0 to k; the arm on which the number "
                "falls is given.",
            ),
            ordered=True,
        ),
        Text(
            "Anyone with Python can try this. The program below makes the first three draws below "
            "6 of the published test seed 00 01 02 … 1f:"
        ),
        Code(DRAW_PROGRAM, f"It prints {DRAW_PRINTS}."),
    ]


LIST_PROGRAM: Final = tuple(
    """\
import hmac

seed, stratum, arms = bytes(range(32)), "S1", "AABB"

def words():
    for counter in range(2**64):
        text = f"pbr-v1|{stratum}|".encode() + counter.to_bytes(8, "big")
        found = hmac.digest(seed, text, "sha256")
        yield from (int.from_bytes(found[i:i+4], "big") for i in range(0, 32, 4))

def below(k):
    return next(w for w in stream if w < 2**32 // k * k) % k

stream, rows = words(), ""
for _ in range(6):
    block = list(arms)
    for i in range(len(block) - 1, 0, -1):
        j = below(i + 1)
        block[i], block[j] = block[j], block[i]
    rows += "".join(block)
print(rows)""".splitlines()
)
DRAW_PROGRAM: Final = tuple(
    """\
import hmac

seed, scope, k = bytes(range(32)), "v1|all", 6

def draw(number):
    for attempt in range(2**64):
        text = f"draw-v1|{scope}|".encode()
        text += number.to_bytes(8, "big") + attempt.to_bytes(8, "big")
        found = int.from_bytes(hmac.digest(seed, text, "sha256"), "big")
        if found < 2**256 // k * k:
            return found % k

print(*(draw(number) for number in (1, 2, 3)))""".splitlines()
)
DRAW_PRINTS: Final = "0 5 2"
