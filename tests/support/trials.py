"""A trial so far: what a property of a method is asked about."""

from __future__ import annotations

from typing import Generic, NamedTuple, Protocol, TypeVar

from core.randomization.method import Method
from tests.support.paths import Levels, counted


class Buildable(Protocol):
    """The numbers of a method."""

    def build(self) -> Method:
        """The method."""


D = TypeVar("D", bound=Buildable)


class Trial(NamedTuple, Generic[D]):
    """A design, the subjects so far as (levels, arm or fake arm), and the next one's levels."""

    design: D
    earlier: list[tuple[Levels, int]]
    levels: Levels

    def method(self) -> Method:
        """The method of the design."""
        return self.design.build()

    def state(self) -> tuple[int, ...]:
        """The state after the subjects so far."""
        return counted(self.method(), self.earlier)
