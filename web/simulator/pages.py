"""/simulator: the page of the browser telephone, and what its buttons do.

Every button is a form that is posted and answered by a redirect back, so that it works without
JavaScript; the script only does the same without loading the page anew.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from sqlalchemy import func, select

from core.db.models import ledger
from core.messages import Message
from core.runtime import Core
from core.settings import LOOPBACK
from web.db import close
from web.session import open_to_all
from web.simulator.directory import Directory, Person
from web.simulator.handset import Handset, Handsets, Sent, View
from web.simulator.messages import NoProvider, Sms, list_messages, send_message
from web.words import say

COOKIE: Final = "ixrs-telephone"
ASKING_MAX: Final = 4
FOLDER: Final = Path(__file__).parent / "static"
KEYPAD: Final = "123456789*0#"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PROXIES: Final = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
_TYPES: Final = {"telephone.js": "text/javascript", "telephone.css": "text/css"}


def count_records(core: Core) -> int:
    """How many entries the records of all studies have."""
    with core.reading() as db:
        return db.scalar(select(func.count()).select_from(ledger)) or 0


def blueprint(core: Core, directory: Directory, handsets: Handsets) -> Blueprint:
    """GET /simulator, its files, and a POST for each button."""
    pages = Blueprint("telephone", __name__, url_prefix="/simulator", template_folder="templates")
    _guard(pages, core)
    _add_pages(pages, _Page(core, directory, handsets))
    _add_buttons(pages, _Buttons(core, directory, handsets))
    return pages


def _guard(pages: Blueprint, core: Core) -> None:
    @pages.before_request
    def only_here() -> None:
        if not (core.settings.is_simulated and _is_from_here()):
            abort(404)

    @pages.after_request
    def allow_script(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response


def _is_from_here() -> bool:
    """Whether a browser of this machine asks, by a name of this machine, with no proxy between.

    A page from elsewhere that has its own name point at this machine is kept out by the name.
    """
    try:
        here = ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
    named = urlsplit(f"//{request.host}").hostname in LOOPBACK
    return here and named and not any(name in request.headers for name in _PROXIES)


def _add_pages(pages: Blueprint, page: _Page) -> None:
    @pages.get("")
    @open_to_all
    def show() -> str:
        return page.render()

    @pages.get("/recordings/<int:call>/<int:place>")
    @open_to_all
    def recording(call: int, place: int) -> Response:
        handset = page.handsets.find(request.cookies.get(COOKIE, ""))
        sound = handset.recording(call, place) if handset else None
        if sound is None:
            abort(404)
        return Response(sound, mimetype="audio/wav")

    @pages.get("/files/<name>")
    @open_to_all
    def file(name: str) -> Response:
        if name not in _TYPES:
            abort(404)
        response = Response((FOLDER / name).read_bytes(), mimetype=_TYPES[name])
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return response


@functools.cache
def _digest(name: str) -> str:
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]


def asset_of_telephone(name: str) -> str:
    """The address of one of its files, another one when the file changes."""
    return url_for("telephone.file", name=name, v=_digest(name))


class _Page:
    def __init__(self, core: Core, directory: Directory, handsets: Handsets) -> None:
        self.core, self.directory, self.handsets = core, directory, handsets

    def render(self) -> str:
        close()
        handset = self.handsets.find(request.cookies.get(COOKIE, ""))
        view = handset.view if handset else View()
        owner = self._owner(view)
        inbox, problem = self._inbox(owner)
        return render_template(
            "simulator/telephone.html",
            view=view,
            owner=owner,
            inbox=inbox,
            problem=problem,
            sent=handset.sent if handset else (),
            studies=self.directory.studies,
            keypad=KEYPAD,
            file=asset_of_telephone,
            busy="busy" in request.args,
            training=True,
        )

    def _owner(self, view: View) -> Person:
        """Whose messages are shown: the one asked for, the caller, the first one."""
        asked = self.directory.find_person(request.args.get("inbox", ""))
        return asked or view.person or self.directory.studies[0].people[0]

    def _inbox(self, owner: Person) -> tuple[tuple[Sms, ...], str]:
        try:
            return list_messages(self.core.settings, owner.mobile), ""
        except NoProvider as failure:
            return (), say(Message("simulator.no_provider", {"why": str(failure)}))


class _Buttons:
    """What the buttons do. A few at a time: each keeps a thread of the server waiting for another
    thread of the same server, and there must always be one left to answer."""

    def __init__(self, core: Core, directory: Directory, handsets: Handsets) -> None:
        self.core, self.directory, self.handsets = core, directory, handsets
        self._asking = threading.BoundedSemaphore(ASKING_MAX)

    def do(self, act: Callable[[Handset], None], part: str = "telephone", **args: str) -> Any:
        """Do it with this browser's telephone, and go back to the page."""
        token = request.cookies.get(COOKIE, "")
        handset = self.handsets.find(token)
        if handset is None:
            token, handset = self.handsets.make()
        close()
        busy = handset is None or not self._asking.acquire(blocking=False)
        if handset is not None and not busy:
            try:
                act(handset)
            finally:
                self._asking.release()
        marks: dict[str, Any] = {**args, "busy": "1"} if busy else {**args}
        response = redirect(url_for("telephone.show", _anchor=part, **marks), 303)
        if handset is not None:
            response.set_cookie(
                COOKIE, token, httponly=True, samesite="Strict", path=url_for("telephone.show")
            )
        return response

    def dial(self, handset: Handset) -> None:
        person = self.directory.find_person(request.form.get("person", ""))
        line = self.directory.find_line(request.form.get("line", ""))
        if person is None or line is None:
            abort(422)
        handset.dial(person, line)

    def press(self, handset: Handset) -> None:
        handset.press("".join(key for key in request.form.get("keys", "") if key in KEYPAD))

    def send(self, handset: Handset) -> None:
        person = self.directory.find_person(request.form.get("person", ""))
        line = self.directory.find_line(request.form.get("line", ""))
        body = request.form.get("body", "").strip()
        if person is None or line is None:
            abort(422)
        if not body:
            return
        try:
            send_message(self.core.settings, person.mobile, line.telephone, body)
            outcome = Message("simulator.sent")
        except NoProvider as failure:
            outcome = Message("simulator.not_sent", {"why": str(failure)})
        handset.keep_sent(Sent(person.user_id, body, outcome))


def _add_buttons(pages: Blueprint, buttons: _Buttons) -> None:
    @pages.post("/dial")
    @open_to_all
    def dial() -> Any:
        return buttons.do(buttons.dial)

    @pages.post("/keys")
    @open_to_all
    def keys() -> Any:
        return buttons.do(buttons.press)

    @pages.post("/silence")
    @open_to_all
    def silence() -> Any:
        return buttons.do(Handset.silence)

    @pages.post("/hang-up")
    @open_to_all
    def hang_up() -> Any:
        return buttons.do(Handset.hang_up)

    @pages.post("/resend")
    @open_to_all
    def resend() -> Any:
        return buttons.do(Handset.resend)

    @pages.post("/message")
    @open_to_all
    def message() -> Any:
        who = request.form.get("person", "")
        return buttons.do(buttons.send, "messages", inbox=who)
