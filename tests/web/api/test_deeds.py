"""Deeds by the API: once for each key, signed with the secret, asked as everywhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import text

from core.ledger.verify import verify
from tests.support.api import Api
from tests.support.world import OTHER_PIN, TODAY, World
from tests.support.world_fixtures import CopyWorld

SCREEN: dict[str, Any] = {"consent_date": TODAY, "year_of_birth": 1961, "rescreened": False}
COUNT = "SELECT count(*) FROM ledger WHERE study = :study"


@pytest.fixture
def api(quick_world: World) -> Api:
    return Api(quick_world)


def test_a_deed_gives_a_receipt_that_is_on_record(api: Api) -> None:
    answer = api.do("screen", "Ada", **SCREEN)
    assert answer.status_code == 201, answer.text
    receipt = answer.get_json()
    entry = api.world.entry(receipt["sequence"])
    assert (entry["channel"], entry["actor"], entry["subject"]) == ("api", "11", receipt["subject"])
    assert entry["confirmation"] == receipt["confirmation"]
    assert receipt["at"] == "2026-11-20T15:00:00+00:00"
    assert receipt["at_local"] == "2026-11-20T10:00:00-05:00"
    assert receipt["subject"] in receipt["said"]
    assert "Idempotency-Replayed" not in answer.headers


def test_the_site_may_be_left_out_by_who_has_only_one(api: Api) -> None:
    assert api.do("screen", "Ada", None, **SCREEN).get_json()["site"] == "101"
    whole = api.do("screen", "Mia", None, **SCREEN)
    assert (whole.status_code, whole.get_json()["field"]) == (422, "site")


def test_the_same_key_gives_the_same_receipt(api: Api) -> None:
    first = api.do("screen", "Ada", key="a", **SCREEN)
    before = api.world.one(COUNT)
    again = api.do("screen", "Ada", key="a", **SCREEN)
    assert again.status_code == 200
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_json() == {**first.get_json(), "replayed": True}
    assert api.world.one(COUNT) == before


def test_a_key_finds_its_receipt_when_its_answers_fit_no_more(api: Api) -> None:
    number = api.world.randomized()
    first = api.do("dispense", "Ada", key="a", subject=number, visit="V1")
    again = api.do("dispense", "Ada", key="a", subject=number, visit="V1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json()["confirmation"] == first.get_json()["confirmation"]


def test_a_refusal_is_repeated_for_its_key_and_recorded_once(api: Api) -> None:
    number = api.world.randomized()
    answers: dict[str, Any] = {"consent": True, "eligible": True, "sex": "F", "subject": number}
    refused = [api.do("randomize", "Ivy", key="a", **answers) for _ in range(2)]
    assert [(one.status_code, one.get_json()["code"]) for one in refused] == [
        (409, "already_randomized")
    ] * 2
    assert refused[0].get_json() == refused[1].get_json()
    query = f"{COUNT} AND outcome = 'refused' AND subject = :n"
    assert api.world.one(query, n=number) == 1


def test_a_key_with_other_answers_is_refused(api: Api) -> None:
    api.do("screen", "Ada", key="a", **SCREEN)
    before = api.world.dump()
    other = api.do("screen", "Ada", key="a", **{**SCREEN, "year_of_birth": 1970})
    assert (other.status_code, other.get_json()["code"]) == (422, "request_reused")
    assert api.world.dump() == before


def test_the_key_of_another_person_is_refused_and_tells_nothing(api: Api) -> None:
    first = api.do("screen", "Ada", key="a", **SCREEN).get_json()
    api.token("Ivy")
    before = api.world.dump()
    for answers in (SCREEN, {**SCREEN, "year_of_birth": 1970}):
        other = api.do("screen", "Ivy", key="a", **answers)
        assert (other.status_code, other.get_json()["code"]) == (422, "request_reused")
        assert first["confirmation"] not in other.text
        assert first["subject"] not in other.text
        assert "Ada" not in other.text
    assert api.do("screen", "Ada", key="a", **SCREEN).get_json()["replayed"]
    used = [("api_token", "used_at")]  # notes its use, no more
    assert _but(api.world.dump(), used) == _but(before, used)


def _but(dump: dict[str, Any], left_out: list[tuple[str, str]]) -> dict[str, Any]:
    return {name: rows for name, rows in dump.items() if name not in dict(left_out)}


def test_a_key_is_of_one_transaction_in_one_study(api: Api) -> None:
    assert api.do("screen", "Ada", key="a", **SCREEN).status_code == 201
    assert api.do("repeat", "Ivy", key="a").status_code != 422
    elsewhere = api.do("screen", "Ivy", key="a", study="drug", consent_date=TODAY)
    assert elsewhere.status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "k" * 101])
def test_a_key_is_1_to_100_printable_characters(api: Api, key: str) -> None:
    headers = {"Idempotency-Key": key}
    answer = api.do("screen", "Ada", headers=headers, **SCREEN)
    assert (answer.status_code, answer.get_json()["field"]) == (400, "Idempotency-Key")
    assert (
        api.do("screen", "Ada", headers={"Idempotency-Key": "k" * 100}, **SCREEN).status_code == 201
    )


def _at_once(world: World, people: list[str], key: str) -> list[Any]:
    api = Api(world)
    for who in people:
        api.token(who)
    start = Barrier(len(people))

    def send(who: str) -> Any:
        start.wait(timeout=60)
        return api.do("screen", who, key=key, **SCREEN)

    with ThreadPoolExecutor(len(people)) as pool:
        return list(pool.map(send, people))


@pytest.fixture
def crowded(copy_world: CopyWorld) -> Any:
    world = World.at(copy_world(), threads=20)
    yield world
    world.close()


def test_one_key_sent_twenty_times_at_once_does_one_deed(crowded: World) -> None:
    answers = _at_once(crowded, ["Ada"] * 20, "same")
    assert sorted(one.status_code for one in answers) == [200] * 19 + [201]
    told = [{**one.get_json(), "replayed": None} for one in answers]
    assert all(one == told[0] for one in told)
    assert crowded.one("SELECT count(*) FROM subject WHERE study = :study") == 1
    assert verify(crowded.core).ok


def test_one_key_of_many_people_at_once_is_the_key_of_one(crowded: World) -> None:
    answers = _at_once(crowded, ["Ada", "Ivy", "Pat"] * 6, "same")
    assert crowded.one("SELECT count(*) FROM subject WHERE study = :study") == 1
    codes = [one.get_json().get("code") for one in answers]
    assert codes.count("request_reused") == 12
    assert codes.count(None) == 6
    assert verify(crowded.core).ok


@pytest.mark.req("R19")
def test_a_signed_deed_takes_the_secret(api: Api) -> None:
    answers: dict[str, Any] = {"to_site": "101", "approval_date": TODAY}
    missing = api.do("pause_site", "Mia", signed=None, **answers)
    assert (missing.status_code, missing.get_json()["code"]) == (403, "signature_missing")
    wrong = api.do("pause_site", "Mia", key="s", signed=OTHER_PIN, **answers)
    assert (wrong.status_code, wrong.get_json()["code"]) == (401, "not_authenticated")
    right = api.do("pause_site", "Mia", key="s", **answers)
    assert right.status_code == 201
    (signed,) = api.world.entry(right.get_json()["sequence"])["signatures"]
    assert (signed["user_id"], signed["meaning"], signed["method"]) == ("2", "pause_site", "PIN")


def test_wrong_secrets_of_signatures_lock_as_everywhere(api: Api) -> None:
    answers: dict[str, Any] = {"to_site": "101", "approval_date": TODAY}
    codes = [
        api.do("pause_site", "Mia", signed=OTHER_PIN, **answers).get_json()["code"]
        for _ in range(6)
    ]
    assert codes[:5] == ["not_authenticated"] * 5
    assert codes[5] in ("locked_out", "must_wait")


def _check(api: Api, who: str, name: str, **answers: Any) -> Any:
    path = f"/studies/{api.world.study}/transactions/{name}/check"
    return api.ask(who, path, method="POST", json={"site": "101", "answers": answers}).get_json()


def test_the_questions_can_be_walked_one_by_one(api: Api) -> None:
    number = api.world.screen()
    api.token("Ivy")
    before = api.world.dump()
    answers: dict[str, Any] = {}
    values = {"subject": number, "consent": True, "eligible": True, "sex": "M"}
    for name, value in values.items():
        asked = _check(api, "Ivy", "randomize", **answers)
        assert (asked["status"], asked["question"]["name"]) == ("ask", name)
        answers[name] = value
    assert [one["value"] for one in asked["question"]["choices"]] == ["F", "M"]
    assert asked["question"]["choices"][0]["label"] == "Female"
    whole = _check(api, "Ivy", "randomize", **answers)
    assert (whole["status"], whole["signed"], len(whole["read_back"])) == ("complete", False, 4)
    wrong = _check(api, "Ivy", "randomize", **{**answers, "sex": "X"})
    assert (wrong["status"], wrong["field"]) == ("wrong", "sex")
    after = api.world.dump()
    assert _but(after, [("api_token", "")]) == _but(before, [("api_token", "")])


def test_the_check_warns_of_a_visit_out_of_its_window(api: Api) -> None:
    number = api.world.randomized()
    api.world.days_later(9)
    told = _check(api, "Ada", "dispense", subject=number, visit="V1")
    assert told["status"] == "complete"
    assert len(told["warnings"]) == 1


def test_what_one_may_do_is_listed_with_its_questions(api: Api) -> None:
    here = api.get("Ada", "/transactions", site="101").get_json()["items"]
    offered = {one["name"]: one for one in here}
    assert {"screen", "randomize", "dispense", "repeat"} <= set(offered)
    assert not {"publish", "create_shipment"} & set(offered)
    assert offered["change_pin"]["signed"] is True
    questions = {one["name"]: one for one in offered["screen"]["questions"]}
    assert questions["year_of_birth"]["schema"]["type"] == "integer"
    monitor = api.get("Cy", "/transactions", site="101").get_json()["items"]
    assert {one["name"] for one in monitor} == {
        "approve",
        "repeat",
        "change_pin",
        "verify_kits",
        *("assess_break", "review_audit", "close_out_site", "change_password", "change_mobile"),
    }
    assert api.get("Ada", "/transactions", site="102").status_code == 404


def test_an_open_study_tells_the_treatment_to_the_one_who_randomized(api: Api) -> None:
    solo = Api(api.world.of("solo"))
    answers: dict[str, Any] = {"consent": True, "eligible": True, "sex": "F"}
    told = solo.do("randomize", "Ivy", key="t", **answers).get_json()
    assert told["treatment"] in ("Active", "Placebo")
    assert (
        solo.do("randomize", "Ivy", key="t", **answers).get_json()["treatment"] == told["treatment"]
    )


def test_words_come_in_the_language_asked_for_or_else_the_owners(api: Api) -> None:
    english = api.do("repeat", "Cy")
    spanish = api.do("repeat", "Cy", headers={"Accept-Language": "es-MX, en;q=0.5"})
    assert english.headers["Content-Language"] == "en"
    assert spanish.headers["Content-Language"] == "es"
    assert english.get_json()["code"] == spanish.get_json()["code"] == "nothing_to_repeat"
    assert english.get_json()["detail"] != spanish.get_json()["detail"]
    with api.world.core.writing() as db:
        db.execute(text("UPDATE person SET language = 'es' WHERE user_id = '14'"))
    assert api.do("repeat", "Cy").get_json()["detail"] == spanish.get_json()["detail"]
