"""All that the blinded can read: pages by their links, files, API, commands and the record."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable
from html import unescape
from typing import Any, Final

from tests.noninterference.hands import Hands
from tests.support.world import PEOPLE
from web.api import OPERATIONS

_LINK: Final = re.compile(r'href="(/[^"#]*)')
_NOT_READ: Final = (
    *("/do/", "/draft/", "/sign-out", "/static/", "/publish", "/versions"),
    "/language/",  # a cookie that expires by the real clock
)
"""What writes, what is the same for everybody, and the study file, which the test exchanges."""
_LARGE: Final = ("/copies/record.", "/accountability.pdf", "/accountability.xlsx")
"""Files that take long: those whose sight is not that of somebody else here ask for them."""
_PAGES_MAX: Final = 110
_EACH_MAX: Final = 40
"""So many of each kind of thing a program asks for, one by one; the lists have all of them."""
_FILES: Final = (
    *(f"/accountability.csv?table={one}" for one in ("sites", "lots", "kits", "subjects")),
    *("/accountability.xlsx", "/accountability.pdf"),
    *(
        "/accountability.csv?site=101",
        "/accountability.xlsx?site=101",
        "/accountability.pdf?site=101",
    ),
)
PROGRAMS: Final = ("Ada", "Di", "Cy", "Mia", "Aud")
"""Who asks the API: those whose sight is not that of somebody else here."""


_READERS_OF_FILES: Final = ("Ada", "Cy")


def read_all(hands: Hands, numbers: list[str], who: Iterable[str]) -> None:
    """Everything that these people can read."""
    for one in who:
        with hands.as_(one):
            pages(hands, one)
            if one in PROGRAMS:
                answers(hands, one, numbers)
    record(hands)


def pages(hands: Hands, who: str) -> None:
    """Every page and file that links lead to, and the files of the account."""
    browser = hands.browser(who)
    seen: dict[str, None] = dict.fromkeys(("/", *_FILES))
    waiting = list(seen)
    while waiting and len(seen) - len(waiting) < _PAGES_MAX:
        path = waiting.pop(0)
        if path.startswith(_LARGE) and who not in _READERS_OF_FILES:
            continue
        found = browser.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
        assert found.status_code < 500, (who, path, hands.watch.seen[-1].logged[-1500:])
        if found.mimetype != "text/html":
            continue
        for link in map(unescape, _LINK.findall(found.text)):
            if link not in seen and not link.startswith(_NOT_READ):
                seen[link] = None
                waiting.append(link)


def read_some(hands: Hands, who: str, paths: Iterable[str]) -> None:
    """These pages and files alone."""
    with hands.as_(who):
        for path in paths:
            found = hands.browser(who).get(path, headers={"Accept": "text/html"})
            assert found.status_code == 200, (who, path, found.text)


def answers(hands: Hands, who: str, numbers: list[str]) -> None:
    """Every GET of the API, of everything that has a number."""
    world = hands.world
    tables = {"subjects": "subject", "kits": "kit", "shipments": "shipment", "sites": "site"}
    known = {
        plural: [
            row.number
            for row in world.rows(
                f"SELECT number FROM {table} WHERE study = :study ORDER BY number"
            )
        ]
        for plural, table in tables.items()
    }
    lots = [row.number for row in world.rows("SELECT number FROM lot WHERE study = :study")]
    for operation in OPERATIONS:
        if operation.method != "get" or "{id}" in operation.path:
            continue
        path = operation.path.replace("{study}", world.study)
        plural = re.sub(r"/\{[a-z]+\}$", "", path).rpartition("/")[2]
        named = known.get(plural, [*lots, *numbers]) if "{" in path else [""]
        for number in named[:: 1 + len(named) // _EACH_MAX]:
            for query in _queries(operation.query):
                asked = re.sub(r"\{[a-z]+\}", number, path)
                found = hands.programs.ask(who, asked, query_string=query)
                assert found.status_code < 500, (asked, found.data)


def _queries(known: Any) -> list[dict[str, str]]:
    """The longest page; each of the formats, where there are some."""
    base = {"limit": "200"} if "limit" in known else {}
    forms = known.get("format", {}).get("enum", ())
    return [{**base, "format": form} for form in forms] or [base]


def record(hands: Hands) -> None:
    """The ledger's entries, but for what is sealed, hashed or a file (every fact of them is safe
    for any reader, as `Outcome` promises), and what waits to be sent to whom."""
    rows = hands.world.rows("SELECT sequence, body FROM ledger WHERE study = :study ORDER BY 1")
    with hands.watch.acting("anybody", is_blinded=True):
        for row in rows:
            entry = json.loads(row.body)
            told = {**entry, "secret": sorted(entry["secret"])}
            with hands.watch.step(f"ledger {row.sequence}") as kept:
                kept.append(json.dumps(told, sort_keys=True).encode())
        query = (
            'SELECT site, depot, user_id, roles, "by", message, status, due_at, created_at '
            "FROM outbox WHERE study = :study ORDER BY id"
        )
        with hands.watch.step("outbox") as kept:
            kept += [repr(tuple(row)).encode() for row in hands.world.rows(query)]


def commands(hands: Hands, numbers: list[str], who: Iterable[str] = ("Ada", "Cy")) -> None:
    """What `ixrs` shows to a monitor and a coordinator."""
    world = hands.world
    here = "WHERE study = :study AND site = '101' ORDER BY number"
    kits = world.rows(f"SELECT number FROM kit {here}")
    sent = world.rows(f"SELECT number FROM shipment {here}")
    asked: list[tuple[str, ...]] = [("show", "subject", number) for number in numbers]
    asked += [("show", "kit", row.number) for row in kits[:8]]
    asked += [("show", "shipment", row.number) for row in sent[:4]]
    asked += [
        ("supply", "accountability", "--table", one, "--out", "-") for one in ("kits", "sites")
    ]
    asked += [("supply", "why", row.number) for row in sent[:2]]
    for one, arguments in itertools.product(who, asked):
        given = [*arguments, "--study", world.study, "--as", PEOPLE[one], "--secret-stdin"]
        code, told = hands.ixrs(one, *given)
        assert code == 0, (arguments, told)
