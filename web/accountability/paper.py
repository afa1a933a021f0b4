"""The account of drug on paper, A4 across, by reportlab; the same bytes each time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Table as PaperTable

from core.messages import Message
from core.supply.accountability import Account
from web.accountability.files import notes, title
from web.accountability.tables import OF_A_SITE, Say, Table, in_words, tables
from web.report.pdf import marked, printed, style

_PAGE: Final = landscape(A4)
_MARGIN: Final = 14 * mm
_ACROSS: Final = _PAGE[0] - 2 * _MARGIN - 12.0
_SIZE: Final = 7.0
_SIZE_LEAST: Final = 5.0
_PADDING: Final = 6.0
_FONT: Final = "Helvetica"
_WIDE: Final = 110.0  # a cell wider than this goes on in another line


def paper(account: Account, say: Say) -> bytes:
    """The account of a site with all its tables, or of a study without those of OF_A_SITE."""
    return sheets(title(account, say), _story(account, say), say)


def sheets(words: str, story: Iterable[Flowable], say: Say) -> bytes:
    """Pages A4 across under this title, numbered."""
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=_PAGE, invariant=1, title=printed(words), author="IxRS", creator="IxRS",
        leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN + 4 * mm,
    )  # fmt: skip

    def edge(canvas: Any, page: Any) -> None:
        canvas.setFont(_FONT, 8)
        canvas.drawString(_MARGIN, 10 * mm, printed(words))
        number = printed(say(Message("web.drug.page", {"page": page.page})))
        canvas.drawRightString(_PAGE[0] - _MARGIN, 10 * mm, number)

    document.build(list(story), onFirstPage=edge, onLaterPages=edge)
    return out.getvalue()


def front(words: str, lines: Iterable[str]) -> Iterator[Flowable]:
    """The title, and what must be known of what follows."""
    yield Paragraph(marked(words), style("h1", 16, fontName="Helvetica-Bold"))
    for line in lines:
        yield Paragraph(marked(line), style("note", 9, spaceAfter=2))


def heading(words: str) -> Iterator[Flowable]:
    """A heading, never alone at the foot of a page."""
    bold = style("h2", 12, fontName="Helvetica-Bold", spaceBefore=12, spaceAfter=4)
    yield CondPageBreak(40 * mm)
    yield Paragraph(marked(words), bold)


def _story(account: Account, say: Say) -> Iterator[Flowable]:
    yield from front(title(account, say), notes(account, say))
    made = tables(account)
    for one in made:
        if account.site is not None or one.name not in OF_A_SITE:
            yield from heading(one.title(say))
            yield _table(one, account, say)
    if account.site is None:
        yield Spacer(0, 8)
        yield Paragraph(marked(say(Message("web.drug.not_printed"))), style("note", 9))


def _table(table: Table, account: Account, say: Say) -> Flowable:
    """The table without the columns in which there is nothing, as small as it must be to fit."""
    shown = [
        place
        for place in range(len(table.columns))
        if place == 0 or any(row[place] not in (None, 0) for row in table.rows)
    ]
    words = table.head(say)
    head = [words[place] for place in shown]
    rows = [
        [printed(in_words(row[p], table.columns[p], say, account.zone)) for p in shown]
        for row in table.rows
    ]
    numbers = [
        place
        for place, at in enumerate(shown)
        if any(isinstance(row[at], int) for row in table.rows)
    ]
    return grid(head, rows, numbers)


def grid(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Iterable[int] = ()
) -> Flowable:
    """The rows under their headings, which come again on each page; `numbers` are the columns that
    stand to the right."""
    size, widths = _fitting(head, rows)
    cells = _cells(head, rows, size, widths)
    # A line may be longer than a page: an entry that names every kit of a lot.
    made = PaperTable(cells, colWidths=widths, repeatRows=1, hAlign="LEFT", splitInRow=1)
    right = (("ALIGN", (place, 1), (place, -1), "RIGHT") for place in numbers)
    font = (
        ("FONT", (0, 1), (-1, -1), _FONT, size),
        ("LEADING", (0, 1), (-1, -1), size * 1.3),
    )
    made.setStyle(TableStyle([*font, *_LINES, *right]))
    return made


_LINES: Final = (
    ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.HexColor("#c5ced6")),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), _PADDING / 2),
    ("RIGHTPADDING", (0, 0), (-1, -1), _PADDING / 2),
    ("TOPPADDING", (0, 0), (-1, -1), 1.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
)


def _fitting(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[float, list[float]]:
    """The largest size of letters at which the table fits across the page, and its columns."""
    size = _SIZE
    while sum(widths := _widths(head, rows, size)) > _ACROSS and size > _SIZE_LEAST:
        size -= 0.5
    if sum(widths) > _ACROSS:
        return size, [one * _ACROSS / sum(widths) for one in widths]
    # What is left of the page goes to the columns whose cells go on in other lines.
    wanted = _widths(head, rows, size, most=_ACROSS)
    missing = [more - one for more, one in zip(wanted, widths, strict=True)]
    share = min(1.0, (_ACROSS - sum(widths)) / (sum(missing) or 1.0))
    return size, [one + more * share for one, more in zip(widths, missing, strict=True)]


def _cells(
    head: Sequence[str], rows: Sequence[Sequence[str]], size: float, widths: Sequence[float]
) -> list[list[Any]]:
    """Plain text where it fits on a line: a paragraph takes a hundred times as long to set."""
    bold = style("head", size, fontName="Helvetica-Bold")
    plain = style("cell", size)

    def cell(text: str, wide: float) -> Any:
        fits = stringWidth(text, _FONT, size) + _PADDING <= wide
        return text if fits else Paragraph(marked(text), plain)

    return [
        [Paragraph(marked(one), bold) for one in head],
        *([cell(*pair) for pair in zip(row, widths, strict=True)] for row in rows),
    ]


def _widths(
    head: Sequence[str], rows: Sequence[Sequence[str]], size: float, most: float = _WIDE
) -> list[float]:
    """As wide as the widest cell or word of the heading, within bounds."""
    found = []
    for place, words in enumerate(head):
        longest = max(stringWidth(printed(one), "Helvetica-Bold", size) for one in words.split())
        widest = max((stringWidth(row[place], _FONT, size) for row in rows), default=0.0)
        found.append(max(longest, min(widest, most)) + _PADDING)
    return found
