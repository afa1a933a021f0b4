"""The statistician's report on a page or on paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.randomization.report.model import Report


def write(path: str, report: Report) -> None:
    """Write the report to a file that ends in .html or .pdf. Raises OSError."""
    if path.lower().endswith(".pdf"):
        from web.report.pdf import pdf

        Path(path).write_bytes(pdf(report))
        return
    from web.report.html import html

    Path(path).write_text(html(report), encoding="utf-8")
