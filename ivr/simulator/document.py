"""TwiML as a telephone meets it: what is heard, then what is asked or done next."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

KEYS = frozenset("0123456789*#")
TIMEOUT_SECONDS = 5
RECORDING = "(recording)"
UNPLAYED = "(a recording that can't be played)"


class BadDocument(Exception):
    """The provider would not accept this TwiML; the text says why."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing said (in a language), or a recording played: `text` says just that, `url` where
    it is."""

    text: str
    language: str = ""
    played: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Gather:
    """Keys are asked for. `digits_max` 0 is no limit; `finish` ends the entry after one digit."""

    action: str
    digits_max: int
    finish: str
    on_empty: bool
    timeout_seconds: int

    def take(self, keys: str) -> tuple[str, str, str]:
        """Of keys pressed: the digits to send, the key that finished, the keys left over."""
        taken = ""
        for position, key in enumerate(keys):
            if key in self.finish:
                if not taken:
                    continue  # a finishing key does nothing before the first digit
                return taken, key, keys[position + 1 :]
            taken += key
            if len(taken) == self.digits_max:
                return taken, "", keys[position + 1 :]
        return taken, "", ""

    def is_ended_by(self, keys: str) -> bool:
        """Whether these keys end the entry, so that it is sent without a time-out."""
        taken, finished_on, _ = self.take(keys)
        return bool(finished_on) or 0 < self.digits_max == len(taken)


@dataclass(frozen=True, slots=True)
class Dial:
    """The caller is put through to these numbers, all at once."""

    numbers: tuple[str, ...]
    action: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Another document follows."""

    url: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """The line ends the call."""


Step = Heard | Gather | Dial | Redirect | Hangup


def read_document(body: bytes) -> Iterator[Step]:
    """The steps of a TwiML document in order. Raises BadDocument."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - from our own server
    except ET.ParseError as error:
        raise BadDocument(f"not XML: {error}") from error
    if root.tag != "Response":
        raise BadDocument(f"<Response> expected, not <{root.tag}>")
    for element in root:
        yield from _steps(element)


def _steps(element: ET.Element) -> Iterator[Step]:
    match element.tag:
        case "Say":
            words = " ".join("".join(element.itertext()).split())
            yield Heard(words, element.get("language", ""))
        case "Play":
            yield Heard(RECORDING, played=True, url=(element.text or "").strip())
        case "Pause":
            return
        case "Gather":
            for child in element:
                if child.tag not in ("Say", "Play", "Pause"):
                    raise BadDocument(f"<{child.tag}> inside <Gather>")
                yield from _steps(child)
            yield _gather(element)
        case "Dial":
            numbers = [number.text or "" for number in element.iter("Number")]
            bare = (element.text or "").strip()
            yield Dial(tuple(numbers or [bare]), element.get("action", ""))
        case "Redirect":
            yield Redirect((element.text or "").strip())
        case "Hangup":
            yield Hangup()
        case _:
            raise BadDocument(f"<{element.tag}> is no verb of this telephone")


def _gather(element: ET.Element) -> Gather:
    finish = element.get("finishOnKey", "#")
    if finish and (len(finish) > 1 or finish not in KEYS):
        raise BadDocument(f"finishOnKey={finish!r}")
    try:
        digits_max = int(element.get("numDigits", "0"))
        timeout = int(element.get("timeout", str(TIMEOUT_SECONDS)))
    except ValueError as error:
        raise BadDocument(f"a number was expected in <Gather>: {error}") from error
    return Gather(
        action=element.get("action", ""),
        digits_max=digits_max,
        finish=finish,
        on_empty=element.get("actionOnEmptyResult", "false") == "true",
        timeout_seconds=timeout,
    )
