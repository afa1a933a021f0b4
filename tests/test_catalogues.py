"""Every message has its words, in every language, with the same parameters; none is left over."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import core
import prompts
from core.errors import IxrsError
from core.interview import words
from core.register import transactions
from core.study.read import load
from core.subjects import status
from core.subjects.end import ENDS
from core.subjects.visits import WITHOUT_DRUG_REASONS
from core.supply.dispense import REPLACE_REASONS
from core.supply.receive import CONDITIONS, LOGGERS
from core.text import Catalogue
from core.transaction import Channel
from ivr.twiml import _VOICES
from tests.support.studies import STUDIES

ROOT = Path(__file__).parents[1]
_ID = re.compile(r"(?P<prefix>[a-z]+)\.[a-z_]+")
# Texts of channels with a screen or a file, which nobody hears on the telephone.
_NOT_SPOKEN = re.compile(
    r"sms\..*|study\..*|outbox\..*|said\.(import_.*|publish|send_code)|error\.(import_.*|password_.*"
    r"|study_.*|other_study|same_version|already_set_up|file_empty|no_example)"
)


def _python(*folders: str) -> Iterator[ast.AST]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ast.parse(path.read_text(encoding="utf-8"))


def _constants(*folders: str) -> Iterator[str]:
    for tree in _python(*folders):
        inside = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or id(node) in inside:
                continue
            if isinstance(node.value, str) and _ID.fullmatch(node.value):
                yield node.value


def _patterns(*folders: str) -> Iterator[re.Pattern[str]]:
    """The f-strings that could be message ids, as patterns of the ids that they make."""
    for tree in _python(*folders):
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(part.value)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                    else ".+"
                    for part in node.values
                ]
                if re.match(r"[a-z]+\\\.", parts[0]):
                    yield re.compile("".join(parts))


def _made() -> Iterator[str]:
    """Ids that are put together at run time: of transactions, questions, errors and choices."""
    for module in pkgutil.walk_packages(core.__path__, "core."):
        if "__main__" not in module.name and ".migrations" not in module.name:
            importlib.import_module(module.name)
    yield from (f"error.{kind.code}" for kind in _subclasses(IxrsError))
    spoken = [one for one in transactions() if Channel.PHONE in one.channels]
    for transaction in spoken:
        for prefix in ("menu", "deed", "meaning"):
            yield f"{prefix}.{transaction.name}"
    for source in STUDIES.values():
        for transaction in spoken:
            for question in transaction.questions(load(source)):
                for prefix in ("ask", "read"):
                    if prefix != "read" or question.kind != "pin":
                        yield words(prefix, question).id
    for stem, values in {
        "choice.replace": REPLACE_REASONS,
        "choice.condition": CONDITIONS,
        "choice.logger": LOGGERS,
        "choice.end": ENDS,
        "choice.without_drug": WITHOUT_DRUG_REASONS,
        "word.site": ("pending", "active", "paused", "closed"),
        "word.shipment": ("requested", "in_transit", "received"),
    }.items():
        yield from (f"{stem}_{value}" for value in values)
    states = (status.SCREENED, status.SCREEN_FAILED, status.RANDOMIZED, status.DISCONTINUED)
    yield from (status.status_words(one).id for one in (*states, *status.ENDED))


def _subclasses(kind: type[IxrsError]) -> Iterator[type[IxrsError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _subclasses(child)


@pytest.fixture(scope="module")
def spoken() -> Catalogue:
    return prompts.catalogue()


def test_everything_that_can_be_said_has_words_in_each_language(spoken: Catalogue) -> None:
    prefixes = {id_.partition(".")[0] for id_ in spoken.ids("en") if "." in id_}
    used = {id_ for id_ in _constants("core", "ivr") if id_.partition(".")[0] in prefixes}
    needed = {id_ for id_ in used | set(_made()) if not _NOT_SPOKEN.fullmatch(id_)}
    missing = {lang: sorted(needed - spoken.ids(lang)) for lang in spoken.languages}
    assert missing == {lang: [] for lang in spoken.languages}


def test_nothing_is_left_over(spoken: Catalogue) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "ivr").rglob("*.py"))
    patterns = list(_patterns("core", "ivr"))
    known = set(_constants("core", "ivr")) | set(_made())
    unused = [
        id_
        for id_ in sorted(spoken.ids("en") - known)
        if f'"{id_}"' not in text and not any(one.fullmatch(id_) for one in patterns)
    ]
    assert unused == []


def test_languages_have_the_same_texts_with_the_same_parameters(spoken: Catalogue) -> None:
    first, *others = spoken.languages
    for language in others:
        assert spoken.ids(language) == spoken.ids(first)
        differ = [
            id_
            for id_ in spoken.ids(first)
            if spoken.names(id_, language) != spoken.names(id_, first)
        ]
        assert differ == []


def test_each_spoken_language_has_a_voice_that_speaks_it(spoken: Catalogue) -> None:
    assert set(spoken.languages) <= set(_VOICES)
