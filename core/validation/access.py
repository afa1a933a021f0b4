"""Each role may do exactly what the table of roles says, and nothing at another's site."""

from __future__ import annotations

from core.access.roles import ROLES, SITE_PERMISSIONS, Permission
from core.errors import IxrsError, NotAllowed, NotFound
from core.interview import advance
from core.register import transactions
from core.transaction import Channel, Transaction
from core.validation.bench import OTHER_SITE, SITE, Bench


def roles(here: Bench) -> None:
    """What each role may do, and that it may do nothing else."""
    here.begin("Roles", "Each role may do what is listed and is refused everything else; whoever "
               "works at one site does not see another.")  # fmt: skip
    deeds = [
        one
        for one in transactions()
        if Channel.COMMAND in one.channels and one.is_used(here.config)
    ]
    for role, held in ROLES.items():
        expected = [
            one.name
            for one in deeds
            if one.permission in held or one.permission is Permission.PERSONAL
        ]
        seen = [one.name for one in deeds if _may(here, role, one, SITE)]
        wrong = sorted(set(expected) ^ set(seen))
        here.note(
            role, "each deed", {}, f"May do: {', '.join(expected)}. Everything else is refused",
            "exactly these" if not wrong else f"differs in {', '.join(wrong)}",
            ended="failed" if wrong else "passed",
        )  # fmt: skip
        if held & SITE_PERMISSIONS and not _sees(here, role):
            here.note(role, "each deed at another site", {}, "The site does not exist",
                      "not found")  # fmt: skip


def _may(here: Bench, role: str, deed: Transaction, site: str) -> bool:
    try:
        with here.core.reading() as db:
            at = site if deed.site else None
            advance(here.core, db, deed, here.actor(role), here.study, at, {})
    except (NotAllowed, NotFound):
        return False
    except IxrsError:
        return True
    return True


def _sees(here: Bench, role: str) -> bool:
    return here.actor(role).sees_site(here.study, OTHER_SITE)
