"""The telephone in the browser: whole calls by plain forms, and who is turned away."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from core.runtime import Core
from core.settings import Settings
from tests.support.forms import Browser
from tests.support.world_fixtures import copy_sqlite
from web.app import create_app
from web.cli import main
from web.demo.cast import NEWCOMER, mobile_of
from web.demo.directory import directory_of
from web.demo.history import Demo, environment
from web.demo.running import Running, running
from web.simulator.directory import Directory
from web.simulator.handset import IDLE_SECONDS_MAX, Handset, Handsets, direction_of
from web.simulator.mount import mount
from web.simulator.pages import ASKING_MAX, FOLDER

ADA, INVESTIGATOR, STUDY = "1101", "1103", "demo"
PAGE_BYTES_MAX = 50 * 1024
SCRIPT_BYTES_MAX = 4 * 1024
HERE = {"REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture(scope="module")
def served(demo_built: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    file = tmp_path_factory.mktemp("served") / "demo.db"
    copy_sqlite(Path(demo_built.settings.database_url.removeprefix("sqlite:///")), file)
    settings = replace(demo_built.settings, database_url=f"sqlite:///{file}")
    with running(demo=replace(demo_built, settings=settings)) as started:
        yield started


@pytest.fixture
def browser(served: Running) -> Browser:
    browser = Browser(served.url)
    assert browser.get("/simulator") == 200
    return browser


def rows(served: Running, query: str) -> list[str]:
    file = served.demo.settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as db:
        return [str(row[0]) for row in db.execute(query)]


def dial(browser: Browser, user_id: str = ADA, line: str = "demo-main") -> None:
    assert browser.submit("dial", person=user_id, line=line) == 200


def press(browser: Browser, *entries: str) -> str:
    """Press keys, those of an entry in one go; what was said last."""
    for entry in entries:
        assert browser.submit("press", keys=entry) == 200
    return browser.page.in_class("said")[-1]


def sign_in(served: Running, browser: Browser) -> str:
    dial(browser)
    return press(browser, "1", f"{ADA}#", served.demo.study(STUDY).login(ADA).pin)


def screened(served: Running) -> str:
    query = (
        "SELECT number FROM subject WHERE study = 'demo' AND site = '101' "
        "AND status = 'screened' ORDER BY id LIMIT 1"
    )
    (number,) = rows(served, query)
    return number


def test_a_subject_is_randomized_by_forms_alone_and_a_repeated_webhook_does_nothing(
    served: Running, browser: Browser
) -> None:
    assert "Main menu" in sign_in(served, browser)
    number, pin = screened(served), served.demo.study(STUDY).login(ADA).pin
    press(browser, "2", f"{number}#", "1", "1", f"{INVESTIGATOR}#", "1", "2", "1")
    said = press(browser, pin)
    assert "is randomized" in " ".join(browser.page.in_class("said"))
    query = f"SELECT status FROM subject WHERE study = 'demo' AND number = '{number}'"
    assert rows(served, query) == ["randomized"]

    entries = rows(served, "SELECT count(*) FROM ledger")
    assert browser.submit("resend") == 200
    told = browser.page.in_class("told")[-1]
    assert "nothing was done twice" in told
    assert f"had {entries[0]} entries before and has {entries[0]} now" in told
    assert browser.page.in_class("said")[-1] == said
    assert rows(served, "SELECT count(*) FROM ledger") == entries

    assert browser.submit("hang-up") == 200
    assert browser.page.in_class("told")[-1] == "You hung up."
    assert rows(served, "SELECT status FROM call ORDER BY started_at DESC LIMIT 1") == ["completed"]


def test_single_keys_gather_until_the_entry_ends(served: Running, browser: Browser) -> None:
    dial(browser)
    assert browser.submit("key-1") == 200  # English, one key
    heard = len(browser.page.in_class("said"))
    for button in ("key-12", "key-1", "key-1", "key-11", "key-1"):  # a first # does nothing
        assert browser.submit(button) == 200
        assert len(browser.page.in_class("said")) == heard
    assert browser.page.in_class("typed") == [f"Keys so far: {ADA}"]
    assert browser.submit("key-12") == 200
    assert browser.page.in_class("keyed")[-1] == f"You pressed {ADA}#"
    assert "PIN" in browser.page.in_class("said")[-1]


def test_silence_asks_again_and_sends_what_was_typed(browser: Browser) -> None:
    dial(browser)
    welcome = browser.page.in_class("said")
    assert browser.submit("silence") == 200
    assert browser.page.in_class("said")[-1] in welcome
    assert "until the time-out" in browser.page.in_class("told")[-1]
    press(browser, "1")
    browser.submit("press", keys="11")
    assert browser.submit("silence") == 200
    assert browser.page.in_class("keyed")[-1] == "You pressed 11"


def test_keys_run_on_through_several_questions(served: Running, browser: Browser) -> None:
    dial(browser)
    pin = served.demo.study(STUDY).login(ADA).pin
    assert "Main menu" in press(browser, f"1{ADA}#{pin}")
    assert browser.page.in_class("keyed")[-3:] == [
        "You pressed 1",
        f"You pressed {ADA}#",
        f"You pressed {pin}",
    ]


def test_what_is_said_bears_its_language_and_direction(browser: Browser) -> None:
    dial(browser)
    press(browser, "2")
    said = [found for _, found in browser.page.texts if found.get("class") == "said"]
    assert said[0]["lang"].startswith("en")
    assert said[-1]["lang"].startswith("es")
    assert {found["dir"] for found in said} == {"ltr"}
    assert direction_of("ar-EG") == "rtl"
    assert direction_of("") == "ltr"


def test_the_emergency_line_puts_through_to_the_operators(browser: Browser) -> None:
    dial(browser, line="demo-unblinding")
    assert not any("put through" in text for text in browser.page.in_class("told"))
    browser.submit("press", keys="0#")
    assert any("put through to +" in text for text in browser.page.in_class("told"))


def test_a_recording_can_be_played_by_the_browser_that_heard_it_and_no_other(
    served: Running, browser: Browser
) -> None:
    query = "SELECT number FROM subject WHERE study = 'demo' AND site = '101' AND arm IS NOT NULL"
    dial(browser, INVESTIGATOR, "demo-unblinding")
    pin = served.demo.study(STUDY).login(INVESTIGATOR).pin
    press(browser, f"{INVESTIGATOR}#", pin, f"{rows(served, query)[0]}#", "1", "1")
    (address,) = re.findall(r'<audio [^>]*src="([^"]+)"', browser.page.html)
    assert browser.get(address) == 200
    assert browser.get(address[:-1] + "1") == 404
    assert Browser(served.url).get(address) == 404


def test_the_command_keeps_what_was_played_where_nobody_else_reads_it(
    served: Running, tmp_path: Path
) -> None:
    query = "SELECT number FROM subject WHERE study = 'demo' AND site = '101' AND arm IS NOT NULL"
    pin = served.demo.study(STUDY).login(INVESTIGATOR).pin
    keys = f"{INVESTIGATOR}#\n{pin}\n{rows(served, query)[0]}#\n1\n1\n1\n"
    call = ["call", "--line", "unblinding", "--keys", "-", "--recordings", str(tmp_path / "kept")]
    done = CliRunner().invoke(main, call, input=keys, env=environment(served.demo.settings))
    assert done.exit_code == 0, done.output
    assert "(recording)" in done.output
    (file,) = (tmp_path / "kept").iterdir()
    assert file.read_bytes()[:4] == b"RIFF"
    assert file.stat().st_mode & 0o077 == 0


def test_the_answer_is_shown_as_it_came(browser: Browser) -> None:
    dial(browser)
    assert "&lt;Gather" in browser.page.html
    assert "POST /ivr/voice" in browser.page.html


def test_two_browsers_hold_a_call_each(served: Running, browser: Browser) -> None:
    other = Browser(served.url)
    other.get("/simulator")
    dial(browser)
    dial(other, "1201")
    press(browser, "1")
    press(other, "2")
    assert "user ID" in browser.page.in_class("said")[-1]
    assert "número de usuario" in other.page.in_class("said")[-1]


def test_a_second_dial_hangs_up_the_first_call(browser: Browser) -> None:
    dial(browser)
    first = browser.page.html
    assert 'id="dial"' not in first  # while a call goes on there is nothing to dial
    browser.submit("hang-up")
    dial(browser)
    assert len(browser.page.in_class("keyed")) == 0


def test_the_newcomer_reads_the_code_that_came_by_sms(served: Running, browser: Browser) -> None:
    served.provider.wait_for(mobile_of(NEWCOMER.user_id))
    assert browser.get(f"/simulator?inbox={NEWCOMER.user_id}") == 200
    assert any(re.search(r"\d{4}", text) for text in browser.page.in_class("sms"))


def test_a_message_is_answered_into_the_inbox(served: Running, browser: Browser) -> None:
    browser.get("/simulator?inbox=1104")
    before = len(served.provider.inbox(mobile_of("1104")))
    assert browser.submit("send", body="hello", line="demo-main") == 200
    assert "You wrote: hello Sent." in browser.page.in_class("sent")
    assert len(served.provider.wait_for(mobile_of("1104"), before + 1)) == before + 1


def test_a_crowd_is_told_to_wait_and_never_blocks_the_server(served: Running) -> None:
    browsers = [Browser(served.url) for _ in range(4 * ASKING_MAX)]
    statuses: list[int] = []

    def call(browser: Browser) -> None:
        browser.get("/simulator")
        statuses.append(browser.submit("dial", person=ADA, line="demo-main"))

    threads = [threading.Thread(target=call, args=(each,)) for each in browsers]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * len(browsers)
    assert time.monotonic() - started < 14  # a webhook that waits for a thread gives up at 15
    for each in browsers:
        connected = "TRAINING" in " ".join(each.page.in_class("said"))
        assert connected or "All lines are busy" in each.page.html


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_page_is_small_says_training_and_keeps_secrets(
    served: Running, browser: Browser, language: str
) -> None:
    dial(browser)
    assert browser.get("/simulator", {"Accept-Language": language}) == 200
    html, settings = browser.page.html, served.demo.settings
    assert f'<html lang="{language}"' in html
    assert "TRAINING" in html.upper() or "PRÁCTICA" in html.upper()
    assert "(simulator." not in html
    for secret in (settings.twilio_auth_token, settings.secret_key, settings.encryption_key.hex()):
        assert secret not in html
    for login in served.demo.study(STUDY).users:
        assert login.password not in html
    loaded = sum(path.stat().st_size for path in FOLDER.iterdir())
    style = Path("web/static/ixrs.css").stat().st_size
    assert len(html.encode()) + loaded + style < PAGE_BYTES_MAX
    assert (FOLDER / "telephone.js").stat().st_size <= SCRIPT_BYTES_MAX


def test_its_script_and_style_are_served_and_nothing_else(browser: Browser) -> None:
    for address in re.findall(r'"(/simulator/files/[^"]+)"', browser.page.html):
        assert browser.get(address) == 200
    assert browser.get("/simulator/files/pages.py") == 404


def test_the_home_page_leads_there(browser: Browser) -> None:
    assert browser.get("/") == 200
    assert 'href="/simulator"' in browser.page.html


def simulated(core: Core) -> Settings:
    return replace(
        core.settings,
        twilio_api_url="http://127.0.0.1:9",
        public_url="http://127.0.0.1:8000",
    )


@pytest.fixture
def mounted(demo_core: Core, demo_database: Demo) -> Flask:
    demo_core.settings = simulated(demo_core)
    app = create_app(demo_core)
    mount(app, demo_core, directory_of(demo_database))
    return app


def ask(client: FlaskClient, host: str = "localhost", **environ: str) -> int:
    answer = client.get(
        "/simulator", base_url=f"http://{host}:8000", environ_overrides={**HERE, **environ}
    )
    return answer.status_code


def test_only_this_machine_is_answered(mounted: Flask) -> None:
    client = mounted.test_client()
    assert ask(client) == 200
    assert ask(client, REMOTE_ADDR="::1") == 200
    assert ask(client, REMOTE_ADDR="192.0.2.7") == 404
    assert ask(client, REMOTE_ADDR="") == 404
    assert ask(client, HTTP_X_FORWARDED_FOR="127.0.0.1") == 404
    assert ask(client, "rebound.example") == 404


def test_every_button_is_refused_from_elsewhere(mounted: Flask) -> None:
    mounted.config["WTF_CSRF_ENABLED"] = False
    client = mounted.test_client()
    rules = [rule for rule in mounted.url_map.iter_rules() if rule.endpoint.startswith("telephone")]
    assert len(rules) == 9
    for rule in rules:
        path = rule.rule.replace("<name>", "telephone.js")
        path = re.sub("<int:[a-z]+>", "0", path)
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
        answer = client.open(path, method=method, environ_overrides=elsewhere)
        assert answer.status_code == 404, path


def test_a_form_of_another_page_is_refused(mounted: Flask) -> None:
    answer = mounted.test_client().post("/simulator/dial", environ_overrides=HERE)
    assert answer.status_code == 400


def test_a_real_provider_has_no_telephone_in_the_browser(mounted: Flask, demo_core: Core) -> None:
    client = mounted.test_client()
    assert ask(client) == 200
    demo_core.settings = replace(demo_core.settings, twilio_api_url="https://api.twilio.com")
    assert ask(client) == 404
    with pytest.raises(ValueError, match="simulated"):
        mount(create_app(demo_core), demo_core, Directory(()))


def test_the_served_application_knows_no_simulator(demo_core: Core) -> None:
    demo_core.settings = simulated(demo_core)
    app = create_app(demo_core)
    assert not [rule for rule in app.url_map.iter_rules() if "simulator" in rule.rule]
    client = app.test_client()
    assert ask(client) == 404
    assert b"/simulator" not in client.get("/", environ_overrides=HERE).data


def test_a_call_that_nobody_touches_is_hung_up(served: Running) -> None:
    settings, directory = served.demo.settings, directory_of(served.demo)
    handsets = Handsets(settings, lambda: 0)
    token, handset = handsets.make()
    assert isinstance(handset, Handset)
    person, line = directory.find_person(ADA), directory.find_line("demo-main")
    assert person is not None
    assert line is not None
    handset.dial(person, line)
    now = time.monotonic()
    handsets.sweep(now + IDLE_SECONDS_MAX / 2)
    calling = [handset.view.calling]
    handsets.sweep(now + IDLE_SECONDS_MAX + 1)
    calling.append(handset.view.calling)
    assert calling == [True, False]
    assert handsets.find(token) is handset  # to be read for a while
    query = "SELECT count(*) FROM call WHERE status = 'completed' AND user_id IS NULL"
    assert int(rows(served, query)[0]) >= 1
    handsets.sweep(now + 2 * IDLE_SECONDS_MAX + 2)
    assert handsets.find(token) is None


def test_a_server_that_is_away_ends_the_call_with_a_reason(served: Running) -> None:
    settings = replace(served.demo.settings, public_url="http://127.0.0.1:9")
    directory = directory_of(served.demo)
    handset = Handset(settings, lambda: 0)
    person, line = directory.find_person(ADA), directory.find_line("demo-main")
    assert person is not None
    assert line is not None
    handset.dial(person, line)
    assert not handset.view.calling
    last = handset.view.entries[-1].message
    assert last is not None
    assert last.id == "simulator.failed"
