"""What the pages say, the way from page to page, filters and paging."""

from __future__ import annotations

import html
import re
from urllib.parse import urlsplit

import pytest
from sqlalchemy import event, insert, select

from core.db.models import subject
from tests.support.world import Given
from tests.web.reading.conftest import Known
from tests.web.reading.pages import Pages, words


def rows_of(page: str) -> list[str]:
    """What the rows of the lists say."""
    return [words(row) for row in re.findall(r"<tr>.*?</tr>", page, re.S)[1:]]


def many_subjects(pages: Pages, number: str, count: int) -> None:
    """Copies of a subject, at the same site, numbered 900001 and on."""
    core = pages.world.core
    with core.writing() as db:
        query = select(subject).where(subject.c.number == number, subject.c.study == "combi")
        one = dict(db.execute(query).one()._mapping)
        given = {"id": None, "randomization_number": None}
        copies = [{**one, **given, "number": str(900001 + place)} for place in range(count)]
        for copy in copies:
            del copy["id"]
        db.execute(insert(subject), copies)


def statements(pages: Pages, who: str, path: str) -> int:
    """How many statements a page takes, sign-in and all."""
    pages.browser(who)
    heard: list[str] = []

    def hear(*said: object) -> None:
        heard.append(str(said[2]))

    event.listen(pages.world.core.engine, "before_cursor_execute", hear)
    assert pages.get(who, path).status_code == 200
    event.remove(pages.world.core.engine, "before_cursor_execute", hear)
    return len(heard)


def test_a_subject_shows_state_visits_kits_and_what_was_done(pages: Pages, known: Known) -> None:
    text = pages.text("Ada", f"/subjects/{known.subject}")
    for told in (
        "State randomized",
        "Visit 1 done, kits assigned November 20, 2026",
        "Visit 2 planned due December 18, 2026 December 15, 2026 to December 21, 2026",
        f"{known.kit} assigned, hand-over not confirmed",
        "Dispensing visit done",
        "Signed by Ada (11), November 20, 2026",
        "I take responsibility for this randomization",
        "10:00 AM GMT-05:00",
    ):
        assert told in text


@pytest.mark.req("R9")
def test_pages_speak_the_readers_language_in_the_time_of_the_site(
    pages: Pages, known: Known
) -> None:
    pages.world.rows("SELECT 1")
    with pages.world.core.writing() as db:
        db.exec_driver_sql("UPDATE person SET language = 'es' WHERE user_id = '15'")
    text = pages.text("Di", f"/subjects/{known.other_subject}")
    assert "Sujeto" in text
    assert "20 de noviembre de 2026, 16:00 GMT+01:00" in text


def test_what_may_be_done_now_is_a_link_with_its_subject(pages: Pages, known: Known) -> None:
    page = html.unescape(pages.get("Ada", f"/subjects/{known.subject}").text)
    offered = set(re.findall(r'href="/do/(\w+)\?subject=' + known.subject, page))
    assert offered == {
        *("dispense", "replace", "hand_over", "end"),
        *("unscheduled", "missed_visit", "visit_without_drug"),
        *("return_kit", "correct_levels", "correct_subject", "never_got_it"),
        *("hold_dose", "wrong_kit"),
    }
    assert "/do/" not in pages.get("Cy", f"/subjects/{known.subject}").text
    screened = pages.world.screen()
    page = pages.get("Ada", f"/subjects/{screened}").text
    assert set(re.findall(r'href="/do/(\w+)', page)) == {
        *("randomize", "screen_failure", "end", "wrong_kit", "correct_subject"),
    }


def test_a_kit_and_a_shipment_offer_their_own_deeds(pages: Pages, known: Known) -> None:
    page = html.unescape(pages.get("Ada", f"/kits/{known.kit}").text)
    assert f"/do/replace?subject={known.subject}&kit={known.kit}" in page
    number = pages.world.ship(1, receive=None)
    assert f"/do/receive?shipment={number}" in pages.get("Ada", f"/shipments/{number}").text
    assert "/do/receive" not in pages.get("Ada", f"/shipments/{known.shipment}").text


def test_a_kit_is_found_in_the_ledger_wherever_it_is_named(pages: Pages, known: Known) -> None:
    pages.world.do("replace", "Ada", subject=known.subject, kit=known.kit, reason="lost")
    found = rows_of(pages.get("Mia", f"/ledger?kit={known.kit}").text)
    deeds = ("Replacement of a kit", "Dispensing visit", "Shipment dispatched")
    assert all(any(deed in row for row in found) for deed in deeds[:2]), found
    assert len(found) == 4  # packed, sent, assigned, replaced
    assert "lost by the subject" in pages.text("Ada", f"/kits/{known.kit}")


def test_the_ledger_is_filtered_by_subject_person_deed_and_day(pages: Pages, known: Known) -> None:
    def found(query: str, who: str = "Ada") -> list[str]:
        return rows_of(pages.get(who, f"/ledger?{query}").text)

    assert len(found(f"subject={known.subject}")) == 3
    assert len(found(f"subject={known.subject}&person=12")) == 1
    assert all("Dispensing visit" in row for row in found("deed=dispense"))
    assert len(found("deed=dispense")) == 1
    assert len(found("deed=dispense", "Mia")) == 2
    assert len(found("deed=dispense&site=102", "Mia")) == 1
    assert found("since=2026-11-21") == []
    today = len(found("since=2026-11-20&until=2026-11-20"))
    assert today == len(found("")) == 4
    assert found("until=2026-11-19") == []


def test_a_day_that_is_none_is_said_beside_its_field(pages: Pages, known: Known) -> None:
    page = pages.get("Ada", "/ledger?since=yesterday")
    assert page.status_code == 200
    assert 'href="#since"' in page.text
    assert 'aria-describedby="since-wrong"' in page.text


@pytest.mark.req("R9")
def test_a_day_of_the_ledger_is_one_of_the_site(pages: Pages, known: Known) -> None:
    """At 22:00 in New York it is tomorrow in UTC, and still today on the page."""
    pages.world.days_later(0.5)
    pages.world.screen()
    found = rows_of(pages.get("Ada", "/ledger?since=2026-11-20&until=2026-11-20").text)
    assert "Screening" in found[0]
    assert "10:00 PM" in found[0]


def test_subjects_are_filtered_and_paged_to_the_end(pages: Pages, known: Known) -> None:
    many_subjects(pages, known.subject, 120)
    pages.world.screen()
    seen: list[str] = []
    path = "/subjects?status=randomized"
    for place in range(3):
        page = pages.get("Ada", path).text
        seen += re.findall(r'href="/subjects/(\d+)"', page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        assert (following is None) == (place == 2)
        if following:
            path = html.unescape(following[1])
            assert "status=randomized" in path
    expected = pages.world.rows(
        "SELECT number FROM subject WHERE study = :study AND site = '101' "
        "AND status = 'randomized' ORDER BY number"
    )
    assert seen == [row.number for row in expected]


@pytest.mark.parametrize("path", ["/subjects", "/shipments", "/ledger", "/sites", "/people"])
def test_a_page_of_a_list_that_no_list_gave_is_refused(pages: Pages, path: str) -> None:
    for after in ("x", "1-", "-1", "9" * 40, "1%27%20OR%201"):
        assert pages.get("Mia", f"{path}?after={after}").status_code == 422


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("Ada", "/subjects"),
        ("Ada", "/subjects/{subject}"),
        ("Ada", "/ledger"),
        ("Mia", "/sites/101"),
        ("Ada", "/stock"),
        ("Mia", "/people"),
        ("Ada", "/shipments"),
    ],
)
def test_a_page_takes_as_many_statements_however_much_there_is(
    pages: Pages, known: Known, who: str, path: str
) -> None:
    path = path.format(subject=known.subject)
    many_subjects(pages, known.subject, 10)
    statements(pages, who, path)  # the study file is read once
    few = statements(pages, who, path)
    with pages.world.core.writing() as db:
        db.exec_driver_sql("DELETE FROM subject WHERE number LIKE '9000%'")
    many_subjects(pages, known.subject, 200)
    assert statements(pages, who, path) == few < 80


def test_pages_stay_small(pages: Pages, known: Known) -> None:
    many_subjects(pages, known.subject, 120)
    for path in ("/subjects", "/stock", "/ledger", "/shipments", "/versions/1", "/people"):
        page = pages.get("Mia", f"{path}?site=101" if path == "/stock" else path)
        assert len(page.data) < 40_000, path


def test_everything_is_reached_from_the_page_of_today(pages: Pages, known: Known) -> None:
    known_to_mia = {"/"}
    waiting = ["/"]
    while waiting:
        page = pages.get("Mia", waiting.pop())
        if page.mimetype != "text/html":
            continue
        for link in re.findall(r'href="(/[^"]*)"', page.text):
            path = urlsplit(html.unescape(link)).path
            if path not in known_to_mia and not path.startswith(("/static", "/do/", "/place")):
                known_to_mia.add(path)
                waiting.append(html.unescape(link))
    for wanted in (
        *(f"/subjects/{known.subject}", f"/subjects/{known.subject}/visits/V1", "/versions/1"),
        *(f"/kits/{known.kit}", f"/shipments/{known.shipment}", "/people/11", "/publish"),
        *("/stock", "/ledger", "/account", "/sites/103"),
    ):
        assert wanted in known_to_mia, wanted


def test_tables_have_captions_and_headings_that_stay_on_small_screens(
    pages: Pages, known: Known
) -> None:
    for path in (f"/subjects/{known.subject}", "/ledger", "/stock?site=101", "/people"):
        page = pages.get("Mia", path).text
        for table in re.findall(r"<table.*?</table>", page, re.S):
            assert "<caption>" in table
            assert 'scope="col"' in table
            cells = re.findall(r"<td(.*?)>", table)
            assert "counts" in table[:30] or all("data-label" in cell for cell in cells), path


def test_lists_without_rows_say_so(pages: Pages) -> None:
    assert "There are no subjects here yet" in pages.text("Ada", "/subjects")
    assert "No kit has come to this site yet." in pages.text("Mia", "/stock?site=103")
    assert "Nothing on record fits." in pages.text("Mia", "/ledger?person=999")


def test_a_refusal_is_told_in_the_ledger_in_words(pages: Pages, known: Known) -> None:
    given: Given = {"subject": known.subject, "consent": "yes", "eligible": "yes", "sex": "F"}
    pages.world.refused("already_randomized", "randomize", "Ivy", **given)
    assert "Randomization refused" in pages.text("Ada", f"/ledger?subject={known.subject}")
