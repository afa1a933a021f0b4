"""Script in every text that people write: names, words of the study file, reasons, details, notes.

Whatever stands in a free text column of the database, or under the name of a question for free
text in an entry, a receipt or a proposal, is followed by script. The chain no longer holds: this
is for looking at pages alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Column, String, Table, Text, select, text, update

from core.db.models import Base
from core.ledger import triggers
from core.register import transactions
from core.runtime import Core
from core.study.schema import StudyConfig
from core.transaction import Kind
from core.unblinding.callers import caller_about, caller_of, card_about, card_of

SCRIPT: Final = "'\"><script>owned=1</script><img src=x onerror=owned=1>{{7919*7919}}"
_JSON: Final = {"ledger": "body", "receipt": "result", "proposal": "answers", "outbox": "message"}
WRITTEN: Final = {
    "person": ("name",),
    "site": ("name",),
    "shipment": ("courier", "waybill", "loggers"),
    "api_token": ("name",),
    "lot": ("label_lot",),
    "lot_release": ("certificate",),
}
"""The columns that hold what people wrote as they liked."""
_KEYS: Final = "title|name|label|question|description|sponsor|group"
_WORDS: Final = re.compile(
    rf"(\b(?:{_KEYS})(?:\.en|\.es)?\s*=\s*)" r'("(?:[^"\\]|\\.)*"|\{[^}]*\})'
)
_TEXT: Final = re.compile(r'= "((?:[^"\\]|\\.)*)"')


def text_columns() -> Iterator[tuple[Table, Column[Any]]]:
    """The columns of WRITTEN."""
    for name, columns in WRITTEN.items():
        table = Base.metadata.tables[name]
        for column in columns:
            assert isinstance(table.c[column].type, String | Text)
            yield table, table.c[column]


def fields(config: StudyConfig) -> set[str]:
    """The names of the questions that are answered by text as one likes."""
    return {
        question.name
        for one in transactions()
        for question in one.questions(config)
        if question.kind is Kind.TEXT
    }


def poison(core: Core, config: StudyConfig) -> int:
    """Put script behind every text; returns behind how many."""
    names = fields(config)
    count = 0
    with core.writing() as db:
        for trigger in triggers.NAMES:
            db.execute(text(f"DROP TRIGGER {trigger}"))
        for table, column in text_columns():
            done = db.execute(
                update(table).where(column.is_not(None)).values({column: column + SCRIPT})
            )
            count += done.rowcount
        count += _callers(db, core)
        for name, kept in _JSON.items():
            count += _in_json(db, Base.metadata.tables[name], kept, names)
        versions = Base.metadata.tables["study_version"]
        for row in db.execute(select(versions)).all():
            source = _WORDS.sub(_poisoned, row.source)
            assert source != row.source
            this = (versions.c.study == row.study) & (versions.c.version == row.version)
            db.execute(update(versions).where(this).values(source=source))
            count += 1
    return count


def _poisoned(found: re.Match[str]) -> str:
    """The same key with script behind each of its texts, as TOML writes it."""
    script = SCRIPT.replace("\\", "\\\\").replace('"', '\\"')
    if found[2].startswith("{"):
        return found[1] + _TEXT.sub(lambda one: f'= "{one[1]}{script}"', found[2])
    is_word = not re.fullmatch(r'"[a-z_]{1,40}"', found[2])  # a factor's name is none
    return f'{found[1]}"{found[2][1:-1]}{script}"' if is_word else found[0]


def _callers(db: Any, core: Core) -> int:
    """The names of callers and the codes of their cards, sealed."""
    calls = Base.metadata.tables["emergency_call"]
    rows = db.execute(select(calls)).all()
    for row in rows:
        told = (
            (caller_about, caller_of(core.keys, row)),
            (card_about, card_of(core.keys, row) or ""),
        )
        caller, card = (
            core.keys.seal(about(row.study, row.number), text + SCRIPT).token
            for about, text in told
        )
        mine = update(calls).where(calls.c.id == row.id)
        db.execute(mine.values(caller=caller, card_code=card))
    return len(rows)


def _in_json(db: Any, table: Table, column: str, names: set[str]) -> int:
    keys = list(table.primary_key.columns)
    count = 0
    for row in db.execute(select(*keys, table.c[column]).where(table.c[column].is_not(None))).all():
        value = json.loads(row[-1])
        changed = _changed(value, names)
        if changed:
            count += 1
            this = [key == row[place] for place, key in enumerate(keys)]
            db.execute(update(table).where(*this).values({column: json.dumps(value)}))
    return count


def _changed(value: Any, names: set[str]) -> bool:
    """Put script behind every text under one of the names, anywhere in it; whether there is any."""
    found = False
    if isinstance(value, dict):
        for name, inner in value.items():
            if (name in names or name in ("name", "text")) and isinstance(inner, str):
                value[name], found = inner + SCRIPT, True
            elif isinstance(inner, dict | list):
                found = _changed(inner, names) or found
    elif isinstance(value, list):
        for inner in value:
            found = _changed(inner, names) or found
    return found
