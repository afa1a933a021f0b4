"""Structured logs: one JSON object a line on stderr, without secrets or whole telephone numbers."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog

REMOVED: Final = "(removed)"
SECRET_WORDS: Final = frozenset(
    {
        *("pin", "code", "password", "secret", "token", "digits", "keys", "heard", "answers"),
        *("given", "body", "arm", "kit_type", "signature", "authorization", "cookie", "mobile"),
    }
)
_TELEPHONE = re.compile(r"\+[0-9]{5,13}([0-9]{2})")
# PINs, codes and numbers of six digits and more that stand alone; not those inside an identifier.
_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9]{6,}(?![0-9A-Za-z])")
_NOISY: Final = ("twilio", "twilio.http_client", "urllib3", "alembic", "werkzeug")


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send everything that is logged, by libraries too, to `stream` (stderr unless told)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.format_exc_info,
        mask,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *(step for step in shared if not isinstance(step, structlog.stdlib.ExtraAdder)),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def mask(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out values named like secrets, and every long number in the others."""
    for name in list(event):
        if not name.startswith("_"):
            event[name] = _masked(name, event[name])
    return event


def _masked(name: str, value: Any) -> Any:
    if any(word in SECRET_WORDS for word in (name.lower(), *name.lower().split("_"))):
        return REMOVED
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {str(key): _masked(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked("", item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_text(str(value))


def mask_text(text: str) -> str:
    """The text with telephone numbers shortened to two digits, other long numbers removed."""
    return _NUMBER.sub(REMOVED, _TELEPHONE.sub(r"+…\1", text))
