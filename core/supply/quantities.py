"""How many kits of which type go into one shipment.

Pure. In a blinded study whoever gets one kit alone, or kits of one type only, learns from the next
kit which are alike: all types of a blinded group go together, at least two kits, or none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from core.messages import Message
from core.study.schema import StudyConfig

KITS_MAX: Final = 9999
GROUP_KITS_MIN: Final = 2
_ITEM = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,15})\s*=\s*([0-9]{1,4})")


def read_quantities(config: StudyConfig, text: str) -> Mapping[str, int] | Message:
    """Kit type code to number of kits, of text like "A=4 B=6", each at least 1; or what is wrong
    with it."""
    found: dict[str, int] = {}
    known = {kit_type.code for kit_type in config.kit_types}
    for item in re.split(r"[,;\s]+", re.sub(r"\s*=\s*", "=", text.strip())):
        match = _ITEM.fullmatch(item)
        if match is None or not int(match[2]):
            return Message("error.quantities")
        if match[1] not in known:
            return Message("error.quantities_unknown", {"value": match[1]})
        if match[1] in found:
            return Message("error.quantities_twice", {"value": match[1]})
        found[match[1]] = int(match[2])
    return found


def of_each(config: StudyConfig, count: int) -> Mapping[str, int]:
    """So many kits of every type of the study."""
    return {kit_type.code: count for kit_type in config.kit_types}


def types_by_group(config: StudyConfig) -> Mapping[str, frozenset[str]]:
    """The blinded groups, and the codes of the kit types of each: they look alike."""
    found: dict[str, frozenset[str]] = {}
    for kit_type in config.kit_types:
        found[kit_type.group] = found.get(kit_type.group, frozenset()) | {kit_type.code}
    return found


def check_groups(config: StudyConfig, wanted: Mapping[str, int]) -> Message | None:
    """What is wrong with a shipment of so many kits of each type, or nothing: in a blinded study
    each group is there with all its types and at least two kits, or not at all."""
    if config.study.blinding == "open":
        return None
    sent = Counter(wanted)
    for group, codes in types_by_group(config).items():
        count = sum(sent[code] for code in codes)
        if count and (count < GROUP_KITS_MIN or not all(sent[code] for code in codes)):
            return Message("error.group_apart", {"group": group, "least": GROUP_KITS_MIN})
    return None
