"""All that the blinded can read: pages by their links, API, command, messages and record."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, Final

from click.testing import CliRunner

from tests.support.hands import Hands, masked
from tests.support.world import PEOPLE, PIN, World
from web.api import OPERATIONS
from web.cli import main

Reading = tuple[str, bytes]
_LINK: Final = re.compile(r'href="(/[^"#]*)')
_NOT_READ: Final = ("/do/", "/draft/", "/sign-out", "/static/", "/publish", "/versions")
"""What writes, what is the same for everybody, and the study file, which the test exchanges."""
_PAGES_MAX: Final = 160
_FILES: Final = (
    *(f"/accountability.csv?table={one}" for one in ("sites", "lots", "kits", "subjects")),
    *("/accountability.xlsx", "/accountability.pdf"),
    *(
        "/accountability.csv?site=101",
        "/accountability.xlsx?site=101",
        "/accountability.pdf?site=101",
    ),
)
_PROGRAMS: Final = ("Ada", "Di", "Cy", "Mia", "Aud")


def readings(hands: Hands, who: str, numbers: list[str]) -> Iterator[Reading]:
    """Everything that this person can read, each with where; by the API those whose sight is not
    that of somebody else here."""
    yield from pages(hands, who)
    if who in _PROGRAMS:
        yield from answers(hands, who, numbers)


def pages(hands: Hands, who: str) -> Iterator[Reading]:
    """Every page and file that links lead to, and the files of the account."""
    browser = hands.browser(who)
    seen: dict[str, None] = dict.fromkeys(("/", *_FILES))
    waiting = list(seen)
    while waiting and len(seen) - len(waiting) < _PAGES_MAX:
        path = waiting.pop(0)
        found = browser.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
        assert found.status_code < 500, (who, path, found.text)
        yield f"page {who} {path}", b"%d " % found.status_code + masked(found.data)
        if found.mimetype != "text/html":
            continue
        for link in map(unescape, _LINK.findall(found.text)):
            if link not in seen and not link.startswith(_NOT_READ):
                seen[link] = None
                waiting.append(link)


def answers(hands: Hands, who: str, numbers: list[str]) -> Iterator[Reading]:
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
        plural = path.rpartition("/{number}")[0].rpartition("/")[2]
        named = known.get(plural, [*lots, *numbers]) if "{number}" in path else [""]
        for number in named:
            for query in _queries(operation.query):
                found = hands.programs.ask(
                    who, path.replace("{number}", number), query_string=query
                )
                assert found.status_code < 500, (path, number, found.data)
                where = f"api {who} {path.replace('{number}', number)} {query}"
                yield where, b"%d " % found.status_code + masked(found.data)


def _queries(known: Any) -> list[dict[str, str]]:
    """The longest page; each of the formats, where there are some."""
    base = {"limit": "200"} if "limit" in known else {}
    forms = known.get("format", {}).get("enum", ())
    return [{**base, "format": form} for form in forms] or [base]


def record(world: World) -> Iterator[Reading]:
    """The ledger's entries, but for what is sealed, hashed or a file: every fact of them is safe
    for any reader, as `Outcome` promises."""
    rows = world.rows("SELECT sequence, body FROM ledger WHERE study = :study ORDER BY sequence")
    for row in rows:
        entry = json.loads(row.body)
        told = {**entry, "secret": sorted(entry["secret"])}
        yield f"ledger - {row.sequence}", masked(json.dumps(told, sort_keys=True).encode())


def messages(world: World) -> Iterator[Reading]:
    """What was sent to whom and when, by SMS and e-mail; to roles that are unblinded nothing that
    names a type is sent either, so all of it counts."""
    query = (
        'SELECT site, depot, user_id, roles, "by", message, status, due_at, created_at FROM outbox '
        "WHERE study = :study ORDER BY id"
    )
    for place, row in enumerate(world.rows(query)):
        yield f"message - {place}", masked(repr(tuple(row)).encode())


def commands(world: World, environment: dict[str, str], numbers: list[str]) -> Iterator[Reading]:
    """What `ixrs` shows to a monitor and a coordinator."""
    kits = world.rows(
        "SELECT number FROM kit WHERE study = :study AND site = '101' ORDER BY number"
    )
    sent = world.rows(
        "SELECT number FROM shipment WHERE study = :study AND site = '101' ORDER BY number"
    )
    asked: list[tuple[str, ...]] = [("show", "subject", number) for number in numbers]
    asked += [("show", "kit", row.number) for row in kits[:8]]
    asked += [("show", "shipment", row.number) for row in sent[:4]]
    asked += [
        ("supply", "accountability", "--table", one, "--out", "-") for one in ("kits", "sites")
    ]
    asked += [("supply", "why", row.number) for row in sent[:2]]
    for who, arguments in itertools.product(("Ada", "Cy"), asked):
        given = [*arguments, "--study", world.study, "--as", PEOPLE[who], "--secret-stdin"]
        result = CliRunner().invoke(main, given, input=f"{PIN}\n", env=environment)
        yield f"ixrs {who} {' '.join(arguments)}", f"{result.exit_code} {result.output}".encode()
