"""What concerns the blind reaches people by e-mail too: the same words, in their language, and
never a treatment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import update

from core.db.models import person
from tests.support.unblinding import BREAK, join
from tests.support.world import PEOPLE, World
from tests.web.test_mail_out import Server, mails, use
from web.mail_out import MailCourier


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.mark.req("R3")
def test_sponsor_monitor_safety_and_site_get_a_letter_without_a_treatment(
    quick_world: World, server: Server
) -> None:
    number = join(quick_world).randomized()
    use(quick_world, server.url)
    done = quick_world.do("code_break", "Ivy", subject=number, **BREAK)
    courier = MailCourier(quick_world.core)
    assert courier.deliver_due() == 1
    courier.deliver_due()
    told = {to[0] for to in server.to}
    assert told == {f"{who}@example.org" for who in ("ada", "ivy", "cy", "mia", "saf")}
    for mail in server.taken:
        text = mail.get_content()
        assert number in text
        assert done.confirmation in text
        assert "https://ixrs.example.org" in text
        whole = mail.as_string().lower()
        assert "placebo" not in whole
        assert "active" not in whole
    assert {status for status, _ in mails(quick_world)} == {"spread", "sent"}


def test_a_letter_is_in_the_language_of_its_reader(quick_world: World, server: Server) -> None:
    number = join(quick_world).randomized()
    with quick_world.core.writing() as db:
        hers = update(person).where(person.c.user_id == PEOPLE["Saf"])
        db.execute(hers.values(language="es"))
    use(quick_world, server.url)
    quick_world.do("code_break", "Ivy", subject=number, **BREAK)
    courier = MailCourier(quick_world.core)
    courier.deliver_due()
    courier.deliver_due()
    (mine,) = (mail for mail in server.taken if mail["To"] == "saf@example.org")
    assert "un aviso para usted" in mine["Subject"]
    assert "codigo del sujeto" in mine.get_content()


def test_who_has_no_address_is_left_out_and_nobody_is_told_of_an_order(
    quick_world: World, server: Server
) -> None:
    use(quick_world, server.url)
    server.refusal = "550 nobody here"
    number = join(quick_world).randomized()
    quick_world.do("code_break", "Ivy", subject=number, **BREAK)
    courier = MailCourier(quick_world.core)
    courier.deliver_due()
    courier.deliver_due()
    assert ("failed", "550") in mails(quick_world)
    assert "sms.order_not_mailed" not in {id_ for id_, _, _ in quick_world.messages()}


def test_without_a_mail_server_nothing_waits_for_one(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.do("code_break", "Ivy", subject=number, **BREAK)
    assert mails(quick_world) == []
