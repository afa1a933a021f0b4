"""One trial, subject after subject: the lines that CPython runs and numba compiles.

Random words are Philox4x32-10 (Salmon, Moraes, Dror & Shaw, SC 2011): a word is a function of the
seed, the trial and its place, so that results don't depend on how the work is divided. Integers are
masked to 32 bits after each product, which makes big and wrapping integers agree.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

WORD: Final = 0xFFFFFFFF
LEVELS, ARMS, MOVES, NOISE = 0, 1, 2, 3
STREAMS: Final = 16
"""What of a trial a stream of words is for; a later draw of the same trial adds 16 each time."""
NO_RESPONSES, BY_ARM, GIVEN = 0, 1, 2

_ATTEMPTS_MAX: Final = 64
_CHANCE_MIN: Final = 1e-9


class Key(NamedTuple):
    """Which words: two halves of the seed, trial, and how often it has been drawn before."""

    low: int
    high: int
    trial: int
    again: int


class Subjects(NamedTuple):
    """The subjects of one trial, in order of entry.

    `levels[i * factors + f]`; `stratum[i]` says which state is the subject's; `own[j]` is the
    factor that is the method's j-th.
    """

    levels: Any
    stratum: Any
    own: Any
    factors: int


class Responses(NamedTuple):
    """How outcomes come: not at all, by chance (`below[arm]` of 2**32), or as `given[i]` says."""

    mode: int
    below: Any
    given: Any


class Places(NamedTuple):
    """Where a trial is drawn: words, how levels are cut, who comes, and what they received."""

    level_words: Any
    words: Any
    cuts: Any
    offsets: Any
    strides: Any
    subjects: Any
    responses: Any
    arms: Any
    chances: Any


class Room(NamedTuple):
    """Scratch: a state for each stratum, the subject's levels, shares, and the moves' states."""

    states: Any
    mine: Any
    out: Any
    pile: Any
    weights: Any
    held: Any


def philox(c0: int, c1: int, c2: int, c3: int, k0: int, k1: int) -> tuple[int, int, int, int]:
    """Four 32-bit words from a counter of four words and a key of two."""
    for _ in range(10):
        first = c0 * 0xD2511F53
        second = c2 * 0xCD9E8D57
        c0 = ((second >> 32) & WORD) ^ c1 ^ k0
        c1 = second & WORD
        c2 = ((first >> 32) & WORD) ^ c3 ^ k1
        c3 = first & WORD
        k0 = (k0 + 0x9E3779B9) & WORD
        k1 = (k1 + 0xBB67AE85) & WORD
    return c0, c1, c2, c3


def fill(words: Any, key: Any, purpose: int) -> None:
    """The words of this purpose, from the first on; their number is a multiple of 4."""
    stream = purpose + STREAMS * key.again
    for block in range(len(words) // 4):
        place = 4 * block
        (words[place], words[place + 1], words[place + 2], words[place + 3]) = philox(
            block, 0, key.trial, stream, key.low, key.high
        )


def draw_levels(words: Any, cuts: Any, offsets: Any, strides: Any, subjects: Any) -> None:
    """Levels and strata of all subjects: level l of factor f below `cuts[offsets[f] + l]`."""
    factors, levels, strata = subjects.factors, subjects.levels, subjects.stratum
    for i in range(len(strata)):
        stratum = 0
        for f in range(factors):
            word = words[i * factors + f]
            level = 0
            while word >= cuts[offsets[f] + level]:
                level += 1
            levels[i * factors + f] = level
            stratum += level * strides[f]
        strata[i] = stratum


def pick(out: Any, word: int) -> int:
    """The outcome that a 32-bit word falls on; probabilities are met within 2**-32."""
    total = 0
    for share in out:
        total += share
    left = word * (total >> 32) + (((word * (total & WORD)) >> 32) & WORD)
    outcome = 0
    while left >= out[outcome]:
        left -= out[outcome]
        outcome += 1
    return outcome


def is_moving(out: Any, arms: int) -> bool:
    """Whether these shares offer moves; then they offer no arm."""
    moving = 0
    for outcome in range(arms, len(out)):
        moving += out[outcome]
    return moving > 0


def give_chances(out: Any, chances: Any, place: int, arms: int) -> None:
    """The probabilities of the arms, from a state that offers arms."""
    total = 0
    for arm in range(arms):
        total += out[arm]
    for arm in range(arms):
        chances[place + arm] = out[arm] / total


def spread_chances(
    shares: Any, after: Any, design: Any, state: Any, room: Any, chances: Any, place: int, arms: int
) -> None:
    """The probabilities of the arms over all moves that the subject may cause.

    Paths less likely than 1e-9 are left out, and the rest scaled to 1.
    """
    for arm in range(arms):
        chances[place + arm] = 0.0
    room.weights[0] = 1.0
    for i in range(len(state)):
        room.pile[0][i] = state[i]
    size = 1
    while size > 0:
        size -= 1
        weight = room.weights[size]
        for i in range(len(state)):
            room.held[i] = room.pile[size][i]
        shares(design, room.held, room.mine, room.out)
        total = 0
        for share in room.out:
            total += share
        for outcome in range(len(room.out)):
            part = weight * (room.out[outcome] / total)
            if part > 0 and outcome < arms:
                chances[place + outcome] += part
            elif part > _CHANCE_MIN and size < len(room.weights):
                for i in range(len(state)):
                    room.pile[size][i] = room.held[i]
                after(design, room.pile[size], room.mine, outcome)
                room.weights[size] = part
                size += 1
    met = 0.0
    for arm in range(arms):
        met += chances[place + arm]
    for arm in range(arms):
        chances[place + arm] /= met


def move_on(
    shares: Any, after: Any, design: Any, state: Any, room: Any, key: Any, i: int, arms: int
) -> None:
    """Draw the subject's moves until the state offers arms; `room.out` has their shares."""
    attempt = 0
    while is_moving(room.out, arms):
        if attempt == _ATTEMPTS_MAX:
            raise RuntimeError("the method moved without reaching an arm")
        stream = MOVES + STREAMS * key.again
        word = philox(attempt, i, key.trial, stream, key.low, key.high)[0]
        after(design, state, room.mine, pick(room.out, word))
        shares(design, state, room.mine, room.out)
        attempt += 1


def walk(
    shares: Any,
    after: Any,
    respond: Any,
    design: Any,
    start: Any,
    subjects: Any,
    responses: Any,
    words: Any,
    key: Any,
    room: Any,
    arms: Any,
    chances: Any,
) -> None:
    """One trial: `arms[i]` drawn, and `chances[i * number of arms + arm]` before any move.

    `words` are one for each subject's arm, then one for each subject's response. Arrays have names
    of their own: taking one out of a tuple for each subject would cost more than what is done with
    it.
    """
    n = len(arms)
    count = len(chances) // n
    states, mine, out = room.states, room.mine, room.out
    stratum, levels, own, factors = (
        subjects.stratum,
        subjects.levels,
        subjects.own,
        subjects.factors,
    )
    for state in states:
        for i in range(len(start)):
            state[i] = start[i]
    state, here = states[0], 0
    for i in range(n):
        if stratum[i] != here:
            here = stratum[i]
            state = states[here]
        for j in range(len(own)):
            mine[j] = levels[i * factors + own[j]]
        shares(design, state, mine, out)
        if is_moving(out, count):
            spread_chances(shares, after, design, state, room, chances, i * count, count)
            shares(design, state, mine, out)
            move_on(shares, after, design, state, room, key, i, count)
        else:
            give_chances(out, chances, i * count, count)
        arm = pick(out, words[i])
        after(design, state, mine, arm)
        arms[i] = arm
        if responses.mode == BY_ARM:
            respond(design, state, arm, 1 if words[n + i] < responses.below[arm] else 0)
        elif responses.mode == GIVEN:
            respond(design, state, arm, responses.given[i])


def draw_arms(
    shares: Any, after: Any, respond: Any, design: Any, start: Any, places: Any, room: Any, key: Any
) -> None:
    """Arms and chances of the subjects who are there."""
    fill(places.words, key, ARMS)
    walk(
        shares,
        after,
        respond,
        design,
        start,
        places.subjects,
        places.responses,
        places.words,
        key,
        room,
        places.arms,
        places.chances,
    )


def draw_subjects(places: Any, key: Any) -> None:
    """Levels and strata of a new trial's subjects."""
    fill(places.level_words, key, LEVELS)
    draw_levels(places.level_words, places.cuts, places.offsets, places.strides, places.subjects)


def deaf(design: Any, state: Any, arm: Any, success: Any) -> None:
    """What a method does with a response that it doesn't look at."""
