"""A telephone at the terminal: prints what the line says, reads keys line by line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ivr.simulator.document import KEYS
from ivr.simulator.phone import Phone

HELP: Final = (
    "Type keys (0-9 * #) and Enter; Enter alone is silence, h hangs up, r sends the last webhook "
    "again."
)
ReadLine = Callable[[], str | None]
Write = Callable[[str], None]


def talk(phone: Phone, line: str, read_line: ReadLine, write: Write) -> None:
    """Hold a call until it ends or `read_line` gives None; then hang up.

    Raises CallFailed when the line doesn't answer as the provider expects.
    """
    phone.dial(line)
    _tell(phone, write)
    while not phone.ended:
        typed = read_line()
        if typed is None or typed.strip() == "h":
            phone.hang_up()
        elif typed.strip() == "r":
            write(f"(sent again: answered {phone.resend_last().status})")
        elif not typed.strip():
            phone.silence()
            _tell(phone, write)
        elif KEYS.issuperset("".join(typed.split())):
            _key(phone, typed, write)
        else:
            write(HELP)
    write("(the call is over)")


def _key(phone: Phone, typed: str, write: Write) -> None:
    """Key entry by entry, so that everything said in between is shown."""
    for entry in typed.split():
        left = entry
        while left and not phone.ended:
            left = phone.enter(left)
            _tell(phone, write)


def _tell(phone: Phone, write: Write) -> None:
    for heard in phone.heard:
        write(heard.text)
    for number in phone.put_through:
        write(f"(put through to {number})")
    phone.put_through.clear()
