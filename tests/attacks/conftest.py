"""A real browser for attacks by script."""

from __future__ import annotations

from tests.browser.conftest import browser

__all__ = ["browser"]
