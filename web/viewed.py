"""Who saw what, on pages: each page that is shown to somebody is a row on record before it leaves.

Which page it was comes from its address; a page that is about a subject otherwise says so by
`about`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from flask import Response, g, request
from werkzeug.wrappers import Response as AnyResponse

from core.access import views
from core.access.views import Seen
from core.facts import is_keyed
from core.runtime import Core
from core.transaction import Channel

NOT_RECORDED: Final = frozenset(
    {
        *("account", "choose", "start", "ask", "result", "publish"),
        *("factors", "app_key", "new_passkey"),
    }
)
"""Pages that show nothing of a study's record: one's own account, places, questions."""
_NAMED: Final[Mapping[str, str]] = {
    "home": "today",
    "show": "receipt",
    "check": "deed",
    "signature": "deed",
    "accountability_file": "account_of_drug",
    "copy_file": "copy",
    "ledger_file": "ledger",
    "export_study": "copy",
    "order_file": "order",
    "packaging": "packaging_list",
    "show_accountability": "account_of_drug",
    "show_why": "shipment_types",
    "list_code_breaks": "breaks",
    "show_openings": "treatments",
    "list_warnings": "today",
}
_OF: Final = ("number", "code", "user_id", "confirmation", "site", "depot")
"""The parts of an address that say of what the page is, the first that is there."""
_ABOUT_SUBJECT: Final = frozenset({"subject", "visit", "treatment"})
_SUBJECT_DIGITS_MAX: Final = 16
_WORD: Final = re.compile(r"[\w.-]{1,40}", re.ASCII)


def about(*, subject: str | None = None, study: str | None = None, of: str | None = None) -> None:
    """What the page in hand is about, where its address does not say so."""
    g.viewed = {"subject": subject, "study": study, "of": of}


def record(core: Core, session: str, user_id: str, study: str | None, answer: Any) -> None:
    """Put on record that this page was shown; a redirect, an error or a form is no page shown."""
    name = (request.endpoint or "").rpartition(".")[2]
    shown = request.method in ("GET", "HEAD") and _status(answer) == 200
    if not shown or name in NOT_RECORDED:
        return
    told: Mapping[str, str | None] = g.get("viewed", {})
    seen = seen_in(name, {**request.args.to_dict(), **(request.view_args or {})}, told)
    views.note(core, session, user_id, Channel.WEB.value, told.get("study") or study, seen)


def seen_in(
    name: str, asked: Mapping[str, Any], told: Mapping[str, str | None] | None = None
) -> Seen:
    """What a page or operation of this name shows, asked for in these words."""
    told = told or {}
    what = _NAMED.get(name, name.removeprefix("show_").removeprefix("list_"))
    of = told.get("of") or next((asked[one] for one in _OF if asked.get(one)), None)
    subject = told.get("subject") or (of if what in _ABOUT_SUBJECT else asked.get("subject"))
    return Seen(what, _plain(of), subject if _is_subject(subject) else None)


def _plain(of: Any) -> str | None:
    return of if isinstance(of, str) and _WORD.fullmatch(of) else None


def _is_subject(number: Any) -> bool:
    """Whether it could be one: an address holds whatever somebody put there."""
    return isinstance(number, str) and is_keyed(number) and len(number) <= _SUBJECT_DIGITS_MAX


def _status(answer: Any) -> int:
    return answer.status_code if isinstance(answer, Response | AnyResponse) else 200
