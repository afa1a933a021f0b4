"""What a stranger could measure: the statements that a request takes, and what they leave."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import event

from core.runtime import Core
from tests.support.world import World

_SAVEPOINT: Final = re.compile(r"sa_savepoint_\d+")


@contextmanager
def statements(core: Core) -> Iterator[list[str]]:
    """The statements sent to the database meanwhile, without their parameters."""
    seen: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *more: Any) -> None:
        seen.append(_SAVEPOINT.sub("savepoint", statement))

    event.listen(core.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(core.engine, "before_cursor_execute", note)


def events(world: World) -> list[str]:
    """What the installation's own chain says, in order."""
    query = """SELECT "transaction" FROM ledger WHERE study = 'installation' ORDER BY sequence"""
    return [str(row[0]) for row in world.rows(query)]


def alerts(world: World) -> list[str]:
    """The messages that wait for those who look after accounts."""
    return [message for message, _, roles in world.messages() if roles and "helpdesk" in roles]
