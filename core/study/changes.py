"""Sentences about one value that changed, and the words for values of the study file.

A value that two versions both have is told by how it changed ("rises from 20 to 30"), one that only
the new version has as new, one that only the old version had as removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from core.messages import Labels, Message, Param
from core.study.conduct import StratumCap
from core.study.randomization import Section
from core.study.schema import Visit

T = TypeVar("T")


def what(id_: str, **params: Param) -> Message:
    """What a sentence is about; `id_` without its "study.what."."""
    return Message(f"study.what.{id_}", params)


def word(id_: str, **params: Param) -> Message:
    """A value in words; `id_` without its "study.value."."""
    return Message(f"study.value.{id_}", params)


def changed(subject: Message, old: Any, new: Any) -> Iterator[Message]:
    """The sentence for one value, None standing for "not given"; nothing if it is the same."""
    if old == new:
        return
    params: dict[str, Param] = {"what": subject}
    if old is not None:
        params["old"] = shown(old)
    if new is not None:
        params["new"] = shown(new)
    if old is None:
        yield Message("study.diff.new", params)
    elif new is None:
        yield Message("study.diff.removed", params)
    elif _is_number(old) and _is_number(new):
        yield Message("study.diff.rises" if new > old else "study.diff.falls", params)
    else:
        yield Message("study.diff.changes", params)


def changed_map(
    subject: Callable[[str], Message], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Message]:
    """A sentence for each key whose value changed."""
    for key in dict.fromkeys((*old, *new)):
        yield from changed(subject(key), old.get(key), new.get(key))


def changed_fields(
    subjects: Mapping[str, Message], old: Section, new: Section
) -> Iterator[Message]:
    """A sentence for each of these fields that changed."""
    for field, subject in subjects.items():
        yield from changed(subject, _given(getattr(old, field)), _given(getattr(new, field)))


def changed_named(names: str, old: Section, new: Section) -> Iterator[Message]:
    """A sentence for each of these fields that changed, which have subjects of the same names."""
    yield from changed_fields({name: what(name) for name in names.split()}, old, new)


def keyed(items: Sequence[T], key: Callable[[T], str]) -> dict[str, T]:
    """The items by their code, name or value."""
    return {key(item): item for item in items}


def shown(value: Any) -> Param:
    """A value of the file as a parameter of a message."""
    match value:
        case bool():
            return word("yes" if value else "no")
        case Fraction():
            return _decimal(value)
        case frozenset():
            return ", ".join(sorted(value)) or word("none")
        case Visit():
            return _visit(value)
        case tuple():
            return ", ".join(str(shown(item)) for item in value) or word("none")
        case Mapping():
            return Labels.of(value) if value else word("none")
        case int() | str() | Labels() | Message():
            return value
    raise TypeError(f"no words for a {type(value).__name__}")


def written(value: Any) -> Any:
    """A table of the file, or a list of tables, as one text; None where it is not given."""
    if isinstance(value, Section):
        given = {name: getattr(value, name) for name in sorted(value.model_fields_set)}
        return written(given)
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {written(item)}" for key, item in value.items()) or None
    if isinstance(value, tuple):
        return ", ".join(str(written(item)) for item in value) or None
    return _decimal(value) if isinstance(value, Fraction) else value


def stratum(cap: StratumCap) -> str:
    """The levels of a stratum's cap as one text."""
    return ", ".join(f"{name} {value}" for name, value in sorted(cap.levels.items()))


def _visit(visit: Visit) -> Message:
    window = word("window", day=visit.day, before=visit.before, after=visit.after)
    return window if visit.window == "soft" else word("hard", window=window)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def _given(value: Any) -> Any:
    return None if value == () or value == frozenset() else value


def _decimal(value: Fraction) -> str:
    """4/5 as 0.8 where the decimals end within twelve places, 2/3 as 2/3; never through a float."""
    scaled = value * 10**12
    if scaled.denominator != 1 or abs(scaled) >= 10**28:  # a Decimal's own precision
        return str(value)
    return f"{Decimal(scaled.numerator).scaleb(-12).normalize():f}"
