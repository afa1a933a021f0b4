"""Who is reading: the cookie, the session behind it, the place where the person works."""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast, overload

from flask import Response, current_app, g, redirect, request, session, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException
from werkzeug.wrappers import Response as AnyResponse

from core.access import sessions, views
from core.access.openings import SiteRef, StudyRef
from core.access.places import Place, find_place, is_founder, list_studies, only_place
from core.access.roles import Actor, load_actor
from core.access.sessions import WebSession
from core.errors import NotFound
from core.runtime import Core
from web import viewed, words
from web.db import close, connection, the_core

COOKIE: Final = "ixrs-session"
View = TypeVar("View", bound=Callable[..., Any])
_OPEN: Final = "open_to_all"
_CLOSED: Final = "signed_in"


@dataclass(frozen=True)
class Current:
    """The person who reads this page, and where that person works just now."""

    session: WebSession
    actor: Actor
    studies: tuple[StudyRef, ...]
    place: Place | None
    now: dt.datetime

    @property
    def study(self) -> StudyRef:
        """The study chosen. Raises NotFound if none is (a view without `place=False` has one)."""
        if self.place is None:
            raise NotFound
        return self.place.study

    @property
    def site(self) -> SiteRef | None:
        """The site chosen; None is the study as a whole."""
        return self.place.site if self.place else None

    @property
    def zone(self) -> str:
        """The time zone that days are told in."""
        return self.place.zone if self.place else "UTC"

    @property
    def language(self) -> str:
        """The language of the page."""
        return words.language()

    @property
    def has_choice(self) -> bool:
        """Whether there is another place to go to."""
        return only_place(self.studies) is None or is_founder(self.actor)


def cookie_name(core: Core) -> str:
    """Over HTTPS the name itself makes the browser insist on Secure and on this host alone."""
    return host_only(core, COOKIE)


def host_only(core: Core, name: str) -> str:
    """The name of a cookie of ours, as `cookie_name` says."""
    return f"__Host-{name}" if is_https(core) else name


def is_https(core: Core) -> bool:
    """Whether people come by HTTPS."""
    return core.settings.public_url.startswith("https:")


def source() -> str:
    """The address that tries to sign in are counted by. A proxy on this machine tells whose it is;
    what anyone else says about that is not believed."""
    address = request.remote_addr or ""
    told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        if told and ipaddress.ip_address(address).is_loopback:
            return str(ipaddress.ip_address(told))
    except ValueError:
        pass
    return address


def find_current() -> Current | None:
    """The person signed in, or None. Looked up once a request."""
    if "current" not in g:
        g.current = _load(the_core())
        if g.current is not None:
            words.speak(g.current.actor.language)
            g.zone = g.current.zone
    return cast(Current | None, g.current)


def current() -> Current:
    """The person signed in. Raises NotFound outside a view that is `signed_in`."""
    found = find_current()
    if found is None:
        raise NotFound
    return found


def go_to(study: str, site: str | None) -> None:
    """Show this page as one of that place: what was begun at a site stays there, wherever the
    person has gone in the meantime."""
    me = current()
    if me.place is None or me.study.code != study or site not in (None, me.place.number):
        place = find_place(me.studies, study, site, founder=is_founder(me.actor))
        g.current = replace(me, place=place)
        g.zone = g.current.zone


def _load(core: Core) -> Current | None:
    token = request.cookies.get(cookie_name(core))
    if not token:
        return None
    db = connection()
    found = sessions.find(db, core, token)
    if found is None:
        return None
    now = core.now()
    try:
        actor = load_actor(db, found.user_id, now)
    except NotFound:
        return None
    studies = list_studies(db, core, actor)
    place = find_place(studies, found.study, found.site, founder=is_founder(actor))
    if sessions.is_seen_late(core, found):
        close()
        sessions.touch(core, found)
    return Current(found, actor, studies, place or only_place(studies), now)


@overload
def signed_in(view: View) -> View: ...


@overload
def signed_in(*, place: bool) -> Callable[[View], View]: ...


def signed_in(view: View | None = None, *, place: bool = True) -> Any:
    """Only for people who are signed in, and (unless `place` is False) have chosen a study.
    Others are led to where they can."""

    def decorate(inner: View) -> View:
        @functools.wraps(inner)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            found = find_current()
            if found is None:
                return redirect(url_for("sign_in.form", next=_here()), 303)
            if place and found.place is None:
                return redirect(url_for("place.choose", next=_here()), 303)
            answer = inner(*args, **kwargs)
            record_view(answer)
            return answer

        setattr(guarded, _CLOSED, True)
        return cast(View, guarded)

    return decorate(view) if view is not None else decorate


def record_view(answer: Any) -> None:
    """Put on record that the person signed in is shown this, if it is a page of a study."""
    me = find_current()
    if me is not None:
        close()
        study = me.place.study.code if me.place else None
        viewed.record(the_core(), me.session.token, me.actor.user_id, study, answer)


def open_to_all(view: View) -> View:
    """Mark a page that anyone may read."""
    setattr(view, _OPEN, True)
    return view


def _here() -> str | None:
    """The page asked for, to come back to; none for what cannot be asked for again."""
    if request.method != "GET" or request.path == "/":
        return None
    return request.full_path.rstrip("?")


def safe_next(wanted: str | None) -> str:
    """A page of ours to go on to: whatever else is asked for leads home."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return url_for("home.home")
    path, _, query = wanted.partition("?")
    adapter = current_app.create_url_adapter(request)
    try:
        endpoint, values = adapter.match(path, method="GET") if adapter else ("home.home", {})
    except (HTTPException, RoutingException):
        return url_for("home.home")
    built = url_for(endpoint, **values)
    return f"{built}?{query}" if query else built


def open_session(
    core: Core, actor: Actor, response: AnyResponse, place: Place | None = None
) -> AnyResponse:
    """Start a session for this person, at this place or the only one there is, and hand its token
    to the browser. The session that the browser had is over."""
    before = find_current()
    close()
    if before is not None:
        end_session(core, before.session)
    if place is None:
        with core.reading() as db:
            place = only_place(list_studies(db, core, actor))
    study, site = (place.study.code, place.number) if place else (None, None)
    token = sessions.start(core, actor, study, site)
    session.clear()  # the form's token of the time before is not one of the time after
    hand_cookie(core, response, cookie_name(core), token, sessions.LIFETIME)
    return response


def end_session(core: Core, ended: WebSession) -> None:
    """Sign out, and seal what was looked at."""
    sessions.end(core, ended)
    views.seal(core, ended.token)


def hand_cookie(
    core: Core, response: AnyResponse, name: str, token: str, lifetime: dt.timedelta
) -> None:
    """Give the browser a token that no script reads and no other site's form sends."""
    response.set_cookie(
        name,
        token,
        max_age=int(lifetime.total_seconds()),
        httponly=True,
        secure=is_https(core),
        samesite="Strict",
        path="/",
    )


def drop_cookie(core: Core, response: Response | AnyResponse, name: str = COOKIE) -> None:
    """Take the token back from the browser."""
    session.clear()
    take_back(core, response, name)


def take_back(core: Core, response: Response | AnyResponse, name: str) -> None:
    """Take one cookie back, and leave the forms of the browser as they are."""
    response.delete_cookie(
        host_only(core, name), path="/", httponly=True, secure=is_https(core), samesite="Strict"
    )
