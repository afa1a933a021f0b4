"""The report on paper: the same blocks and drawings by reportlab, the same bytes each time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Drawing, PolyLine, Rect, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    KeepTogether,
    ListFlowable,
    ListItem,
    Paragraph,
    Preformatted,
    SimpleDocTemplate,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Table as PaperTable

from core.randomization.report.model import (
    Block,
    Code,
    Facts,
    Items,
    Link,
    Plot,
    Report,
    Table,
    Text,
)
from web.report.plots import INK, LINE, SOFT, WIDTH, Box, Shape, Stroke, drawn

_MARGIN: Final = 18 * mm
_PADDING: Final = 6.0  # of the frame on a page
_ACROSS: Final = A4[0] - 2 * _MARGIN - 2 * _PADDING
_PLOT: Final = 250.0
_GAP: Final = 14.0
_ROOM: Final = 110.0  # below this a heading goes to the next page
_BRAND: Final = colors.HexColor("#0b4a5e")
_CHARACTERS: Final = "cp1252"
_INSTEAD: Final = str.maketrans({"≥": ">=", "≤": "<=", "−": "-", "→": "->", "\u00a0": " "})
_MISSING: Final = "?"
_HEAD: Final = "Helvetica-Bold"
_BODY: Final = "Helvetica"


def style(name: str, size: float, **more: Any) -> ParagraphStyle:
    given = {"fontName": _BODY, "leading": size * 1.32, "textColor": INK, **more}
    return ParagraphStyle(name, fontSize=size, **given)


_TEXT: Final = style("text", 9.5, spaceAfter=6)
_QUIET: Final = style("quiet", 9.5, textColor=SOFT, spaceAfter=8)
_H1: Final = style("h1", 19, fontName=_HEAD, spaceAfter=2)
_H2: Final = style("h2", 14, fontName=_HEAD, spaceBefore=16, spaceAfter=6, textColor="#0b4a5e")
_H3: Final = style("h3", 11, fontName=_HEAD, spaceBefore=10, spaceAfter=2)
_CAPTION: Final = style("caption", 9.5, fontName=_HEAD, spaceBefore=4, spaceAfter=2)
_TYPED: Final = style("typed", 8, fontName="Courier")
_TRAINING: Final = style("training", 11, fontName=_HEAD, alignment=1, borderWidth=1.5,
                          borderColor="#000000", borderPadding=5, spaceAfter=14)  # fmt: skip


def pdf(report: Report) -> bytes:
    """The paper, A4."""
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, invariant=1, lang="en", title=printed(report.title), author="IxRS",
        subject=printed(report.about), creator="IxRS",
        leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN,
    )  # fmt: skip
    story = [*_front(report)]
    for section in report.sections:
        blocks = [part for block in section.blocks for part in _flowables(block)]
        story += [CondPageBreak(_ROOM), Paragraph(marked(section.heading), _H2), *blocks]
    story += [*_letters(report)]

    def edge(canvas: Any, page: Any) -> None:
        canvas.setFont(_BODY, 8)
        canvas.setFillColor(colors.HexColor(SOFT))
        canvas.drawString(_MARGIN, 10 * mm, printed(report.title))
        canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, f"IxRS, page {page.page}")

    document.build(story, onFirstPage=edge, onLaterPages=edge)
    return out.getvalue()


def _front(report: Report) -> Iterator[Flowable]:
    if report.training:
        yield Paragraph("TRAINING. Nothing here is real.", _TRAINING)
    yield Paragraph(marked(report.title), _H1)
    yield Paragraph(marked(report.about), _QUIET)
    lines = [Paragraph("<b>In short</b>", _TEXT), _list(report.brief, ordered=False)]
    box = PaperTable([[lines]], colWidths=[_ACROSS], hAlign="LEFT")
    box.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), colors.HexColor("#e7f3ec")),
                ("LINEBEFORE", (0, 0), (0, -1), 4, colors.HexColor("#0b6b3a")),
                ("LEFTPADDING", (0, 0), (-1, -1), 12),
            ]
        )
    )
    yield box


def _letters(report: Report) -> Iterator[Flowable]:
    """A line where something could not be printed as it is written."""
    if any(printed(words) != words.translate(_INSTEAD) for words in _all_words(report)):
        yield Spacer(0, 8)
        words = (
            f"Letters that this paper cannot print stand as {_MISSING}; the HTML report has them."
        )
        yield Paragraph(words, _QUIET)


def _all_words(report: Report) -> Iterator[str]:
    yield from (report.title, report.about, *report.brief)
    for section in report.sections:
        for block in section.blocks:
            yield repr(block)


def printed(words: str) -> str:
    """The words in the letters of the standard fonts."""
    return words.translate(_INSTEAD).encode(_CHARACTERS, "replace").decode(_CHARACTERS)


def marked(words: str) -> str:
    return escape(printed(words))


def _flowables(block: Block) -> list[Flowable]:
    match block:
        case Text():
            return [Paragraph(marked(block.words), _TEXT)]
        case Link():
            link = f'<link href="{escape(block.url)}" color="#0a5a8a">{marked(block.words)}</link>'
            return [Paragraph(f"{marked(block.before)}{link}", _TEXT)]
        case Items():
            return [_list(block.lines, block.ordered), Spacer(0, 4)]
        case Code():
            return _typed(block)
        case Facts():
            return [_facts(block), Spacer(0, 6)]
        case Plot():
            return [_plot(block)]
        case Table():
            return [*titled(block, _ACROSS, 9), Spacer(0, 6)]


def _list(lines: Sequence[str], ordered: bool) -> ListFlowable:
    items = [ListItem(Paragraph(marked(line), _TEXT)) for line in lines]
    sign = (
        {"bulletType": "1", "bulletFormat": "%s."}
        if ordered
        else {"bulletType": "bullet", "start": "•"}
    )
    return ListFlowable(items, leftIndent=16, bulletFontSize=9.5, **sign)


def _typed(block: Code) -> list[Flowable]:
    most = int((_ACROSS - 12) / stringWidth("0", _TYPED.fontName, _TYPED.fontSize))
    text = "\n".join(printed(line) for line in block.lines)
    typed = Preformatted(text, _TYPED, maxLineLength=most, newLineChars="")
    box = PaperTable([[typed]], colWidths=[_ACROSS], hAlign="LEFT")
    box.setStyle(TableStyle([("BACKGROUND", (0, 0), (-1, -1), colors.HexColor("#f2f5f7"))]))
    caption = [Paragraph(marked(block.caption), _QUIET)] if block.caption else []
    return [KeepTogether([box, Spacer(0, 3), *caption]), Spacer(0, 4)]


def _facts(block: Facts) -> PaperTable:
    small = style("code", 8, fontName="Courier")
    rows = [
        [
            Paragraph(f"<b>{marked(name)}</b>", _TEXT),
            Paragraph(marked(value), small if place in block.codes else _TEXT),
        ]
        for place, (name, value) in enumerate(block.rows)
    ]
    made = PaperTable(rows, colWidths=[_ACROSS * 0.34, _ACROSS * 0.66], hAlign="LEFT")
    made.setStyle(TableStyle([*_LINES, ("BOTTOMPADDING", (0, 0), (-1, -1), 0)]))
    return made


_LINES: Final = (
    ("LINEBELOW", (0, 0), (-1, -1), 0.5, colors.HexColor(LINE)),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 2.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
)


def titled(block: Table, across: float, size: float) -> list[Flowable]:
    """Caption and table; the headings come again on each page."""
    text = {
        (bold, right): style(
            "cell", size, fontName=_HEAD if bold else _BODY, alignment=2 if right else 0
        )
        for bold in (False, True)
        for right in (False, True)
    }
    rows = [
        [
            Paragraph(marked(cell), text[row == 0 or column == 0, column in block.numbers])
            for column, cell in enumerate(cells)
        ]
        for row, cells in enumerate((block.head, *block.rows))
    ]
    made = PaperTable(rows, colWidths=_widths(block, across, size), repeatRows=1, hAlign="LEFT")
    made.setStyle(TableStyle(_LINES))
    caption = [Paragraph(marked(block.caption), _CAPTION)] if block.caption else []
    return [*caption, made]


def _widths(block: Table, across: float, size: float) -> list[float]:
    """As wide as the longest cell, or its share of what there is."""
    columns = range(len(block.head))
    bodies = [
        max([stringWidth(printed(row[c]), _HEAD, size) for row in block.rows] or [0.0])
        for c in columns
    ]
    words = [_longest([block.head[c]], size) for c in columns]
    wanted = [max(body, word) + 8 for body, word in zip(bodies, words, strict=True)]
    if sum(wanted) <= across:
        return wanted
    least = [max(_longest([row[c] for row in block.rows], size), words[c]) + 8 for c in columns]
    least = [wanted[c] if c in block.numbers else least[c] for c in columns]
    spare, missing = across - sum(least), [a - b for a, b in zip(wanted, least, strict=True)]
    share = max(spare, 0.0) / (sum(missing) or 1.0)
    return [base + more * share for base, more in zip(least, missing, strict=True)]


def _longest(texts: Sequence[str], size: float) -> float:
    """How wide the longest single word is."""
    wide = [stringWidth(w, _HEAD, size) for one in texts for w in printed(one).split()]
    return max(map(float, wide), default=0.0)


def _plot(block: Plot) -> KeepTogether:
    beside = titled(block.table, _ACROSS - _PLOT - _GAP, 7.2)
    both = PaperTable([[drawing(block), beside]], colWidths=[_PLOT + _GAP, None], hAlign="LEFT")
    both.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ]
        )
    )
    title = Paragraph(marked(block.title), _H3)
    return KeepTogether([title, Paragraph(marked(block.reading), _TEXT), both])


def drawing(plot: Plot) -> Drawing:
    """The same lines, boxes and words as on the page."""
    found = drawn(plot)
    scale = _PLOT / WIDTH
    made = Drawing(_PLOT, found.height * scale)
    for shape in found.shapes:
        made.add(_shape(shape, found.height))
    made.transform = (scale, 0, 0, scale, 0, 0)
    return made


def _shape(shape: Shape, height: float) -> Any:
    """One of them; reportlab counts upwards."""
    if isinstance(shape, Stroke):
        return PolyLine(
            [one for x, y in shape.points for one in (x, height - y)],
            strokeColor=colors.HexColor(shape.colour),
            strokeWidth=shape.width,
            strokeDashArray=list(shape.dash) or None,
        )
    if isinstance(shape, Box):
        return Rect(
            shape.x, height - shape.y - shape.height, shape.width, shape.height,
            fillColor=colors.HexColor(shape.colour), strokeColor=None,
        )  # fmt: skip
    return String(
        shape.x, height - shape.y, printed(shape.text),
        textAnchor=shape.anchor, fontName=_BODY, fontSize=11,
        fillColor=colors.HexColor(shape.colour),
    )  # fmt: skip
