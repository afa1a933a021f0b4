"""What opens a treatment, done once each: for the guards that hold pages and channels to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.transaction import Channel
from core.unblinding.reading import read_treatment
from tests.support.world import Given, World

Do = Callable[..., dict[str, Any]]
BREAK: Given = {"reason": "medical_emergency"}


def lived_in(world: World) -> None:
    """Every deed and event of the blind."""
    number = world.randomized()
    world.do("code_break", "Ivy", subject=number, **BREAK)
    read_treatment(world.core, world.actor("Ivy"), "combi", subject=number, channel=Channel.WEB)


def live(world: World, do: Do) -> None:
    """The same through one channel, and what is refused there."""
    number = world.randomized()
    do("code_break", "Ada", subject=number, **BREAK)
    do("code_break", "Dan", subject=number, **BREAK)
    do("code_break", "Ivy", subject=number, reason="curious")
    do("code_break", "Ivy", subject=number, **BREAK)
    do("code_break", "Ivy", subject=number, reason="other", details="Once more")
