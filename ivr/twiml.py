"""Replies as TwiML, and as plain text for a terminal.

Gather always posts, keys or none (`actionOnEmptyResult`), to the next turn of the same path. Menus
take one key with no finishing key, so that * and # are keys like others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from core.text import Catalogue
from ivr.dialogue.effects import Ask, HangUp, Keys, Reply, Say, Transfer

HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?><Response>'
TAIL: Final = "</Response>"
NOTHING: Final = HEAD + TAIL
RING_SECONDS: Final = 25
# Language of Say, and a voice that speaks it: another voice would make the verb fail.
_VOICES: Final = {
    "en": 'language="en-US" voice="Polly.Joanna"',
    "es": 'language="es-US" voice="Polly.Lupe"',
}


def render(reply: Reply, action: str, catalogue: Catalogue) -> str:
    """The TwiML of a reply; `action` is the path and query of the next turn."""
    match reply:
        case Ask(says, keys, heard_out):
            gather = f"<Gather {_gather(keys, action)}>{_says(says, catalogue)}</Gather>"
            return f"{HEAD}{_says(heard_out, catalogue)}{gather}{TAIL}"
        case Transfer(says, telephone):
            dial = f"<Dial action={quoteattr(action)} timeout={quoteattr(str(RING_SECONDS))}>"
            return f"{HEAD}{_says(says, catalogue)}{dial}{escape(telephone)}</Dial>{TAIL}"
        case HangUp(says):
            return f"{HEAD}{_says(says, catalogue)}<Hangup/>{TAIL}"


def _gather(keys: Keys, action: str) -> str:
    ends = f'numDigits="{keys.fixed}" ' if keys.fixed else ""
    ends += 'finishOnKey=""' if keys.fixed == 1 else 'finishOnKey="#"'
    return (
        f'input="dtmf" action={quoteattr(action)} method="POST" actionOnEmptyResult="true" '
        f'timeout="{keys.timeout_seconds}" {ends}'
    )


def _says(says: Iterable[Say], catalogue: Catalogue) -> str:
    return "".join(
        f"<Say {_voice(say.language)}>{escape(text(say, catalogue))}</Say>" for say in says
    )


def _voice(language: str) -> str:
    return _VOICES.get(language) or f"language={quoteattr(language)}"


def text(say: Say, catalogue: Catalogue) -> str:
    """What is spoken, as one text."""
    return " ".join(catalogue.render(one, say.language, spoken=True) for one in say.messages)


def plain(reply: Reply, catalogue: Catalogue) -> str:
    """The words of a reply, a line for each language, without what the provider needs."""
    says = reply.heard_out + reply.says if isinstance(reply, Ask) else reply.says
    return "\n".join(text(say, catalogue) for say in says)
