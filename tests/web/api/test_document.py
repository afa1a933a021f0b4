"""The OpenAPI document: made of the register, and true of every request that can be made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import (
    FatalError,
    FuzzScenarioFinished,
    NonFatalError,
    ScenarioFinished,
)

from core.access import tokens
from core.register import transactions
from core.study.read import load
from core.transaction import Channel
from tests.support.api import Api, serving
from tests.support.studies import STUDIES
from tests.support.world import World
from tests.support.world_fixtures import copy_sqlite
from web.api import OPERATIONS, PREFIX
from web.api.deeds import questions_of
from web.api.schema import of_question

EXAMPLES = 3


def _config(token: str, study: str | None) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict({
        "headers": {"Authorization": f"Bearer {token}"},
        "seed": 1,
        "generation": {"max-examples": EXAMPLES, "deterministic": True},
        "checks": {
            # A form can't say what is on record: an answer of the right form may be a wrong one.
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "401", "403", "404", "409", "422"]
            }
        },
        "parameters": {"path.study": study} if study else {},
    })  # fmt: skip


@pytest.fixture(scope="module")
def api(sqlite_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    file = tmp_path_factory.mktemp("api") / "world.db"
    copy_sqlite(sqlite_world, file)
    world = World.at(f"sqlite:///{file}")
    world.dispense(world.randomized())
    yield Api(world)
    world.close()


@pytest.mark.parametrize("study", [None, "combi"])
def test_schemathesis_finds_nothing(api: Api, study: str | None) -> None:
    """Its examples, coverage, fuzzing and sequences of requests, under all its checks; in one study
    that there is, and what is read in studies that it makes up too."""
    found: dict[str, str] = {}
    statuses: Counter[int] = Counter()
    config = _config(_lasting_token(api.world), study)
    with serving(api.app) as url:
        described: Any = schemathesis.openapi.from_url(f"{url}{PREFIX}/openapi.json", config=config)
        if study is None:
            described = described.exclude(path_regex="/transactions/")
        for event in from_schema(described).execute():
            if isinstance(event, NonFatalError | FatalError):
                found[type(event).__name__] = repr(event)
            if isinstance(event, ScenarioFinished | FuzzScenarioFinished):
                made = event.recorder.interactions.values()
                statuses.update(one.response.status_code for one in made if one.response)
                found |= dict(_failures(event.recorder))
    assert found == {}, "\n".join(f"{name}: {told}" for name, told in found.items())
    assert statuses.total() > (10 * len(OPERATIONS) if study else 200)
    assert {200, 400, 401, 404, 405} <= set(statuses)
    assert study is None or {201, 403, 415, 422} <= set(statuses)
    assert not any(status >= 500 for status in statuses)


def _lasting_token(world: World) -> str:
    """A token of Ivy's among many, so that not just this one is revoked while it is in use."""
    made = [
        tokens.make(world.core, world.actor("Ivy"), "one of many", 30, channel=Channel.COMMAND)
        for _ in range(50)
    ]
    return made[5][1]


def _failures(recorder: Any) -> Iterator[tuple[str, str]]:
    for checks in recorder.checks.values():
        for check in checks:
            if check.failure_info is not None:
                told = check.failure_info
                yield f"{recorder.label} {check.name}", f"{told.failure.message} {told.code_sample}"


def test_the_document_is_for_everyone(api: Api) -> None:
    found = api.ask(None, "/openapi.json")
    assert (found.status_code, found.content_type) == (200, "application/json")
    assert found.get_json()["openapi"].startswith("3.1.")


def test_every_transaction_of_the_api_is_in_the_document(api: Api) -> None:
    paths = api.ask(None, "/openapi.json").get_json()["paths"]
    for transaction in transactions():
        here = f"/studies/{{study}}/transactions/{transaction.name}"
        assert (here in paths) == (Channel.API in transaction.channels), transaction.name
        assert (f"{here}/check" in paths) == (here in paths)


def test_the_answers_are_the_questions_of_every_study() -> None:
    for source in STUDIES.values():
        config = load(source)
        factors = {factor.name for factor in config.asked_factors}
        for transaction in transactions():
            known = questions_of(transaction)
            for question in transaction.questions(config):
                if question.name not in factors:
                    assert known[question.name] == of_question(question), transaction.name


def test_each_operation_has_a_name_of_its_own() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)
