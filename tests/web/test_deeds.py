"""A transaction on pages: question by question, check, sign, receipt; once, whatever is pressed."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from core import drafts
from core.db.faces import web_draft
from tests.support.pages import Browser, Page, browser
from tests.support.world import OTHER_PIN, PEOPLE, PIN, World

SCREENING = {"consent_date": "2026-11-20", "year_of_birth": "1961", "rescreened": "no"}
NEW_SITE = "number,name,country,timezone,language,phone,depot\n104,Vigo,ES,Europe/Madrid,en,,900\n"


def _randomizing(world: World) -> dict[str, Any]:
    return {"subject": world.screen(), "consent": "yes", "eligible": "yes", "sex": "F"}


def _count(world: World, name: str) -> int:
    query = 'SELECT count(*) FROM ledger WHERE study = :study AND "transaction" = :name'
    return int(world.one(query, name=name))


# -- questions


def test_asks_one_question_on_a_page_and_labels_it(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.get("/do/screen")
    assert page.title == "On which day was consent signed?"
    assert page.of("label") == ["Day", "Month", "Year"]
    page = here.answer(page, "2026-11-20")
    assert page.title == "In which year was the subject born?"
    assert '<label for="answer">' in page.html
    page = here.answer(page, "1961")
    assert page.of("label") == ["Yes", "No"]


def test_answers_given_in_the_address_are_not_asked_again(quick_world: World) -> None:
    subject = quick_world.screen()
    page = browser(quick_world, "Ivy").get(f"/do/randomize?subject={subject}&nonsense=1")
    assert page.path.endswith("/ask/consent")
    page = browser(quick_world, "Ivy").get("/do/randomize?subject=999")
    assert page.path.endswith("/ask/subject")


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (("", "", ""), "Write a real date"),
        (("31", "2", "2026"), "Write a real date"),
        (("20", "11", "26"), "too long ago"),
        (("x", "11", "2026"), "Write a real date"),
        (("21", "11", "2026"), "has not come yet"),
    ],
)
def test_a_wrong_date_is_told_at_the_top_and_beside_the_field(
    quick_world: World, parts: tuple[str, str, str], words: str
) -> None:
    here = browser(quick_world, "Ada")
    day, month, year = parts
    page = here.send(
        here.get("/do/screen"), answer__day=day, answer__month=month, answer__year=year
    )
    assert page.status == 422
    assert words in page.in_class("errors")
    assert words in page.in_class("error")
    assert "#answer-day" in page.links
    assert 'id="answer-day"' in page.html
    assert page.of("title")[0].startswith("Error:")
    assert "autofocus" in page.html


def test_what_was_typed_stays_in_the_field(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.answer(here.get("/do/dispense"), "<b>99")
    assert page.status == 422
    assert page.form.data()["answer"] == "<b>99"
    assert "<b>" not in page.html
    assert "Subject number &lt;b&gt;99 is not known" in page.html


def test_nothing_chosen_says_to_choose(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.get("/do/screen?consent_date=2026-11-20&year_of_birth=1961")
    page = here.send(page)
    assert (page.status, "Choose one" in page.in_class("errors")) == (422, True)
    assert "#answer" in page.links


def test_back_and_change_keep_what_still_holds(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.fill_in("screen", SCREENING)
    assert page.title == "Check your answers"
    assert page.row("In which year was the subject born?") == "1961"
    change = next(link for link in page.links if link.endswith("/ask/year_of_birth"))
    asked = here.get(change)
    assert asked.form.data()["answer"] == "1961"
    page = here.answer(asked, "1970")
    assert page.title == "Check your answers"
    assert page.row("In which year was the subject born?") == "1970"
    assert page.row("On which day was consent signed?") == "November 20, 2026"
    done = here.finish(page)
    assert quick_world.subject(done.row("Subject")).year_of_birth == 1970


def test_another_subject_drops_the_answers_that_were_about_the_first(quick_world: World) -> None:
    one, two = quick_world.randomized(), quick_world.randomized()
    quick_world.dispense(two)
    here = browser(quick_world, "Ada")
    page = here.fill_in("dispense", {"subject": one, "visit": "V1"})
    assert page.title == "Check your answers"
    page = here.answer(here.get(page.path.replace("/check", "/ask/subject")), two)
    assert page.path.endswith("/ask/visit")
    assert [one.value for one in page.form.controls if one.kind == "radio"] == ["V2"]


def test_a_warning_is_shown_before_the_confirm(quick_world: World) -> None:
    subject = quick_world.randomized()
    quick_world.dispense(subject)
    page = browser(quick_world, "Ada").fill_in("dispense", {"subject": subject, "visit": "V2"})
    assert "Warning: the window opens on" in page.in_class("warning")


def test_kits_may_be_one_on_a_line_or_between_commas(quick_world: World) -> None:
    number = quick_world.ship(2, receive=None)
    kits = [row.number for row in quick_world.rows(
        "SELECT k.number FROM kit k JOIN shipment s ON s.id = k.shipment_id"
        " WHERE s.study = :study AND s.number = :n ORDER BY k.number", n=number)]  # fmt: skip
    here = browser(quick_world, "Ada")
    page = here.fill_in("receive", {"shipment": number, "received_date": "2026-11-20",
                                    "logger": "no_alarm"})  # fmt: skip
    page = here.send(page, answer=f" {kits[0]},{kits[1]}\n")
    page = here.send(page, answer="")
    assert page.row("Numbers of the damaged kits, if any") == f"{kits[0]} and {kits[1]}"
    assert page.row("Numbers of the missing kits, if any") == "None"
    here.finish(page)
    assert {quick_world.kit(kit).disposition for kit in kits[:2]} == {"damaged"}


# -- signing


@pytest.mark.req("R16")
def test_signing_shows_name_meaning_and_time_and_asks_the_secret_again(quick_world: World) -> None:
    here = browser(quick_world, "Mia", None)
    given = {"to_site": "103", "approval_date": "2026-11-20"}
    page = here.send(here.fill_in("activate_site", given))
    assert page.title == "Sign"
    assert page.row("Name") == "Mia"
    assert page.row("Meaning") == "I authorize the activation of this site"
    assert page.row("Date and time").startswith("November 20, 2026, 3:00")
    wrong = here.send(page, secret="000001")
    assert wrong.status == 403
    assert "#secret" in wrong.links
    assert _count(quick_world, "activate_site") == 2
    done = here.send(wrong, secret=PIN)
    assert "I authorize the activation of this site" in done.row("Signed by")
    (signed,) = quick_world.last_entry()["signatures"]
    assert (signed["name"], signed["meaning"], signed["method"]) == ("Mia", "activate_site", "PIN")


@pytest.mark.req("R19")
def test_a_signed_deed_is_not_done_from_the_check_page(quick_world: World) -> None:
    here = browser(quick_world, "Mia", None)
    given = {"to_site": "103", "approval_date": "2026-11-20"}
    page = here.send(here.fill_in("activate_site", given))
    assert page.path.endswith("/sign")
    assert _count(quick_world, "activate_site") == 2


def test_guessing_at_a_signature_ends_the_session(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.send(here.fill_in("change_pin", {"new_pin": OTHER_PIN}))
    # From several addresses, so that it is the person who is locked and not the address.
    for tries in range(5):
        here.headers["X-Forwarded-For"] = f"192.0.2.{tries}"
        page = here.send(page, secret="000001")
    page = here.send(page, secret=PIN)
    assert page.status == 429
    assert here.get("/place").path == "/sign-in"


def test_what_was_changed_elsewhere_is_not_confirmed_unseen(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    shown = here.fill_in("screen", SCREENING)
    here.answer(here.get(shown.path.replace("/check", "/ask/year_of_birth")), "1980")
    again = here.send(shown)
    assert again.path == shown.path
    assert again.row("In which year was the subject born?") == "1980"
    assert _count(quick_world, "screen") == 0


@pytest.mark.parametrize(
    ("pin", "again", "words"),
    [("123456", "123456", "too easy"), (OTHER_PIN, PIN, "not the same"), ("", "", "six digits")],
)
def test_a_new_pin_that_will_not_do_is_told_why(
    quick_world: World, pin: str, again: str, words: str
) -> None:
    here = browser(quick_world, "Ada")
    page = here.send(here.get("/do/change_pin"), answer=pin, answer__again=again)
    assert page.status == 422
    assert words in page.in_class("errors")
    assert "value" not in page.html.split('id="answer"')[1].split(">")[0]


@pytest.mark.req("R20")
def test_a_new_pin_stands_in_no_page_and_no_row(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.fill_in("change_pin", {"new_pin": OTHER_PIN})
    with quick_world.core.reading() as db:
        (id_,) = db.execute(select(web_draft.c.id)).one()
        kept = drafts.find(quick_world.core, db, id_, PEOPLE["Ada"]).given
    assert set(kept) == {"new_pin"}
    assert kept["new_pin"].startswith("kept:")
    assert OTHER_PIN not in page.html
    assert page.row("New PIN, six digits") == "••••••"
    done = here.finish(page)
    assert OTHER_PIN not in done.html
    assert OTHER_PIN not in str(quick_world.dump())
    assert quick_world.one("SELECT given FROM web_draft") == ""


# -- once


def test_a_form_sent_twice_does_one_deed(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    page = here.fill_in("screen", SCREENING)
    first, second = here.send(page), here.send(page)
    assert first.path == second.path
    assert first.path.startswith("/receipt/")
    assert _count(quick_world, "screen") == 1


def test_a_form_sent_at_once_by_impatient_fingers_does_one_deed(quick_world: World) -> None:
    here = browser(quick_world, "Ivy")
    page = here.fill_in("randomize", _randomizing(quick_world))
    cookie = here.client.get_cookie("__Host-ixrs-session")
    form = here.client.get_cookie("__Host-ixrs-form")
    assert cookie is not None
    assert form is not None

    def press(_: int) -> Page:
        other = Browser(here.client.application.test_client())
        other.client.set_cookie("__Host-ixrs-session", cookie.value, path="/")
        other.client.set_cookie("__Host-ixrs-form", form.value, path="/")
        return other.send(page)

    with ThreadPoolExecutor(6) as pool:
        shown = list(pool.map(press, range(6)))
    assert len({one.path for one in shown}) == 1
    assert shown[0].path.startswith("/receipt/")
    assert _count(quick_world, "randomize") == 1


def test_going_back_after_the_deed_leads_to_its_receipt(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    checked = here.fill_in("screen", SCREENING)
    done = here.send(checked)
    for page in ("/check", "/sign", "/ask/year_of_birth", "/result"):
        assert here.get(checked.path.replace("/check", page)).path == done.path


# -- refused


def test_a_refusal_says_what_happened_and_what_is_on_record(quick_world: World) -> None:
    given = _randomizing(quick_world)
    quick_world.do("randomize", "Ivy", **given)
    here = browser(quick_world, "Ivy")
    page = here.do("randomize", given)
    assert page.status == 409
    assert "randomized already" in page.in_class("errors")
    sequence = quick_world.one("SELECT max(sequence) FROM ledger WHERE study = :study")
    assert f"entry {sequence} of the ledger" in page.in_class("errors")
    entry = quick_world.last_entry()
    assert (entry["outcome"], entry["channel"], entry["subject"]) == (
        "refused", "web", given["subject"],
    )  # fmt: skip
    assert here.get(page.path).status == 409
    assert quick_world.one("SELECT max(sequence) FROM ledger WHERE study = :study") == sequence


@pytest.mark.req("R13")
def test_what_the_role_does_not_cover_is_refused_and_on_record(quick_world: World) -> None:
    page = browser(quick_world, "Cy", None).get("/do/screen")
    assert page.status == 403
    assert "Your role does not cover this here." in page.in_class("errors")
    assert quick_world.last_entry()["facts"]["refused"] == "not_allowed"


def test_a_deed_that_is_no_deed_here_is_not_found(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    assert here.get("/do/nothing").status == 404
    assert browser(quick_world.of("drug"), "Ada").get("/do/randomize").status == 404


@pytest.mark.req("R6")
def test_a_site_of_others_is_no_place_to_go_to(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    assert here.go_to("combi", "102").status == 422
    assert here.go_to("combi", None).status == 422
    assert here.go_to("nothing", None).status == 422
    assert "site 101" in here.get("/").text


# -- files


def test_a_file_is_uploaded_or_pasted(quick_world: World) -> None:
    here = browser(quick_world, "Mia", None)
    page = here.get("/do/import_sites")
    page = here.send(page, answer__file=(io.BytesIO(NEW_SITE.encode()), "sites.csv"))
    assert page.row("File") == "2 lines"
    assert here.finish(page).title == "Import of sites"
    done = here.do("import_sites", {"file": NEW_SITE.replace("104,Vigo", "105,Lugo")})
    assert done.path.startswith("/receipt/")
    assert quick_world.one("SELECT count(*) FROM site WHERE number IN ('104', '105')") == 2


def test_all_that_is_wrong_with_a_file_is_listed(quick_world: World) -> None:
    here = browser(quick_world, "Mia", None)
    bad = NEW_SITE.replace("Europe/Madrid", "Mars/Base").replace(",ES,", ",Spain,")
    page = here.do("import_sites", {"file": bad})
    assert page.status == 422
    assert "Line 2, country" in page.in_class("errors")
    assert "Line 2, timezone" in page.in_class("errors")
    assert _count(quick_world, "import_sites") == 1


def test_a_file_that_is_no_text_says_so(quick_world: World) -> None:
    here = browser(quick_world, "Mia", None)
    page = here.send(
        here.get("/do/import_sites"), answer__file=(io.BytesIO(b"\xff\xfe\x00"), "x.xlsx")
    )
    assert (page.status, "UTF-8" in page.in_class("errors")) == (422, True)


def test_a_file_too_large_is_told_as_a_page(quick_world: World) -> None:
    here = browser(quick_world, "Mia", None)
    large = io.BytesIO(b"x" * (2 * 1024 * 1024 + 1))
    page = here.send(here.get("/do/import_sites"), answer__file=(large, "x.csv"))
    assert (page.status, "too large" in page.text) == (413, True)
