"""What is spoken: one .po file a language, message ids as msgids."""

from __future__ import annotations

import functools
from pathlib import Path

from core.text import Catalogue

FOLDER = Path(__file__).parent


@functools.cache
def catalogue() -> Catalogue:
    """The spoken texts, read once in this process."""
    return Catalogue(FOLDER)
