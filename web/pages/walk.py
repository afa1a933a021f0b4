"""A draft on its way through the questions of its transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from flask import url_for
from sqlalchemy import Connection

from core import drafts
from core.drafts import Draft
from core.errors import NotFound, Refused
from core.interview import Ask, Complete, Given, Wrong, advance
from core.messages import Message
from core.receipts import Also
from core.register import find
from core.runtime import Core
from core.study.versions import latest_config, newest_version
from core.transaction import Channel, Question, Receipt, Transaction
from web.db import connection
from web.session import current

_BY_SMS: Final = frozenset({"confirmation"})
"""Only a text message names the confirmation that it answers."""


def deed_named(name: str) -> Transaction:
    """A transaction that is done on pages. Raises NotFound for any other name."""
    found = find(name)
    if Channel.WEB not in found.channels:
        raise NotFound
    return found


class Walk:
    """One draft, the transaction that it fills in, and the pages that it leads to."""

    def __init__(self, core: Core, draft: Draft) -> None:
        self.core, self.draft = core, draft
        self.transaction = deed_named(draft.transaction)

    def with_given(self, given: Mapping[str, str]) -> Walk:
        """The same draft with other answers."""
        return Walk(self.core, replace(self.draft, given=given))

    def request(self) -> dict[str, Any]:
        """Who does it, where, as which request: what `perform` and `refuse` want to know."""
        me = current()
        return {
            "actor": me.actor,
            "study": self.draft.study,
            "site": self.draft.site,
            "channel": Channel.WEB,
            "request_id": self.draft.id,
            "also": self._settle(me.actor.user_id),
        }

    def _settle(self, user_id: str) -> Also:
        def also(db: Connection, result: Receipt | Refused) -> None:
            drafts.settle(db, self.draft, user_id)

        return also

    # -- the interview

    def advance(self, given: Given) -> Ask | Wrong | Complete:
        """What comes after these answers. Raises Refused."""
        actor, at = current().actor, self.draft
        return advance(self.core, connection(), self.transaction, actor, at.study, at.site, given)

    def found(self) -> Ask | Wrong | Complete:
        """What comes after the answers so far. Raises Refused."""
        return self.advance(self.draft.given)

    def in_order(self, given: Given) -> dict[str, str]:
        """Those of the answers that are asked for and will do, in asking order. Raises Refused."""
        kept: dict[str, str] = {}
        while isinstance(found := self.advance(kept), Ask) and found.question.name in given:
            kept[found.question.name] = given[found.question.name]
        if isinstance(found, Wrong):
            kept.pop(found.name, None)
        if isinstance(found, Complete):
            kept |= {one.name: raw for one in self._optional() if (raw := given.get(one.name))}
            if isinstance(found := self.advance(kept), Wrong):
                kept.pop(found.name, None)
        return kept

    def _optional(self) -> tuple[Question, ...]:
        """The questions that need no answer: offered once all the others have one."""
        if newest_version(connection(), self.draft.study) is None:
            return ()
        config = latest_config(connection(), self.core, self.draft.study)
        asked = self.transaction.questions(config)
        return tuple(one for one in asked if one.optional and one.name not in _BY_SMS)

    def aside(self) -> tuple[Question, ...]:
        """Those of the questions that need no answer which have none."""
        return tuple(one for one in self._optional() if one.name not in self.draft.given)

    def before(self, name: str) -> dict[str, str]:
        """The answers to the questions before this one."""
        kept: dict[str, str] = {}
        for key, value in self.draft.given.items():
            if key == name:
                break
            kept[key] = value
        return kept

    def ask(self, name: str) -> Ask | None:
        """The question of that name, if it is its turn, it was answered before, or it needs no
        answer and all the others have one."""
        for question in self._optional():
            if question.name == name:
                done = isinstance(self.advance(self._without(name)), Complete)
                return Ask(question, ()) if done else None
        found = self.advance(self.before(name))
        return found if isinstance(found, Ask) and found.question.name == name else None

    def answer(self, name: str, raw: str) -> Ask | Wrong | Complete:
        """What comes after this answer to this question. Raises Refused."""
        if name in {one.name for one in self._optional()}:
            return self.advance({**self._without(name), name: raw})
        return self.advance({**self.before(name), name: raw})

    def _without(self, name: str) -> dict[str, str]:
        return {key: raw for key, raw in self.draft.given.items() if key != name}

    def problem_of(self, name: str, raw: str) -> Message | None:
        """What is wrong by now with an answer given earlier, or nothing."""
        try:
            found = self.answer(name, raw)
        except Refused as refused:
            return refused.message
        return found.message if isinstance(found, Wrong) and found.name == name else None

    def with_answer(self, name: str, raw: str) -> dict[str, str]:
        """The answers with this one among them; of the later ones those that still hold."""
        try:
            return self.in_order({**self.draft.given, name: raw})
        except Refused:  # for what was answered later on: it is asked again
            return {**self.before(name), name: raw}

    def mark(self) -> str:
        """A digest of the answers, so that what was shown is what is confirmed."""
        return self.core.keys.mac(
            "draft", json.dumps([self.draft.id, list(self.draft.given.items())])
        )

    # -- its pages

    def next_page(self) -> str:
        """The address of the first question that has no good answer yet, or of the check."""
        found = self.found()
        if isinstance(found, Complete):
            return url_for("deed.check", id_=self.draft.id)
        name = found.question.name if isinstance(found, Ask) else found.name
        return self._page(name)

    def page_before(self, name: str) -> str:
        """The address of the question before this one, or home."""
        return self._page(names[-1]) if (names := list(self.before(name))) else url_for("home.home")

    def last_page(self) -> str:
        """The address of the last question, or home where there is none."""
        names = list(self.draft.given)
        return self._page(names[-1]) if names else url_for("home.home")

    def _page(self, name: str) -> str:
        return url_for("deed.ask", id_=self.draft.id, question=name)
