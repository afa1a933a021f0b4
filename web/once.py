"""What is shown on the next page and never again: it travels there sealed in the cookie."""

from __future__ import annotations

import base64

from flask import session

from core.errors import IntegrityBreach
from core.sealed import Sealed
from web.db import the_core
from web.session import current


def keep(name: str, text: str) -> None:
    """Keep it for the next page. The cookie is signed but not secret: so it is sealed."""
    sealed = the_core().keys.seal(_about(name), text).token
    session[name] = base64.b64encode(sealed).decode()


def shown(name: str) -> str | None:
    """What was kept, the first time that it is asked for."""
    kept = session.pop(name, None)
    if kept is None:
        return None
    try:
        return the_core().keys.open(Sealed(base64.b64decode(kept), _about(name)))
    except (IntegrityBreach, ValueError):
        return None


def _about(name: str) -> str:
    return f"{name} shown|{current().actor.user_id}"
