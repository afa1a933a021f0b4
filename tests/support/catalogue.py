"""Which message ids the code can make: read from its source, and from its closed sets."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from core.access.locking import LOCK_REASONS
from core.access.mobile import IDENTITY
from core.access.review import VERDICTS as ACCESS_VERDICTS
from core.access.roles import ROLES
from core.errors import IxrsError
from core.interview import words
from core.records.close_out import POINTS
from core.records.subjects import ENTRIES as OF_A_SUBJECT
from core.records.subjects import UNDONE
from core.records.supply import ENTRIES as OF_SUPPLY
from core.study.read import load
from core.subjects import status
from core.subjects.cohorts import DECISIONS
from core.subjects.corrections import CORRECTION_REASONS
from core.subjects.doses import DOSE_REASONS
from core.subjects.end import ENDS
from core.subjects.holds import SCOPES, STOPS
from core.subjects.in_error import IN_ERROR_REASONS
from core.subjects.visits import WITHOUT_DRUG_REASONS
from core.supply.chosen import WAYS
from core.supply.destruction import METHODS
from core.supply.lifecycle import SHIPMENT_STATES, STATES
from core.supply.ordering import TOLD
from core.supply.quality import EVENTS, VERDICTS
from core.supply.receive import CONDITIONS, LOGGERS
from core.supply.replace import REPLACE_REASONS
from core.transaction import Kind, Transaction
from core.unblinding.code_view import VIEW_REASONS
from core.unblinding.common import BREAK_REASONS
from core.unblinding.failures import WHY
from core.unblinding.for_caller import DECLINED, POSITIONS
from core.unblinding.planned import PURPOSES
from tests.support.studies import STUDIES

ROOT = Path(__file__).parents[2]
ID = re.compile(r"[a-z]+(\.[a-z_]+)+")
_UNREAD = (Kind.PIN, Kind.PASSWORD, Kind.FILE)
_STATES = (status.SCREENED, status.SCREEN_FAILED, status.RANDOMIZED, status.DISCONTINUED)
CLOSED = {
    "choice.lock": LOCK_REASONS,
    "choice.identity": IDENTITY,
    "choice.access": ACCESS_VERDICTS,
    "choice.replace": REPLACE_REASONS,
    "choice.condition": CONDITIONS,
    "choice.logger": LOGGERS,
    "choice.end": ENDS,
    "choice.without_drug": WITHOUT_DRUG_REASONS,
    "choice.cohort": DECISIONS,
    "choice.correction": CORRECTION_REASONS,
    "choice.entry": (*OF_A_SUBJECT, *OF_SUPPLY),
    "choice.destroyed": METHODS,
    "warn.open": POINTS,
    "word.visit": UNDONE,
    "choice.because": DOSE_REASONS,
    "choice.in_error": IN_ERROR_REASONS,
    "choice.break": BREAK_REASONS,
    "choice.purpose": PURPOSES,
    "choice.view": VIEW_REASONS,
    "choice.position": POSITIONS,
    "choice.declined": DECLINED,
    "said.unblinded": PURPOSES,
    "sms.unblinded": PURPOSES,
    "word.break_failed": WHY,
    "choice.hold": SCOPES,
    "word.held": STOPS,
    "sms.held": STOPS,
    "choice.chosen": WAYS,
    "choice.event": EVENTS,
    "choice.verdict": VERDICTS,
    "sms.depot": TOLD,
    "mail.depot": TOLD,
    "error.kit_is": STATES,
    "word.site": ("pending", "active", "paused", "closed"),
    "word.shipment": SHIPMENT_STATES,
    "word.status": (*_STATES, *status.ENDED),
    "word.role": tuple(ROLES),
}
"""What may follow a stem and "_"."""


@dataclass(frozen=True)
class Made:
    """A message as it is made at a place in the source; `params` None where they aren't told."""

    place: str
    id: str
    params: frozenset[str] | None


@cache
def _trees(folder: str) -> tuple[tuple[str, ast.Module], ...]:
    return tuple(
        (str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted((ROOT / folder).rglob("*.py"))
    )


def nodes(*folders: str) -> Iterator[tuple[str, ast.AST]]:
    """Every node of the source in these folders, with its file."""
    for folder in folders:
        for path, tree in _trees(folder):
            for node in ast.walk(tree):
                yield path, node


def constants(*folders: str) -> Iterator[str]:
    """The texts that could be message ids, parts of f-strings left out."""
    found = list(nodes(*folders))
    strings = [node for _, node in found if isinstance(node, ast.JoinedStr)]
    inside = {id(part) for node in strings for part in node.values}
    for _, node in found:
        if not isinstance(node, ast.Constant) or id(node) in inside:
            continue
        if isinstance(node.value, str) and ID.fullmatch(node.value):
            yield node.value


def patterns(*folders: str) -> Iterator[re.Pattern[str]]:
    """The f-strings that could be message ids, as patterns of the ids that they make."""
    for _, node in nodes(*folders):
        if isinstance(node, ast.JoinedStr):
            parts = [
                re.escape(part.value)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
                else ".+"
                for part in node.values
            ]
            if re.match(r"[a-z]+\\\.", parts[0]):
                yield re.compile("".join(parts))


def calls(name: str, *folders: str) -> Iterator[tuple[str, ast.Call, ast.AST]]:
    """Each call of a function or class: file and line, the call, what it stands in."""
    for folder in folders:
        for path, node, scope in _all_calls(folder):
            if _is(node.func, name):
                yield f"{path}:{node.lineno}", node, scope


@cache
def _all_calls(folder: str) -> tuple[tuple[str, ast.Call, ast.AST], ...]:
    """Every call there, with its file and what it stands in; looked for once."""
    return tuple(
        (path, node, scope)
        for path, tree in _trees(folder)
        for scope in _scopes(tree)
        for node in _own(scope)
        if isinstance(node, ast.Call)
    )


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, those of functions inside it left out."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _own(child)


def messages(*folders: str) -> Iterator[Made]:
    """The messages made with their id, or a choice of two, written out."""
    for place, call, scope in calls("Message", *folders):
        params = _keys(call.args[1], scope) if len(call.args) > 1 else frozenset[str]()
        for id_ in written(call.args[0], scope):
            yield Made(place, id_, params)


def written(node: ast.AST, scope: ast.AST) -> tuple[str, ...]:
    """The texts that an expression may be, as far as they are written out."""
    match node:
        case ast.Constant(value=str() as text):
            return (text,)
        case ast.IfExp():
            return (*written(node.body, scope), *written(node.orelse, scope))
        case ast.Name():
            return tuple(t for value in _assigned(node.id, scope) for t in written(value, scope))
    return ()


def _assigned(name: str, scope: ast.AST) -> list[ast.AST]:
    found: list[ast.AST] = []
    for node in _own(scope):
        if isinstance(node, ast.Assign) and any(_is(one, name) for one in node.targets):
            found.append(node.value)
        if isinstance(node, ast.AnnAssign) and node.value and _is(node.target, name):
            found.append(node.value)
    return found


def _added(name: str, scope: ast.AST) -> Iterator[str]:
    """The keys put into a dict later on, under a condition perhaps."""
    for node in _own(scope):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Subscript) and _is(target.value, name):
                yield from written(target.slice, scope)


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _keys(node: ast.AST, scope: ast.AST) -> frozenset[str] | None:
    """The keys of a dict that is written out here or in the same function; None if unknown."""
    if isinstance(node, ast.Name):
        values = _assigned(node.id, scope)
        keys = _keys(values[0], scope) if len(values) == 1 else None
        return None if keys is None else keys | frozenset(_added(node.id, scope))
    if not isinstance(node, ast.Dict):
        return None
    given: set[str] = set()
    for key, value in zip(node.keys, node.values, strict=True):
        inner = _keys(value, scope) if key is None else frozenset(written(key, scope))
        if not inner:
            return None
        given |= inner
    return frozenset(given)


def error_kinds(*packages: ModuleType) -> Iterator[type[IxrsError]]:
    """Every class of error that the packages have."""
    for package in packages:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "__main__" not in module.name and ".migrations" not in module.name:
                importlib.import_module(module.name)
    yield from _subclasses(IxrsError)


def _subclasses(kind: type[IxrsError]) -> Iterator[type[IxrsError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _subclasses(child)


def asked(
    transactions: Iterable[Transaction], studies: Mapping[str, str] = STUDIES
) -> Iterator[str]:
    """Ids of the questions of these transactions, and of their lines in the read-back."""
    for source in studies.values():
        config = load(source)
        for transaction in transactions:
            for question in transaction.questions(config):
                yield words("ask", question).id
                if question.kind not in _UNREAD:
                    yield words("read", question).id


def closed() -> Iterator[str]:
    """Ids of choices and states."""
    for stem, values in CLOSED.items():
        yield from (f"{stem}_{value}" for value in values)
