"""Whether what a benchmark left behind is right: nobody doubled, no row skipped, all in order."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise

from sqlalchemy import func, select

from core.db.drawing import draw, list_row
from core.db.models import ledger, outbox, subject
from core.ledger.verify import verify
from core.runtime import Core


def check_lists(core: Core, study: str) -> dict[str, int | bool]:
    """Counts over the study's lists; all should be 0 but `randomized` and `messages`.

    `duplicates`: numbers or rows that two subjects have. `gaps`: places of a list passed over.
    `out_of_order`: subjects who got a later place than one who came after them in the ledger.
    `verified`: chain, signatures and draws recomputed.
    """
    query = (
        select(subject.c.randomization_number, draw.c.domain, draw.c.number, list_row.c.number)
        .select_from(subject)
        .join(draw, draw.c.subject_id == subject.c.id)
        .join(
            list_row,
            (list_row.c.study == subject.c.study)
            & (list_row.c.domain == draw.c.domain)
            & (list_row.c.sequence == draw.c.number),
        )
        .join(ledger, (ledger.c.study == subject.c.study) & (ledger.c.subject == subject.c.number))
        .where(subject.c.study == study, ledger.c.transaction == "randomize")
        .where(ledger.c.outcome == "done")
        .order_by(draw.c.domain, ledger.c.sequence)
    )
    with core.reading() as db:
        rows = [tuple(row) for row in db.execute(query)]
        messages = db.scalar(
            select(func.count()).select_from(outbox).where(outbox.c.study == study)
        )
        named = db.scalar(
            select(func.count()).where(
                subject.c.study == study, subject.c.randomized_at.is_not(None)
            )
        )
    verified = verify(core, study).ok
    gaps = disorder = 0
    for _, group in groupby(rows, key=lambda row: row[1]):
        places = [row[2] for row in group]
        gaps += max(places) - len(set(places))
        disorder += sum(b < a for a, b in pairwise(places))
    return {
        "randomized": int(named or 0),
        "messages": int(messages or 0),
        "duplicates": _doubled(row[0] for row in rows) + _doubled(row[1:3] for row in rows),
        "mismatches": sum(row[0] != row[3] for row in rows) + abs(int(named or 0) - len(rows)),
        "gaps": gaps,
        "out_of_order": disorder,
        "verified": verified,
    }


def _doubled(values: object) -> int:
    counts = Counter(values)  # type: ignore[call-overload]
    return sum(count - 1 for count in counts.values())
