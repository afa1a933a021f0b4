"""One demo that is served and one browser for all of these tests; a context for each."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.watch import Watch
from tests.support.browser import BrowserUnavailable, is_required, running_browser

if TYPE_CHECKING:
    from web.demo.history import Demo
    from web.demo.running import Running

OpenContext = Callable[..., BrowserContext]


# Not for the session: while Playwright runs, an event loop of its own holds this thread.
@pytest.fixture(scope="package")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Chromium. Without one the tests are skipped, said aloud, or fail where it is required."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(running_browser(_teller(request)))
        except BrowserUnavailable as missing:
            if is_required():
                pytest.fail(f"IXRS_REQUIRE_BROWSER is set. {missing}")
            warnings.warn(f"NO PAGE WAS TRIED IN A BROWSER. {missing}", stacklevel=1)
            pytest.skip(str(missing))


def _teller(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says progress between the dots of pytest, which captures everything else."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    capture = request.config.pluginmanager.get_plugin("capturemanager")

    def tell(sentence: str) -> None:
        if reporter is None or capture is None:
            return
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(sentence)

    return tell


@pytest.fixture(scope="package")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A demo, served until the last of these tests is over. They share its record: each takes
    what it needs and breaks nothing for the next."""
    from web.demo.history import build, new_settings
    from web.demo.running import running

    file = tmp_path_factory.mktemp("served") / "demo.db"
    demo: Demo = build(new_settings(f"sqlite:///{file}"))
    with running(demo=demo) as started:
        yield started


@pytest.fixture
def open_context(browser: Browser, served: Running) -> Iterator[OpenContext]:
    """Opens browsers of one's own, cookies apart, on the served demo: open_context(width=360,
    javascript=False). Page addresses are relative to the demo's."""
    made: list[BrowserContext] = []

    def open_(
        width: int = 1280, *, javascript: bool = True, language: str = "en"
    ) -> BrowserContext:
        made.append(
            browser.new_context(
                base_url=served.url,
                viewport={"width": width, "height": 740 if width < 600 else 900},
                java_script_enabled=javascript,
                locale={"en": "en-GB", "es": "es-ES"}[language],
                reduced_motion="reduce",
            )
        )
        made[-1].set_default_timeout(10_000)
        return made[-1]

    yield open_
    for context in made:
        context.close()


@pytest.fixture
def open_watch(open_context: OpenContext) -> Callable[..., Watch]:
    """The same with a page, and somebody who watches what goes wrong on it."""

    def open_(width: int = 1280, *, javascript: bool = True, language: str = "en") -> Watch:
        return Watch(open_context(width, javascript=javascript, language=language).new_page())

    return open_
