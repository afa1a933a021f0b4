"""Replies as TwiML, and as plain text for a terminal.

Gather always posts, keys or none (`actionOnEmptyResult`), to the next turn of the same path. Menus
take one key with no finishing key, so that * and # are keys like others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from core.messages import Message
from core.text import Catalogue
from ivr.dialogue.effects import Ask, HangUp, Keys, Reply, Say, Tell, Transfer

HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?><Response>'
TAIL: Final = "</Response>"
NOTHING: Final = HEAD + TAIL
RING_SECONDS: Final = 25
RECORDING: Final = "(recording)"
Telling = str | tuple[Message, ...]
"""How a treatment is told: the address of a recording, or in words."""
# Language of Say, and a voice that speaks it: another voice would make the verb fail.
_VOICES: Final = {
    "en": 'language="en-US" voice="Polly.Joanna"',
    "es": 'language="es-US" voice="Polly.Lupe"',
}


def render(reply: Reply, action: str, catalogue: Catalogue, telling: Telling = ()) -> str:
    """The TwiML of a reply; `action` is the path and query of the next turn, `telling` what stands
    where the reply tells a treatment."""
    match reply:
        case Ask(says, keys, heard_out):
            gather = f"<Gather {_gather(keys, action)}>{_says(says, catalogue)}</Gather>"
            before = "".join(_before(one, telling, catalogue) for one in heard_out)
            return f"{HEAD}{before}{gather}{TAIL}"
        case Transfer(says, telephone, others):
            dial = f"<Dial action={quoteattr(action)} timeout={quoteattr(str(RING_SECONDS))}>"
            number = escape(telephone)
            if others:
                every = (telephone, *others)
                number = "".join(f"<Number>{escape(one)}</Number>" for one in every)
            return f"{HEAD}{_says(says, catalogue)}{dial}{number}</Dial>{TAIL}"
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


def _before(one: Say | Tell, telling: Telling, catalogue: Catalogue) -> str:
    """What is heard out. A recording says the treatment twice by itself; words are said twice."""
    if isinstance(one, Say):
        return _says((one,), catalogue)
    if isinstance(telling, str):
        return f"<Play>{escape(telling)}</Play>"
    return _says((Say(one.language, telling),) * 2, catalogue) if telling else ""


def _voice(language: str) -> str:
    return _VOICES.get(language) or f"language={quoteattr(language)}"


def text(say: Say, catalogue: Catalogue) -> str:
    """What is spoken, as one text."""
    return " ".join(catalogue.render(one, say.language, spoken=True) for one in say.messages)


def plain(reply: Reply, catalogue: Catalogue) -> str:
    """The words of a reply, a line for each language, without what the provider needs."""
    heard_out = reply.heard_out if isinstance(reply, Ask) else ()
    return "\n".join(
        RECORDING if isinstance(say, Tell) else text(say, catalogue)
        for say in (*heard_out, *reply.says)
    )
