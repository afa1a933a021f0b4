"""Files of sites and people: what no database takes is told with its line, and nothing done."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import InvalidInput
from tests.support.world import World

SITES = "number,name,country,timezone,language,phone,depot\n"
USERS = "user_id,name,email,mobile,role,sites,language\n"


def problems(wrong: InvalidInput) -> list[str]:
    """The ids of what is wrong with the lines of a file."""
    listed: Any = wrong.message.params["problems"]
    return [line.params["problem"].id for line in listed]


@pytest.mark.parametrize("body", ["", "\n\n"])
def test_a_file_of_nothing_but_its_first_line_is_empty(world: World, body: str) -> None:
    wrong = world.wrong("file", "import_sites", "Mia", file=SITES + body)
    assert wrong.message.id == "error.file_empty"


@pytest.mark.parametrize("name", ["N" * 201, "North\x00Clinic", '"North\nClinic"'])
def test_a_name_that_no_database_takes_is_told(world: World, name: str) -> None:
    line = f"188,{name},US,America/New_York,en,,\n"
    wrong = world.wrong("file", "import_sites", "Mia", file=SITES + line)
    assert problems(wrong) == ["error.text"]


def test_a_user_id_is_not_given_to_two_people_in_one_file(world: World) -> None:
    lines = (
        "7005,Ana Alba,a@b.org,+12025550191,monitor,101,en\n"
        "7005,Ben Bell,b@b.org,+12025550192,monitor,101,en\n"
    )
    wrong = world.wrong("file", "import_users", "Mia", file=USERS + lines)
    assert problems(wrong) == ["error.import_other_name"]
