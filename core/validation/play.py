"""The acceptance script of a study file, played as it is written: through `perform`, on a bench."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable

from core.study.read import load_for_publishing
from core.validation import access, ending, stock, subjects
from core.validation.bench import Bench, Say, Unexpected, bench
from core.validation.steps import Script

_PARTS: tuple[Callable[[Bench], None], ...] = (
    access.roles,
    stock.drug,
    subjects.screening,
    subjects.strata,
    subjects.visits,
    subjects.windows,
    stock.kits,
    ending.ends,
    ending.code_break,
    ending.caps,
    stock.expired,
    ending.record,
)


def rehearse(source: str, say: Say) -> Script:
    """The script of a study file, each step with what is expected and what was seen.

    Raises StudyFileRefused for a file that could not be published.
    """
    config = load_for_publishing(source)
    with bench(config, source, say) as made:
        with contextlib.suppress(Unexpected):
            stock.set_up(made)  # nothing goes without it
            for part in _PARTS:
                # What could not be done stands as failed in its part; the others are played all
                # the same, and say themselves what they lack.
                with contextlib.suppress(Unexpected):
                    part(made)
        parts = tuple(one for one in made.parts if one.steps)
    digest = hashlib.sha256(source.encode()).hexdigest()
    title = next(iter(config.study.title.values()))
    return Script(config.code, title, digest, config.study.training, parts)
