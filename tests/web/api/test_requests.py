"""Requests that are none of the document's, and too many of them: problems, never pages."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import Unavailable
from tests.support.api import BYTES_MAX, PLENTY, Api, api_app
from tests.support.telephone import telephone_settings
from tests.support.world import TODAY, World, make_core
from web.api.limits import Buckets, Limits
from web.app import create_app

DO = "/studies/combi/transactions/screen"
KEY = {"Idempotency-Key": "k"}


@pytest.fixture
def api(quick_world: World) -> Api:
    return Api(quick_world)


def _problem(answer: Any, status: int, code: str) -> Any:
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    body = answer.get_json(force=True)
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"] == f"urn:ixrs:error:{code}"
    assert body["title"]
    assert body["detail"]
    assert not body["detail"].startswith("(")
    return body


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ("", None),
        ("{", None),
        ("[1]", None),
        ("null", None),
        ('{"answers": {}, "answers": {}}', None),
        ('{"answers": {"consent_date": NaN}}', None),
        ("[" * 100_000, None),
        ("{}", "answers"),
        ('{"answers": []}', "answers"),
        ('{"answers": {}, "colour": 1}', "colour"),
        ('{"answers": {}, "site": 101}', "site"),
        ('{"answers": {}, "site": "1\\n"}', "site"),
        ('{"answers": {}, "signature": {}}', "signature.secret"),
        ('{"answers": {}, "signature": {"secret": ""}}', "signature.secret"),
    ],
)
def test_a_body_of_another_form_is_400(api: Api, data: str, field: str | None) -> None:
    answer = api.ask("Ada", DO, method="POST", data=data, content_type="application/json",
                     headers=KEY)  # fmt: skip
    assert _problem(answer, 400, "invalid_request").get("field") == field


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("consent_date", "20.11.2026"),
        ("consent_date", "20112026"),
        ("consent_date", 20112026),
        ("year_of_birth", "1961"),
        ("year_of_birth", 1961.5),
        ("year_of_birth", 10**30),
        ("rescreened", "no"),
        ("rescreened", None),
        ("previous_subject", " 101001"),
        ("previous_subject", "\u0661"),
        ("colour", "red"),
        ("colour", "\u0000"),
        ("colour", "\ud800"),
        ("colour", {"a": []}),
    ],
)
def test_an_answer_of_another_form_is_named(api: Api, name: str, value: Any) -> None:
    answers: dict[str, Any] = {
        "consent_date": TODAY,
        "year_of_birth": 1961,
        "rescreened": name != "colour",
    }
    answer = api.do("screen", "Ada", **{**answers, "rescreened": False, name: value})
    body = _problem(answer, 422, "invalid_input")
    assert body["field"] == name
    assert body["errors"][0] == {"field": name, "detail": body["detail"]}


def test_every_error_of_a_file_is_told(api: Api) -> None:
    file = "lot,kit_type,expiry,countries\n1,A,never,US\n2,Z,2028-01,US"
    body = _problem(api.do("import_lots", "Sam", file=file), 422, "invalid_input")
    assert len(body["errors"]) == 2
    assert all(one["field"] == "file" for one in body["errors"])


def test_a_new_pin_is_never_taken_as_one_kept_before(api: Api) -> None:
    answer = api.do("change_pin", "Ada", new_pin="kept:AAAA")
    assert _problem(answer, 422, "invalid_input")["field"] == "new_pin"


def test_only_json_is_read(api: Api) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = api.ask("Ada", DO, method="POST", data="{}", content_type=content_type,
                         headers=KEY)  # fmt: skip
        _problem(answer, 415, "unsupported_media_type")


def test_a_body_that_is_too_large_is_413(api: Api) -> None:
    answer = api.do("import_kits", "Sam", file="x" * BYTES_MAX)
    _problem(answer, 413, "too_large")


def test_another_method_is_405_and_says_which(api: Api) -> None:
    answer = api.ask("Ada", "/studies", method="DELETE")
    _problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/studies/combi/transactions/nothing", "/studies/", "//"]
)
def test_an_unknown_address_is_404(api: Api, path: str) -> None:
    _problem(api.ask("Ada", path, method="GET"), 404, "not_found")


def test_the_application_has_the_api_with_its_secure_headers(quick_world: World) -> None:
    telephone_settings(quick_world.core)
    client = create_app(quick_world.core).test_client()
    for path, status, code in (("/api/v1/me", 401, "not_authenticated"),
                               ("/api/v1/nothing", 404, "not_found")):  # fmt: skip
        answer = client.get(path, headers={"Accept": "text/html"})
        _problem(answer, status, code)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
    _problem(client.delete("/api/v1/me"), 405, "method_not_allowed")
    token = Api(quick_world).token("Ada")
    sent = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
    body: dict[str, Any] = {
        "answers": {"consent_date": TODAY, "year_of_birth": 1961, "rescreened": False}
    }
    assert client.post(f"/api/v1{DO}", json=body, headers=sent).status_code == 201
    assert client.get("/api/v1/nothing-else").mimetype == "application/problem+json"


def test_a_database_that_is_away_is_503(quick_world: World) -> None:
    token = Api(quick_world).token("Ada")
    away = World(make_core("postgresql://ixrs@127.0.0.1:1/none"))
    answer = (
        api_app(away).test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    )
    _problem(answer, 503, Unavailable.code)
    assert answer.headers["Retry-After"]
    away.close()


def test_what_goes_wrong_inside_says_nothing_of_itself(api: Api) -> None:
    number = api.world.screen()
    with api.world.core.writing() as db:
        db.exec_driver_sql("UPDATE subject SET levels = 'broken'")
    answer = api.get("Ada", f"/subjects/{number}")
    _problem(answer, 500, "internal_error")
    assert "broken" not in answer.text


class _Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_token_that_asks_too_often_waits(quick_world: World) -> None:
    time = _Time()
    api = Api(quick_world, Limits.of(3, PLENTY, time))
    first = api.ask("Ada", "/me")
    assert first.headers["RateLimit-Policy"] == '"default";q=3;w=60'
    assert first.headers["RateLimit"] == '"default";r=2;t=0'
    assert [api.ask("Ada", "/me").status_code for _ in range(3)] == [200, 200, 429]
    refused = api.ask("Ada", "/me")
    _problem(refused, 429, "rate_limited")
    assert refused.headers["Retry-After"] == "20"
    assert api.ask("Ivy", "/me").status_code == 200
    time.now = 20
    assert [api.ask("Ada", "/me").status_code for _ in range(2)] == [200, 429]


def test_an_address_that_guesses_tokens_waits_but_nobody_with_a_token_does(
    quick_world: World,
) -> None:
    time = _Time()
    api = Api(quick_world, Limits.of(PLENTY, 2, time))
    guess = {"Authorization": "Bearer ixrs_guess"}
    answers = [api.ask(None, "/me", headers=guess) for _ in range(3)]
    assert [one.status_code for one in answers] == [401, 401, 429]
    assert answers[2].headers["Retry-After"] == "30"
    assert api.ask("Ada", "/me").status_code == 200
    time.now = 30
    assert api.ask(None, "/me", headers=guess).status_code == 401


def test_the_buckets_of_many_addresses_are_not_kept_for_ever() -> None:
    time = _Time()
    buckets = Buckets(10, time)
    for number in range(30_000):
        time.now += 0.01
        buckets.take(str(number))
    assert len(buckets._levels) <= 10_001
