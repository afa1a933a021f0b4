"""What a failure of a command says."""

from __future__ import annotations

import pytest

from core.bulk import Sheet
from core.errors import InvalidInput
from core.messages import Message
from web.cli.base import failure_of


def test_a_refused_file_is_told_problem_by_problem_with_its_lines() -> None:
    sheet = Sheet("lot,expiry\n9001,2028-13\n", ("lot", "expiry"))
    sheet.complain(2, "expiry", Message("error.import_expiry"))
    sheet.complain(3, "", Message("error.import_width"))
    with pytest.raises(InvalidInput) as refused:
        sheet.check()
    failed = failure_of(refused.value)
    assert failed is not None
    first, second, third = failed.message.splitlines()
    assert first == "The file has 2 problems. Nothing was imported."
    assert second.startswith("Line 2, expiry: Write the expiry as 2027-06-30")
    assert third == "Line 3: This line does not have as many values as there are columns."
