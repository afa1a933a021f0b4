"""The levels of a subject's factors: those randomized with, and those known to be right today."""

from __future__ import annotations

import json
from typing import Any


def current_levels(found: Any) -> dict[str, str]:
    """Factor to level as known today, of a row of the subject table: the corrected one where there
    is one. Empty before randomization."""
    return {**randomized_levels(found), **corrected_levels(found)}


def randomized_levels(found: Any) -> dict[str, str]:
    """Factor to the level that the subject was randomized with."""
    levels: dict[str, str] = json.loads(found.levels) if found.levels else {}
    return levels


def corrected_levels(found: Any) -> dict[str, str]:
    """Factor to level, for those alone that are not as randomized."""
    levels: dict[str, str] = json.loads(found.corrected) if found.corrected else {}
    return levels
