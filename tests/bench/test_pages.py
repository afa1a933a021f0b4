"""The benchmark of pages runs and prints what docs/ says."""

from __future__ import annotations

import pytest

from tests.bench import pages
from tests.bench.test_benches import documented, names, one_line
from tests.support.browser import find_browser


@pytest.mark.slow
@pytest.mark.skipif(find_browser() is None, reason="there is no browser")
def test_pages_are_loaded_over_the_thin_line_and_weighed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pages.main(["--runs", "1"])
    found = one_line(capsys)
    assert [(one["page"], one["cold"]) for one in found["pages"]] == [
        ("subject", True),
        ("question", True),
        ("link", False),
    ]
    for one in found["pages"]:
        assert one["load_seconds"]["max"] > 1  # two requests at 500 ms
        assert 1000 < one["bytes"] < 50 * 1024
    assert names(found) - {"bench"} <= documented("pages")
