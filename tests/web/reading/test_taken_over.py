"""A subject taken over from elsewhere on the pages: read like any other, and never by arm."""

from __future__ import annotations

from tests.support.lists import statistician
from tests.support.pages import browser
from tests.support.world import World
from tests.web.reading.pages import Pages

FILE = """subject,site,randomization_number,randomized_on,arm,sex,visits
101007,101,880001,2026-10-23,active,F,V1:2026-10-23
102001,102,880003,2026-10-23,placebo,M,
"""


def test_the_site_reads_its_own_and_sees_what_was_done_before(quick_world: World) -> None:
    statistician(quick_world)
    quick_world.do("import_subjects", "Tess", file=FILE)
    pages = Pages(quick_world)
    text = pages.text("Ada", "/subjects/101007")
    assert "State randomized" in text
    assert "Visit 1 done before the study was taken over October 23, 2026" in text
    assert "Visit 2 planned due November 20, 2026" in text
    assert "Import of subjects done" in text
    for word in ("active", "Active", "placebo"):
        assert word not in text
    assert pages.get("Ada", "/subjects/102001").status_code == 404
    assert "101007" in pages.text("Ada", "/subjects")
    assert "Import of subjects" in pages.text("Cy", "/ledger")


def test_a_form_takes_the_file_and_tells_what_is_wrong_by_line(quick_world: World) -> None:
    statistician(quick_world)
    quick_world.let_in("Tess")
    desk = browser(quick_world, "Tess", None)
    wrong = desk.do("import_subjects", {"file": FILE.replace(",F,", ",X,")})
    assert "Line 2, sex" in wrong.text
    assert "Nothing was imported" in wrong.text
    done = desk.do("import_subjects", {"file": FILE})
    assert "2 subjects are taken over" in done.text
