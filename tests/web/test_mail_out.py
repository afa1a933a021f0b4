"""Orders by e-mail, over SMTP to a real server: sent once, tried again, given up, no longer
wanted."""

from __future__ import annotations

import asyncio
import dataclasses
import email
import json
import socket
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default as modern
from typing import cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from core.supply.reminders import remind_due
from ivr.sms_out import Courier
from tests.support.studies import COMBI
from tests.support.world import Given, World
from web import background
from web.mail_out import MailCourier

ADDRESS = "orders@depot.example"
AT_900 = 'code = "900"\nname = "Depot"\n'
MAILED = COMBI.replace(AT_900, f'{AT_900}email = "{ADDRESS}"\nacknowledge_hours = 12\n')


class Server:
    """A mail server: keeps what it takes, or answers with `refusal`."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.refusal: str | None = None
        self.dies = False
        with socket.socket() as free:  # the library asks for a port of its own at 0
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=port)
        self.url = f"smtp://127.0.0.1:{port}"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A recipient is named."""
        if self.refusal is not None:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """A message has come; where it `dies`, nobody hears whether it was taken."""
        self.taken.append(email.message_from_bytes(cast("bytes", envelope.content), policy=modern))
        self.to.append(list(envelope.rcpt_tos))
        if self.dies:
            cast("asyncio.Transport", server.transport).abort()
        return "250 OK"

    def __enter__(self) -> Server:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def mailing(quick_world: World, server: Server) -> World:
    """A world with a mail server, whose depot has an e-mail address."""
    quick_world.do("publish", "Mia", file=MAILED)
    use(quick_world, server.url)
    return quick_world


def use(world: World, url: str) -> None:
    """Mail of this world goes to that server."""
    world.core.settings = dataclasses.replace(
        world.core.settings,
        smtp_url=url,
        mail_from="ixrs@sponsor.example",
        public_url="https://ixrs.example.org",
    )


def order(world: World) -> str:
    """An order of two kits; returns its number."""
    answers: Given = {"to_site": "101", "kits_each": "1"}
    return str(world.do("create_shipment", "Sam", **answers).facts["shipment"])


def mails(world: World) -> list[tuple[str, str | None]]:
    """Status and error of each e-mail of the outbox, oldest first."""
    query = "SELECT status, error FROM outbox WHERE by = 'email' ORDER BY id"
    return [tuple(row) for row in world.rows(query.replace(" by ", ' "by" '))]


def files(mail: EmailMessage) -> dict[str | None, bytes]:
    """The attachments by name."""
    return {
        part.get_filename(): cast("bytes", part.get_payload(decode=True))
        for part in mail.iter_attachments()
    }


def test_an_order_is_mailed_to_its_depot_with_both_files(mailing: World, server: Server) -> None:
    number = order(mailing)
    assert MailCourier(mailing.core).deliver_due() == 1
    (mail,) = server.taken
    assert server.to == [[ADDRESS]]
    assert (mail["To"], mail["From"]) == (ADDRESS, "ixrs@sponsor.example")
    assert mail["Subject"] == f"IxRS combi: order {number} for depot 900"
    body = cast("EmailMessage", mail.get_body()).get_content()
    assert f"https://ixrs.example.org/shipments/{number}" in body
    attached = files(mail)
    assert set(attached) == {f"order-{number}.csv", f"order-{number}.json"}
    order_of = json.loads(attached[f"order-{number}.json"])
    assert (order_of["order"], len(order_of["kits"])) == (number, 2)
    assert attached[f"order-{number}.csv"].count(b"\r\n") == 3
    assert mails(mailing) == [("sent", None)]
    assert MailCourier(mailing.core).deliver_due() == 0


def test_an_e_mail_names_no_kit_type(mailing: World, server: Server) -> None:
    order(mailing)
    MailCourier(mailing.core).deliver_due()
    (mail,) = server.taken
    body = cast("EmailMessage", mail.get_body()).get_content().encode()
    for content in (body, *files(mail).values()):
        assert not [word for word in (b"Active", b"Placebo", b"kit_type") if word in content]


def test_it_is_repeated_until_it_is_acknowledged(mailing: World, server: Server) -> None:
    number = order(mailing)
    courier = MailCourier(mailing.core)
    courier.deliver_due()
    mailing.days_later(0.5)
    assert remind_due(mailing.core) == 1
    assert courier.deliver_due() == 1
    assert "not acknowledged" in server.taken[-1]["Subject"]
    assert set(files(server.taken[-1])) == {f"order-{number}.csv", f"order-{number}.json"}
    mailing.do("acknowledge_shipment", "Sam", shipment=number)
    mailing.days_later(0.5)
    assert (remind_due(mailing.core), courier.deliver_due()) == (0, 0)
    assert len(server.taken) == 2


def test_an_order_called_off_before_it_was_sent_is_not_sent(mailing: World, server: Server) -> None:
    number = order(mailing)
    mailing.do("cancel_shipment", "Sam", shipment=number, reason="Not needed")
    MailCourier(mailing.core).deliver_due()
    assert mails(mailing) == [("failed", "no_longer_wanted"), ("sent", None)]
    (mail,) = server.taken
    assert "called off" in mail["Subject"]
    assert files(mail) == {}


def test_what_the_server_puts_off_is_tried_again(mailing: World, server: Server) -> None:
    order(mailing)
    server.refusal = "451 try again"
    courier = MailCourier(mailing.core)
    courier.deliver_due()
    assert mails(mailing) == [("queued", "451")]
    assert courier.deliver_due() == 0  # not at once
    server.refusal = None
    mailing.days_later(0.01)
    assert courier.deliver_due() == 1
    assert mails(mailing)[0][0] == "sent"
    assert len(server.taken) == 1


def test_what_the_server_refuses_is_told_to_supply(mailing: World, server: Server) -> None:
    order(mailing)
    server.refusal = "550 no such box"
    before = len(mailing.messages())
    MailCourier(mailing.core).deliver_due()
    assert mails(mailing) == [("failed", "550")]
    assert mailing.messages()[before:] == [("sms.order_not_mailed", None, "supply_manager")]


def test_a_server_that_is_not_there_is_waited_for_and_then_given_up(
    mailing: World, server: Server
) -> None:
    order(mailing)
    use(mailing, "smtp://127.0.0.1:1")
    courier = MailCourier(mailing.core)
    courier.deliver_due()
    assert mails(mailing) == [("queued", "ConnectionRefusedError")]
    mailing.days_later(3)
    courier.deliver_due()
    assert mails(mailing) == [("failed", "ConnectionRefusedError")]
    assert "sms.order_not_mailed" in {id_ for id_, _, _ in mailing.messages()}


def test_what_may_have_arrived_is_not_sent_again(mailing: World, server: Server) -> None:
    order(mailing)
    server.dies = True
    MailCourier(mailing.core).deliver_due()
    assert [status for status, _ in mails(mailing)] == ["unknown"]
    mailing.days_later(0.01)
    assert MailCourier(mailing.core).deliver_due() == 0


def test_nothing_leaves_without_tls_where_it_is_asked_for(mailing: World, server: Server) -> None:
    order(mailing)
    use(mailing, server.url.replace("smtp:", "smtps:"))
    MailCourier(mailing.core).deliver_due()
    assert [status for status, _ in mails(mailing)] == ["queued"]
    assert server.taken == []


def test_a_server_that_does_not_take_the_password_is_waited_for(
    mailing: World, server: Server
) -> None:
    order(mailing)
    use(mailing, server.url.replace("//", "//ixrs:secret%40word@"))
    MailCourier(mailing.core).deliver_due()
    assert [status for status, _ in mails(mailing)] == ["queued"]
    assert server.taken == []


def test_without_a_mail_server_orders_wait_and_supply_is_told(
    quick_world: World, server: Server
) -> None:
    quick_world.do("publish", "Mia", file=MAILED)
    before = len(quick_world.messages())
    order(quick_world)
    assert quick_world.messages()[before:] == [
        ("sms.depot_order", None, "depot"),
        ("mail.depot_order", None, None),
        ("sms.order_not_mailed", None, "supply_manager"),
    ]
    assert MailCourier(quick_world.core).deliver_due() == 0
    assert mails(quick_world) == [("queued", None)]
    use(quick_world, server.url)
    assert MailCourier(quick_world.core).deliver_due() == 1
    assert len(server.taken) == 1


def test_the_worker_sends_what_waits(mailing: World, server: Server) -> None:
    order(mailing)
    stop = threading.Event()
    worker = threading.Thread(target=background.run, args=(mailing.core, stop))
    worker.start()
    until = time.monotonic() + 20
    while not server.taken and time.monotonic() < until:
        time.sleep(0.01)
    stop.set()
    worker.join()
    assert len(server.taken) == 1


def test_sms_and_e_mail_never_take_each_others_rows(world: World, server: Server) -> None:
    world.do("publish", "Mia", file=MAILED)
    use(world, server.url)
    order(world)
    taken = Courier(world.core).deliver_due()
    assert taken > 0
    assert mails(world) == [("queued", None)]
    assert MailCourier(world.core).deliver_due() == 1
    assert mails(world) == [("sent", None)]
