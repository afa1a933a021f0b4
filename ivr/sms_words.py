"""The words of an SMS: the reader's language, and the marks in front of it."""

from __future__ import annotations

import datetime as dt
from typing import Final

from sqlalchemy import Connection

from core.access.contacts import is_training, works_in_several
from core.messages import Message
from core.text import Catalogue

LANGUAGE_OTHERWISE: Final = "en"


def known_language(texts: Catalogue, language: str) -> str:
    """The language, or the one that stands in where there are no texts in it."""
    return language if language in texts.languages else LANGUAGE_OTHERWISE


def marked(
    db: Connection, message: Message, study: str | None, user_id: str | None, now: dt.datetime
) -> Message:
    """The message with the study's name for who works in several, and TRAINING before all.

    A message about no study, such as one that holds a code, is left as it is.
    """
    if study is None:
        return message
    named = "study" in message.params
    if not named and user_id is not None and works_in_several(db, user_id, now):
        message = Message("sms.in_study", {"study": study, "text": message})
    return Message("sms.training", {"text": message}) if is_training(db, study) else message
