"""What one person may look at in one study, and how a list is told a page at a time.

Every list is read along an index from where the page before ended, so that a page costs the same
however much there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection

from core.access.roles import Actor, Permission
from core.errors import InvalidInput, NotFound
from core.facts import is_keyed
from core.messages import Message
from core.study.versions import latest_version

if TYPE_CHECKING:
    from core.runtime import Core

PAGE: Final = 50
PAGE_MAX: Final = 200
_PLACE_DIGITS_MAX: Final = 18
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list, and what to give as `after` for those behind them (None: the end)."""

    rows: tuple[T, ...]
    next: str | None


class Sight:
    """What one person may see of one study. Raises NotFound for a study that does not exist."""

    def __init__(self, core: Core, db: Connection, actor: Actor, study: str) -> None:
        if not actor.sees_study(study):
            raise NotFound
        latest_version(db, study)
        self.core, self.db, self.actor, self.study = core, db, actor, study

    def may(self, permission: Permission) -> bool:
        """Whether the person has it anywhere in the study."""
        held = self.actor.sites_where(permission, self.study)
        return held is None or bool(held)

    def sites(self, permission: Permission, wanted: str | None = None) -> frozenset[str] | None:
        """The sites to look at, None for all; `wanted` narrows it to one. Raises NotFound where
        the person may see none, or not that one."""
        held = self.actor.sites_where(permission, self.study)
        if wanted is not None:
            if not is_keyed(wanted) or (held is not None and wanted not in held):
                raise NotFound
            held = frozenset({wanted})
        if held is not None and not held:
            raise NotFound
        return held

    def within(
        self, column: Any, permission: Permission, wanted: str | None = None
    ) -> tuple[ColumnElement[bool], ...]:
        """The condition on a column of site numbers that `sites` comes to."""
        seen = self.sites(permission, wanted)
        if seen is None:
            return ()
        if len(seen) == 1:  # an equality keeps the order of the index
            return (column == next(iter(seen)),)
        return (column.in_(sorted(seen)),)


def page_of(
    found: Sequence[Any], size: int, made: Callable[[Any], T], key: Callable[[Any], str]
) -> Page[T]:
    """A page from one row more than it holds: that one only says that there are more."""
    shown = found[:size]
    following = key(shown[-1]) if len(found) > size else None
    return Page(tuple(made(row) for row in shown), following)


def size_of(limit: int) -> int:
    """The number of rows on a page, within bounds."""
    return max(1, min(limit, PAGE_MAX))


def after_number(after: str) -> int:
    """The place of a list that runs along a number. Raises InvalidInput."""
    if not is_keyed(after) or len(after) > _PLACE_DIGITS_MAX:
        raise InvalidInput("after", Message("error.page"))
    return int(after)


def after_pair(after: str) -> tuple[str, str]:
    """The place of a list that runs along site and number. Raises InvalidInput."""
    first, _, second = after.partition("-")
    if not is_keyed(first) or not is_keyed(second):
        raise InvalidInput("after", Message("error.page"))
    return first, second
