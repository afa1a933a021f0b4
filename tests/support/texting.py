"""A mobile that texts the installation, in front of the real webhook."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

from flask.testing import FlaskClient

from ivr.signature import Pairs
from ivr.simulator.webhook import Reply, Webhook
from tests.support.telephone import ACCOUNT, TOKEN, AppSender, make_app
from tests.support.world import PEOPLE, World

LINE = "+12025550150"
STRANGER = "+442079460000"
RESERVED = (
    *("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"),
    *("HELP", "INFO", "START", "YES", "UNSTOP"),
)
"""Words that carriers keep to themselves."""


def mobile(who: str) -> str:
    """The registered mobile of one of the cast."""
    return f"+120255501{PEOPLE[who]:0>2}"


def message_sid(place: int) -> str:
    """The provider's id of the n-th message of a test."""
    return f"SM{place:032x}"


def pairs_of(from_: str, body: str, sid: str, to: str = LINE) -> Pairs:
    """What the provider posts, fields that we don't know among them."""
    return (
        ("ToCountry", "US"),
        ("SmsMessageSid", sid),
        ("NumMedia", "0"),
        ("SmsSid", sid),
        ("FromCity", "FROMBERG"),
        ("Body", body),
        ("To", to),
        ("MessageSid", sid),
        ("AccountSid", ACCOUNT),
        ("From", from_),
        ("ApiVersion", "2010-04-01"),
    )


class Texting:
    """Texts by people of a world; each is a new message unless its `sid` is given."""

    def __init__(self, world: World) -> None:
        self.world = world
        client: FlaskClient = make_app(world.core).test_client()
        self.sender = AppSender(client, TOKEN)
        self._sids = itertools.count(1)

    def post(self, pairs: Pairs, *, signature: str | None = None) -> Reply:
        """One webhook."""
        return self.sender.post(Webhook("/ivr/sms", pairs), signature=signature)

    def text(self, who: str, body: str, *, sid: str | None = None) -> str:
        """What is answered to a text of one of the cast, or of a number; "" for nothing."""
        sid = sid or message_sid(next(self._sids))
        from_ = mobile(who) if who in PEOPLE else who
        reply = self.post(pairs_of(from_, body, sid))
        assert (reply.status, reply.content_type) == (200, "text/xml; charset=utf-8")
        return told(reply)


def told(reply: Reply) -> str:
    """The message in a reply, "" for none."""
    document = ElementTree.fromstring(reply.body)  # noqa: S314
    assert document.tag == "Response"
    assert [child.tag for child in document] in ([], ["Message"])
    return "".join(document.itertext())
