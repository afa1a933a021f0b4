"""A person at a browser without JavaScript: reads pages, fills in their forms, sends them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.telephone import telephone_settings
from tests.support.world import PEOPLE, PIN, World
from web.app import create_app

HTML: Final = {"Accept": "text/html"}
_VOID: Final = frozenset({"input", "meta", "link", "br", "img", "hr"})


@dataclass
class Control:
    """A field of a form."""

    kind: str
    name: str
    value: str
    chosen: bool


@dataclass
class Form:
    """A form as it stands on a page."""

    action: str
    method: str
    controls: list[Control] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """The names of its fields."""
        return {one.name for one in self.controls}

    def data(self, **values: Any) -> dict[str, Any]:
        """What the browser sends: what stands there, and what was typed over it."""
        sent: dict[str, Any] = {
            one.name: one.value
            for one in self.controls
            if one.kind != "file" and (one.kind != "radio" or one.chosen)
        }
        unknown = set(values) - self.names
        assert not unknown, unknown
        return sent | values


class Page(HTMLParser):
    """What an answer shows."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        self.status, self.path = response.status_code, response.request.path
        self.html = response.get_data(as_text=True)
        self.headers = response.headers
        self.forms: list[Form] = []
        self.texts: list[tuple[str, str]] = []  # element, text in it
        self.classed: list[tuple[str, str]] = []  # class of an element around it, text
        self.links: list[str] = []
        self.headings: list[str] = []
        self.language = ""
        self._open: list[tuple[str, str]] = []
        self._text_area: Control | None = None
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = found.get("lang", "")
        elif tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "form":
            self.forms.append(Form(found.get("action") or self.path, found.get("method", "get")))
        elif tag in ("input", "textarea", "select") and "name" in found:
            control = Control(
                found.get("type", tag), found["name"], found.get("value", ""), "checked" in found
            )
            self.forms[-1].controls.append(control)
            self._text_area = control if tag == "textarea" else None
        if tag not in _VOID:
            self._open.append((tag, found.get("class", "")))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            continue
        self._text_area = None

    def handle_data(self, data: str) -> None:
        if self._text_area is not None:
            self._text_area.value += data.removeprefix("\n")
        text = " ".join(data.split())
        if text and self._open:
            self.texts.append((self._open[-1][0], text))
            if any(tag == "h1" for tag, _ in self._open):
                self.headings.append(text)
            self.classed += [(name, text) for _, names in self._open for name in names.split()]

    def of(self, tag: str) -> list[str]:
        """The texts of these elements."""
        return [text for name, text in self.texts if name == tag]

    def in_class(self, name: str) -> str:
        """The text in elements of that class."""
        return " ".join(text for known, text in self.classed if known == name)

    @property
    def title(self) -> str:
        """The heading."""
        return " ".join(self.headings)

    @property
    def text(self) -> str:
        """All that is shown."""
        return " ".join(text for _, text in self.texts)

    @property
    def form(self) -> Form:
        """The form of the page itself, beside that for signing out."""
        return next(one for one in self.forms if one.action != "/sign-out")

    def row(self, label: str) -> str:
        """The value beside a label."""
        at = next(i for i, found in enumerate(self.texts) if found == ("dt", label))
        values = itertools.takewhile(lambda found: found[0] in ("dd", "span"), self.texts[at + 1 :])
        return " ".join(text for _, text in values)


class Browser:
    """One browser with its cookies."""

    def __init__(self, client: FlaskClient, headers: Mapping[str, str] | None = None) -> None:
        self.client, self.headers = client, {**HTML, **(headers or {})}
        self.asked: list[str] = []  # what the last transaction asked for

    def get(self, path: str) -> Page:
        """Open a page, led on by redirects."""
        return Page(self.client.get(path, headers=self.headers, follow_redirects=True))

    def send(self, page: Page, form: Form | None = None, **values: Any) -> Page:
        """Fill in and send a form of the page."""
        form = form or page.form
        data = form.data(**{name.replace("__", "-"): value for name, value in values.items()})
        return Page(
            self.client.post(form.action, data=data, headers=self.headers, follow_redirects=True)
        )

    def sign_in(self, user_id: str, secret: str = PIN) -> Page:
        """Sign in."""
        return self.send(self.get("/sign-in"), user_id=user_id, secret=secret)

    def go_to(self, study: str, site: str | None) -> Page:
        """Choose where to work."""
        return self.send(self.get("/place"), place=f"{study} {site or '*'}")

    def answer(self, page: Page, raw: str) -> Page:
        """Give this answer to the question on the page, as `ixrs do` would be given it."""
        names = page.form.names
        if "answer-day" in names:
            parts = [*raw.split("-"), "", ""]
            return self.send(page, answer__year=parts[0], answer__month=parts[1],
                             answer__day=parts[2])  # fmt: skip
        if "answer-again" in names:
            return self.send(page, answer=raw, answer__again=raw)
        kinds = {one.kind for one in page.form.controls}
        if "textarea" in kinds and "file" not in kinds:
            return self.send(page, answer=raw.replace(",", "\n"))
        return self.send(page, answer=raw)

    def fill_in(self, name: str, given: Mapping[str, str]) -> Page:
        """Start a transaction and answer its questions, up to the check or to where it stops."""
        page, self.asked = self.get(f"/do/{name}"), []
        while page.status == 200 and "/ask/" in page.path:
            question = page.path.rpartition("/")[2]
            if question not in given:
                return page
            assert question not in self.asked, page.path
            self.asked.append(question)
            page = self.answer(page, given[question])
        for link in [one for one in page.links if "/ask/" in one]:  # what may be added, too
            question = link.rpartition("/")[2]
            if question in given and question not in self.asked:
                self.asked.append(question)
                page = self.answer(self.get(link), given[question])
        on = [link for link in page.links if link.endswith("/sign")]
        return self.get(on[0]) if page.path.startswith("/publish/") and on else page

    def do(self, name: str, given: Mapping[str, str], secret: str = PIN) -> Page:
        """Do a transaction: questions, check, signature. Returns the last page."""
        return self.finish(self.fill_in(name, given), secret)

    def finish(self, page: Page, secret: str = PIN) -> Page:
        """Confirm what is to be checked, and sign it where it is signed."""
        if page.status == 200 and page.path.endswith("/check"):
            page = self.send(page)
        if page.status == 200 and page.path.endswith("/sign"):
            page = self.send(page, secret=secret)
        return page


def browser(
    world: World, who: str | None = None, site: str | None = "101", **values: Any
) -> Browser:
    """A browser at this world's pages, signed in as one of the cast at a site if one is named."""
    telephone_settings(world.core, **values)
    found = Browser(create_app(world.core).test_client())
    if who is not None:
        found.sign_in(PEOPLE[who])
        found.go_to(world.study, site)
    return found
