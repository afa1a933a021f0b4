"""The reading pages of a world, in the hands of one of the cast."""

from __future__ import annotations

import html
import re

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.access import sessions
from core.messages import Labels
from tests.support.world import HOMES, World
from web.app import create_app
from web.session import cookie_name

WHOLE = ("Mia", "Sam", "Quinn", "Hal", "Admin", "Aud", "Stat", "Dep", "Saf", "Opal")
"""Those who work for the study as a whole."""


class Pages:
    """A browser for each person, signed in already: signing in is tested elsewhere."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.app: Flask = create_app(world.core)
        self._browsers: dict[tuple[str, str], FlaskClient] = {}

    def browser(self, who: str, study: str | None = None) -> FlaskClient:
        """A browser in which this person works at home, in this study."""
        code = study or self.world.study
        if (who, code) not in self._browsers:
            site = None if who in (*WHOLE, "Cy") else HOMES.get(who, "101")
            token = sessions.start(self.world.core, self.world.actor(who), code, site)
            client = self.app.test_client()
            client.set_cookie(cookie_name(self.world.core), token)
            self._browsers[who, code] = client
        return self._browsers[who, code]

    def get(self, who: str, path: str, study: str | None = None) -> TestResponse:
        """Ask for a page."""
        return self.browser(who, study).get(path, headers={"Accept": "text/html"})

    def text(self, who: str, path: str) -> str:
        """The words of a page that is there, its markup left out."""
        found = self.get(who, path)
        assert found.status_code == 200, (who, path, found.status, found.text)
        return words(found.text)

    def post(self, who: str, path: str, **form: object) -> TestResponse:
        """Send a form, with the token that the page gives it."""
        client = self.browser(who)
        page = client.get("/account", headers={"Accept": "text/html"}).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token
        return client.post(
            path,
            data={"csrf_token": token[1], **form},
            headers={"Accept": "text/html"},
            content_type="multipart/form-data",
        )


def words(page: str) -> str:
    """What a page says."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def name_of(world: World, number: str) -> str:
    """A subject's treatment as the study file calls it."""
    with world.core.reading() as db:
        labels: Labels = world.core.config(db, world.study, 1).labels_of(world.arm(number))
    return labels.text("en")
