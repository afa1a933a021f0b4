"""A browser without JavaScript: reads a page's forms, presses their buttons, follows redirects."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urljoin


@dataclass
class Form:
    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, dict[str, str]] = field(default_factory=dict)


class Page(HTMLParser):
    """A page's forms, and its text piece by piece with the attributes of what it stands in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.forms: list[Form] = []
        self.texts: list[tuple[str, Mapping[str, str]]] = []
        self._open: list[tuple[str, Mapping[str, str]]] = []
        self._form: Form | None = None
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag not in ("meta", "link", "input", "br", "img"):
            self._open.append((tag, found))
        if tag == "form":
            self._form = Form(found.get("method", "get"), found.get("action", ""))
            self.forms.append(self._form)
        elif self._form is not None:
            self._control(self._form, tag, found)

    def _control(self, form: Form, tag: str, found: dict[str, str]) -> None:
        if tag == "input" and "name" in found:
            form.fields[found["name"]] = found.get("value", "")
        elif tag == "select":
            self._select = found["name"]
        elif tag == "option" and (self._select not in form.fields or "selected" in found):
            form.fields[self._select] = found["value"]
        elif tag == "button":
            form.buttons[found.get("id", "")] = found

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open:
            self.texts.append((" ".join(data.split()), self._open[-1][1]))

    def in_class(self, name: str) -> list[str]:
        """The texts that stand in elements of this class."""
        return [text for text, found in self.texts if name in found.get("class", "").split()]


class Browser:
    """Reads and posts pages of the server at `url`; keeps its cookies."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.page = Page("")

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> int:
        """Open a page; it is `page` then. Returns the status."""
        return self._ask(urljoin(self.url, path), None, headers or {})

    def submit(self, button: str, **fields: str) -> int:
        """Fill the form that has the button of this id, and press it."""
        form = next(form for form in self.page.forms if button in form.buttons)
        pressed = form.buttons[button]
        told = {**form.fields, **fields}
        if "name" in pressed:
            told[pressed["name"]] = pressed.get("value", "")
        action = urljoin(self.url, pressed.get("formaction") or form.action)
        return self._ask(action, urlencode(told).encode(), {})

    def _ask(self, address: str, body: bytes | None, headers: Mapping[str, str]) -> int:
        request = urllib.request.Request(address, body, dict(headers))  # noqa: S310 - our server
        try:
            with self._opener.open(request) as answer:
                status, html = answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            status, html = error.code, error.read().decode(errors="replace")
        self.page = Page(html)
        return int(status)
