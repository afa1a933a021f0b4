"""python -m tests.bench.pages: how long a first visit takes over a thin line.

A demo is served; a browser with an empty cache loads a subject's page and the first question of a
transaction at 50 kbit/s and 500 ms a request, as Chromium's own emulation makes them; then the same
question by its link on the page of today, which is a redirect more but has the style sheet. One
line of JSON; the keys are in docs/BENCHMARKS.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from statistics import median
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, StorageState, ViewportSize

from tests.bench.progress import Progress
from tests.browser.person import ASK, Person
from tests.browser.watch import Watch
from tests.support.browser import BrowserUnavailable, running_browser
from web.demo.running import Running, running

USER_ID: Final = "1101"
BITS_PER_SECOND: Final = 50_000
LATENCY_MS: Final = 500
SECONDS_MAX: Final = 2.5
COLD: Final = ("subject", "question")
DEED: Final = "/do/screen"
_TIMES: Final = """() => new Promise(tell => new PerformanceObserver((list, observer) => {
    const [load] = performance.getEntriesByType("navigation");
    const [paint] = list.getEntriesByName("first-contentful-paint");
    if (!paint) return;
    observer.disconnect();
    tell({ load: load.loadEventEnd / 1000, paint: paint.startTime / 1000 });
}).observe({ type: "paint", buffered: true }))"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 if every page was there in time, each time."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pages", description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="first visits of each page")
    options = parser.parse_args(arguments)
    try:
        with running_browser() as browser, running() as served, Progress() as progress:
            pages = _measure(browser, served, options.runs, progress)
    except BrowserUnavailable as missing:
        print(missing, file=sys.stderr)
        return 2
    fast_enough = all(one["load_seconds"]["max"] <= SECONDS_MAX for one in pages)
    out = {
        "bench": "pages",
        "runs": options.runs,
        "bits_per_second": BITS_PER_SECOND,
        "latency_ms": LATENCY_MS,
        "seconds_max": SECONDS_MAX,
        "pages": pages,
        "fast_enough": fast_enough,
    }
    print(json.dumps(out))
    return 0 if fast_enough else 1


def _measure(
    browser: Browser, served: Running, runs: int, progress: Progress
) -> list[dict[str, Any]]:
    signed_in, addresses = _prepare(browser, served)
    found = []
    for name, path in addresses.items():
        progress.say(name)
        loads = []
        for number in range(runs):
            cold = name in COLD
            loads.append(_load(_open(browser, served, signed_in), path, cold=cold))
            progress.show(number + 1, runs)
        found.append(
            {
                "page": name,
                "cold": name in COLD,
                "load_seconds": _spread([one["load"] for one in loads]),
                "paint_seconds": _spread([one["paint"] for one in loads]),
                "bytes": max(int(one["bytes"]) for one in loads),
                "requests": max(int(one["requests"]) for one in loads),
            }
        )
    return found


def _prepare(browser: Browser, served: Running) -> tuple[StorageState, dict[str, str]]:
    """Somebody signed in, and the addresses of what is measured. Fills the server's own caches."""
    context = _open(browser, served, None)
    page = context.new_page()
    Person(page, served.demo.study("demo").login(USER_ID)).sign_in()
    page.goto("/subjects?status=randomized")
    subject = page.get_attribute("main a[href^='/subjects/1']", "href") or ""
    page.goto(subject)
    page.goto(DEED)
    found = ASK.search(page.url)
    if not subject or found is None:
        raise RuntimeError("the demo has no subject to look at, or nothing to ask")
    question = page.url.removeprefix(served.url)
    state = context.storage_state()
    context.close()
    return state, {"subject": subject, "question": question, "link": DEED}


def _open(browser: Browser, served: Running, state: StorageState | None) -> BrowserContext:
    size = ViewportSize(width=360, height=740)
    return browser.new_context(base_url=served.url, viewport=size, storage_state=state)


def _load(context: BrowserContext, path: str, *, cold: bool) -> dict[str, float]:
    """Load the page, with nothing in the cache or coming from the page of today; seconds, bytes
    and requests. Ends the context."""
    watch = Watch(context.new_page(), cold=cold)
    if not cold:
        watch.go("/")
    session = context.new_cdp_session(watch.page)
    session.send("Network.enable")
    each_way = BITS_PER_SECOND / 8
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": LATENCY_MS,
            "downloadThroughput": each_way,
            "uploadThroughput": each_way,
        },
    )
    watch.go(path)
    times: dict[str, float] = watch.page.evaluate(_TIMES)
    found = {**times, "bytes": watch.bytes, "requests": watch.requests}
    context.close()
    return found


def _spread(seconds: list[float]) -> dict[str, float]:
    return {"median": round(median(seconds), 3), "max": round(max(seconds), 3)}


if __name__ == "__main__":
    sys.exit(main())
