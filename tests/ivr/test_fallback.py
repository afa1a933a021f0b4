"""The database fails in the middle of an emergency: the operators' numbers are known by heart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event
from sqlalchemy.exc import InterfaceError
from structlog.testing import capture_logs

from core import calls
from ivr.simulator.phone import Phone
from tests.support.demo_study import publish_demo
from tests.support.emergencies import CARD, OPERATOR, night_in_madrid, ring
from tests.support.telephone import HELPDESK, telephone
from tests.support.world import PEOPLE, PIN, World


@pytest.fixture(autouse=True)
def _plain_logs() -> Iterator[None]:
    """What is logged is kept as it is: drawing tracebacks takes seconds."""
    with capture_logs():
        yield


def cut(world: World, table: str = "") -> None:
    """From now on no statement reaches the database, or none about this table."""

    def fail(conn: object, cursor: object, statement: str, *_: object) -> None:
        if table in statement:
            raise InterfaceError("", {}, OSError("the database is gone"))

    event.listen(world.core.engine, "before_cursor_execute", fail)


@pytest.mark.req("R5")
@pytest.mark.parametrize("turns", [0, 1, 2])
def test_a_failure_in_an_emergency_puts_through_all_the_same(
    quick_world: World, turns: int
) -> None:
    phone = ring(quick_world)
    keys = [f"{PEOPLE['Dan']}#", PIN, "101001#"]
    for one in keys[:turns]:
        phone.press(one)
    cut(quick_world)
    said = phone.press(keys[turns])
    assert "help is on its way" in said
    assert phone.put_through == [OPERATOR]
    assert "Goodbye" in said  # the operator has answered, and that was that


@pytest.mark.req("R5")
def test_if_nobody_answers_then_either_the_card_is_told(quick_world: World) -> None:
    phone = ring(quick_world, answers={OPERATOR: "no-answer"})
    cut(quick_world)
    said = phone.press("0#")
    assert phone.put_through == [OPERATOR]
    assert CARD in said


@pytest.mark.req("R5")
def test_a_call_that_meets_the_outage_at_its_first_ring_is_put_through(
    quick_world: World,
) -> None:
    phone = ring(quick_world)
    phone.hang_up()
    cut(quick_world)
    phone.dial("unblinding")
    assert phone.put_through == [OPERATOR]


def test_a_process_that_has_never_seen_the_database_calls_the_help_desk(
    quick_world: World,
) -> None:
    phone = telephone(quick_world, to="+12025550151")
    cut(quick_world)
    phone.dial("unblinding")
    assert phone.put_through == [HELPDESK]


def test_on_the_main_line_an_outage_is_told_and_calls_nobody(quick_world: World) -> None:
    phone = telephone(quick_world)
    phone.dial()
    cut(quick_world)
    phone.press("1")
    assert not phone.put_through
    assert phone.ended


def test_nine_on_the_main_line_is_an_emergency_for_the_fallback_too(quick_world: World) -> None:
    phone = telephone(quick_world)
    phone.dial()
    phone.press("9")
    cut(quick_world)
    phone.press(f"{PEOPLE['Dan']}#")
    assert phone.put_through == [OPERATOR]


class Failing(dict[str, str]):
    """Nobody answers, and with the first ring the database is gone."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def get(self, number: str, *_: object) -> str:
        if not self:
            cut(self.world)
        self[number] = "no-answer"
        return self[number]


def test_an_outage_while_the_first_operator_rings_keeps_nobody_from_the_others(
    quick_world: World,
) -> None:
    demo = publish_demo(quick_world)
    phone = telephone(demo, to="+12025550111")
    phone.answers = Failing(demo)
    phone.dial("unblinding")
    said = phone.press("0#")
    day, night = "+12025550112", "+12025550113"
    assert phone.put_through == [day, day, night]
    assert "The sealed card is here" in said
    assert phone.ended


def elsewhere(phone: Phone, world: World) -> None:
    """The call goes on in another process, which has not heard what was said before."""
    phone.sender = telephone(world).sender


def test_an_emergency_that_goes_on_in_another_process_is_put_through_all_the_same(
    quick_world: World,
) -> None:
    phone = telephone(quick_world)
    phone.dial()
    phone.key(f"9 {PEOPLE['Dan']}#")
    elsewhere(phone, quick_world)
    cut(quick_world, "throttle")
    phone.press(PIN)
    assert phone.put_through == [HELPDESK]  # whose operators it is was never heard there


def test_a_process_that_meets_a_lost_emergency_call_first_looks_up_the_operators(
    quick_world: World,
) -> None:
    phone = ring(quick_world)
    quick_world.days_later(0.5)
    assert calls.sweep(quick_world.core) == 1
    elsewhere(phone, quick_world)
    phone.press("0#")
    assert phone.put_through == [OPERATOR]


def test_all_operators_ring_at_once_in_the_language_of_the_call(quick_world: World) -> None:
    demo = publish_demo(quick_world)
    night_in_madrid(demo)
    phone = telephone(demo, to="+12025550111")
    phone.dial("unblinding")
    phone.press(f"{PEOPLE['Dan']}#")
    phone.press(PIN)
    cut(demo)
    said = phone.press("301#")
    assert "enseguida recibirá ayuda" in said
    assert phone.put_through == ["+12025550112", "+12025550113"]
