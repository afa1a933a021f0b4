"""What happens where there is no browser, and how pictures are made small."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.png import shrink
from tests.browser.watch import Watch

ROOT = Path(__file__).resolve().parents[2]
ONE_TEST = "tests/browser/test_keyboard.py"


def without_browser(**environment: str) -> subprocess.CompletedProcess[str]:
    """A run of a few of these tests on a machine that has no browser."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ONE_TEST],
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if name[:5] != "IXRS_"},
            "IXRS_CHROMIUM": str(ROOT / "no-such-browser"),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_browser_the_tests_are_skipped_and_the_summary_warns_of_it() -> None:
    done = without_browser()
    assert done.returncode == 0, done.stdout
    assert "NO PAGE WAS TRIED IN A BROWSER" in done.stdout
    assert "2 skipped" in done.stdout


def test_where_a_browser_is_required_its_absence_is_a_failure() -> None:
    done = without_browser(IXRS_REQUIRE_BROWSER="1")
    assert done.returncode == 1, done.stdout
    assert "2 errors" in done.stdout


@pytest.fixture
def page(browser: Browser) -> Page:
    """A page without a server."""
    return browser.new_page(viewport={"width": 360, "height": 200})


def test_a_watched_page_is_told_off_for_what_is_wrong_with_it(page: Page) -> None:
    watch = Watch(page)
    page.set_content(
        "<html><title>x</title><main><h1>x</h1><img src='/none'><div style='width:500px'>x</div>"
        "<script>console.error('broken')</script></main></html>"
    )
    found = " ".join([*watch.look(), *watch.take()])
    for problem in ("px too wide", "axe image-alt", "axe html-has-lang", "broken"):
        assert problem in found
    assert watch.take() == []


def test_a_small_picture_shows_the_same(page: Page) -> None:
    page.set_content("<body style='margin:0;background:#0b4a5e;color:#fff'><h1>IxRS 101001</h1>")
    before = page.screenshot()
    after = shrink(before)
    assert len(after) < len(before)
    width, height, depth, kind = struct.unpack(">IIBB", after[16:26])
    assert (width, height, depth, kind) == (360, 200, 8, 3)
    at = after.index(b"IDAT")
    size = struct.unpack(">I", after[at - 4 : at])[0]
    assert len(zlib.decompress(after[at + 4 : at + 4 + size])) == 200 * (1 + 360)
    assert after[after.index(b"PLTE") + 4 :][:3] == bytes.fromhex("0b4a5e")  # the commonest colour
