"""The first page: what waits today, where one works, in whose language and at what time."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text

from core.transaction import Channel
from tests.support.pages import Browser, Page, browser
from tests.support.stories import decide, dosed, respond, run_in, set_up
from tests.support.studies import COMBI
from tests.support.world import OTHER_PIN, PEOPLE, TODAY, World


def _links(page: Page, start: str) -> list[str]:
    return [link for link in page.links if link.startswith(start)]


# -- what waits


def test_a_review_that_is_late_stands_first_for_whoever_may_sign_it(quick_world: World) -> None:
    quick_world.do("publish", "Mia", file=COMBI + "\n[audit_review]\nevery_days = 30\n")
    quick_world.days_later(31)
    mia = browser(quick_world, "Mia", site=None)
    page = mia.get("/")
    assert "The review of the audit trail has been due since December 20, 2026." in page.text
    assert _links(page, "/do/review_audit") == ["/do/review_audit"] * 2
    head = str(quick_world.one("SELECT sequence FROM chain WHERE study = :study"))
    mia.do("review_audit", {"review_upto": head, "anything_found": "no"})
    assert "has been due" not in mia.get("/").text
    assert "has been due" not in browser(quick_world, "Ada").get("/").text


def test_an_empty_day_says_so(quick_world: World) -> None:
    page = browser(quick_world, "Ada").get("/")
    assert page.title == "Today"
    assert "Nothing is waiting here today." in page.text
    assert "November 20, 2026, 10:00 AM GMT-05:00" in page.text


def test_visits_open_overdue_and_near_are_told_by_their_windows(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    open_now, late = quick_world.randomized(), quick_world.randomized()
    quick_world.dispense(open_now)
    shown = here.get("/")
    assert _links(shown, "/do/dispense?") == [f"/do/dispense?subject={late}"]
    assert "open now" in shown.in_class("now")
    quick_world.days_later(8)
    here.sign_in(PEOPLE["Ada"])
    here.go_to("combi", "101")
    shown = here.get("/")
    assert shown.in_class("late") == "overdue"
    assert shown.text.index(late) < shown.text.index(open_now)  # the most urgent first


def test_subjects_who_have_left_wait_for_nothing(quick_world: World) -> None:
    number = quick_world.randomized()
    quick_world.do("end", "Ada", subject=number, what_ended="withdrawn", end_date=TODAY)
    quick_world.screen()
    assert "Visits due" not in browser(quick_world, "Ada").get("/").text


def test_kits_not_handed_over_wait_until_they_are(quick_world: World) -> None:
    number = quick_world.randomized()
    (kit,) = quick_world.dispense(number)
    here = browser(quick_world, "Ada")
    page = here.get("/")
    assert _links(page, "/do/hand_over?") == [f"/do/hand_over?subject={number}"]
    assert kit not in page.text  # its last digits are read off the carton
    here.do("hand_over", {"subject": number, "carton_1": kit[-4:]})
    assert "Hand-overs" not in here.get("/").text


def test_an_open_cohort_waits_for_its_responses_and_then_for_a_decision(
    quick_world: World,
) -> None:
    here = set_up(quick_world)
    decide(here, "open")
    number = dosed(here)
    page = browser(here, "Ada").get("/")
    assert _links(page, "/do/respond?") == [f"/do/respond?subject={number}"]
    assert "/do/decide_cohort" not in page.links
    office = browser(here, "Mia", None).get("/")
    assert "Cohort 1 is open: randomized 1, with a response 0" in office.text
    assert "/do/decide_cohort" in office.links
    respond(here, number)
    page = browser(here, "Ada").get("/")
    assert not _links(page, "/do/respond?")


def test_visits_of_a_run_in_wait_too(quick_world: World) -> None:
    here = set_up(quick_world)
    number = run_in(here)
    page = browser(here, "Ada").get("/")
    assert _links(page, "/do/dispense?") == [f"/do/dispense?subject={number}"]
    assert "Run-in day 1" in page.text


def test_shipments_wait_for_those_who_receive_and_those_who_send(quick_world: World) -> None:
    on_its_way = quick_world.ship(1, receive=None)
    made = quick_world.do("create_shipment", "Sam", to_site="102", kits_each="1")
    asked_for = str(made.facts["shipment"])
    ada = browser(quick_world, "Ada").get("/")
    assert _links(ada, "/do/receive?") == [f"/do/receive?shipment={on_its_way}"]
    assert asked_for not in ada.text
    sam = browser(quick_world, "Sam", None).get("/")
    assert _links(sam, "/do/acknowledge_shipment?") == [
        f"/do/acknowledge_shipment?shipment={asked_for}"
    ]
    assert on_its_way in sam.text


def test_a_proposal_waits_for_the_second_person_only(quick_world: World) -> None:
    quick_world.do("import_lots", "Sam", file="lot,kit_type,expiry,countries\n7001,A,2029-01,US")
    made = quick_world.do("release_lot", "Sam", lot="7001", certificate="77")
    number = made.facts["proposal"]
    link = f"/do/approve?proposal={number}"
    quinn = browser(quick_world, "Quinn", None)
    assert link in quinn.get("/").links
    assert link not in browser(quick_world, "Sam", None).get("/").links
    assert link not in browser(quick_world, "Ada").get("/").links
    page = quinn.get(link)
    assert "Lot number: 7001" in page.in_class("warning")
    quinn.finish(page)
    assert link not in quinn.get("/").links


def test_a_cut_call_is_told_until_it_is_read(quick_world: World) -> None:
    number = quick_world.randomized()
    done = quick_world.do(
        "dispense", "Ada", channel=Channel.PHONE, request_id="CA1:9", subject=number, visit="V1"
    )
    here = browser(quick_world, "Ada")
    page = here.get("/")
    assert done.confirmation in page.in_class("warning")
    assert "Your last call was cut" in page.in_class("warning")
    assert done.confirmation not in browser(quick_world, "Pat").get("/").in_class("warning")
    form = next(one for one in page.forms if one.action == "/told")
    assert done.confirmation not in here.send(page, form).text


def test_nobody_marks_the_calls_of_others_as_read(quick_world: World) -> None:
    number = quick_world.randomized()
    done = quick_world.do(
        "dispense", "Ada", channel=Channel.PHONE, request_id="CA1:9", subject=number, visit="V1"
    )
    pat = browser(quick_world, "Pat")
    token = pat.get("/place").form.data()["csrf_token"]
    pat.client.post("/told", data={"csrf_token": token, "receipt": str(done.id)})
    assert quick_world.one("SELECT told_at FROM receipt WHERE id = :i", i=done.id) is None


def test_only_what_the_role_may_do_is_offered(quick_world: World) -> None:
    ada = _links(browser(quick_world, "Ada").get("/"), "/do/")
    assert "/do/randomize" in ada
    assert "/do/publish" not in ada
    mia = _links(browser(quick_world, "Mia", None).get("/"), "/do/")
    assert "/do/publish" in mia
    assert "/do/randomize" not in mia
    assert "/do/screen" not in _links(browser(quick_world.of("drug"), "Ada").get("/"), "/do/rand")


def test_a_page_asks_as_little_for_forty_subjects_as_for_four(quick_world: World) -> None:
    def queries() -> int:
        asked: list[str] = []

        def note(db: object, cursor: object, statement: str, *rest: object) -> None:
            asked.append(statement)

        here = browser(quick_world, "Ada")
        here.get("/")
        event.listen(quick_world.core.engine, "before_cursor_execute", note)
        here.get("/")
        event.remove(quick_world.core.engine, "before_cursor_execute", note)
        return len(asked)

    for _ in range(2):
        quick_world.randomized()
    few = queries()
    for _ in range(8):
        quick_world.randomized()
    assert queries() == few


# -- where


def test_who_works_in_several_studies_chooses_once(quick_world: World) -> None:
    here = browser(quick_world)
    page = here.sign_in(PEOPLE["Ada"])
    assert page.title == "Where are you working?"
    assert here.send(page).status == 422
    page = here.send(page, place="drug 101")
    assert (page.path, "Study drug" in page.in_class("where")) == ("/", True)
    assert "Study drug" in here.get("/").in_class("where")


def test_who_works_at_one_site_is_there_at_once(quick_world: World) -> None:
    here = browser(quick_world)
    page = here.sign_in(PEOPLE["Di"])
    assert page.title == "Today"
    assert "site 102, Madrid" in page.in_class("where")
    assert "/place" not in page.links


def test_a_place_that_is_ones_own_no_more_is_left(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    with quick_world.core.writing() as db:
        gone = "UPDATE grant_role SET ends_at = :now WHERE user_id = '11' AND study = 'combi'"
        db.execute(text(gone), {"now": "2026-11-20 14:00:00.000000"})
    assert here.get("/").path == "/place"
    assert here.get("/do/screen").path == "/place"


def test_the_first_version_of_a_study_is_published_on_pages(quick_world: World) -> None:
    admin = browser(quick_world)
    page = admin.sign_in(PEOPLE["Admin"])
    page = admin.send(admin.get("/place"), study="new-one")
    assert "new-one" in page.in_class("where")
    assert "/do/import_users" in page.links
    header = "user_id,name,email,mobile,role,sites,language"
    user = f"{header}\n2,Mia,m@x.org,+12025550102,study_manager,,en"
    assert admin.do("import_users", {"file": user}).path.startswith("/receipt/")
    mia = browser(quick_world)
    mia.sign_in(PEOPLE["Mia"])
    mia.go_to("new-one", None)
    assert "/do/publish" in mia.get("/").links
    assert "/do/screen" not in mia.get("/").links


# -- in which words, at what time


@pytest.mark.parametrize(
    ("wish", "language", "title"),
    [
        ("es-MX,es;q=0.9", "es", "Aleatorización y suministro de fármacos"),
        ("fr,de", "en", "Randomization and drug supply"),
        ("", "en", "Randomization and drug supply"),
    ],
)
def test_a_stranger_reads_in_the_browsers_language(
    quick_world: World, wish: str, language: str, title: str
) -> None:
    here = browser(quick_world)
    here.headers["Accept-Language"] = wish
    page = here.get("/")
    assert (page.language, page.title) == (language, title)


def test_a_language_can_be_chosen(quick_world: World) -> None:
    here = browser(quick_world)
    page = here.get("/language/es?next=/sign-in")
    assert (page.path, page.title) == ("/sign-in", "Iniciar sesión")
    assert here.get("/language/xx").language == "es"


def test_people_read_in_their_own_language_and_at_their_sites_time(quick_world: World) -> None:
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE person SET language = 'es' WHERE user_id = '15'"))
    here = browser(quick_world)
    page = here.sign_in(PEOPLE["Di"])
    assert (page.language, page.title) == ("es", "Hoy")
    assert "20 de noviembre de 2026, 16:00 GMT+01:00" in page.text
    done = here.do("screen", {"consent_date": TODAY, "year_of_birth": "1961", "rescreened": "no"})
    assert "Número de confirmación" in done.text
    assert done.row("Fecha y hora") == "20 de noviembre de 2026, 16:00 GMT+01:00"


def test_a_training_is_said_on_every_page_of_it(quick_world: World) -> None:
    here = browser(quick_world, "Ada")
    paths = ("/", "/place", "/do/screen", "/nothing")
    assert not any("TRAINING" in here.get(path).text for path in paths)
    with quick_world.core.writing() as db:
        db.execute(text("UPDATE study SET training = :yes"), {"yes": True})
    assert all(here.get(path).text.count("TRAINING") == 1 for path in paths)


def test_pages_have_landmarks_one_heading_and_labels(quick_world: World) -> None:
    quick_world.dispense(quick_world.randomized())
    here = browser(quick_world, "Ada")
    signing = here.send(here.fill_in("change_pin", {"new_pin": OTHER_PIN}))
    stranger = browser(quick_world)
    pages = [
        *(here.get(path) for path in ("/", "/place", "/do/screen", "/do/receive", "/nothing")),
        *(stranger.get(path) for path in ("/", "/sign-in", "/activate")),
        signing,
    ]
    for page in pages:
        _check_page(page)


def _check_page(page: Page) -> None:
    for mark in ("<header", '<main id="main"', "<footer", 'href="#main"', '<html lang="en">'):
        assert page.html.count(mark) == 1, (page.path, mark)
    assert page.html.count("<h1") == 1, page.path
    ids = [part.split('"')[0] for part in page.html.split(' id="')[1:]]
    assert len(ids) == len(set(ids)), page.path
    labelled = {part.split('"')[0] for part in page.html.split('<label for="')[1:]}
    shown = [part for part in page.html.split("<input ")[1:] if 'type="hidden"' not in part]
    for part in shown:
        assert part.split('id="')[1].split('"')[0] in labelled, page.path


def test_a_browser_of_nobody_sees_no_record(quick_world: World) -> None:
    number = quick_world.randomized()
    assert number not in Browser(browser(quick_world).client).get("/").text
