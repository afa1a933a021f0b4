"""Reports on a page or on paper: a statistician's, and acceptance scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.randomization.report.model import Report


def write(path: str, report: Report) -> None:
    """Write the report to a file that ends in .html, .pdf or .md. Raises OSError."""
    if path.lower().endswith(".pdf"):
        from web.report.pdf import pdf

        Path(path).write_bytes(pdf(report))
        return
    if path.lower().endswith(".md"):
        from web.report.markdown import markdown

        Path(path).write_text(markdown(report), encoding="utf-8")
        return
    from web.report.html import html

    Path(path).write_text(html(report), encoding="utf-8")
