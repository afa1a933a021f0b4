"""The report as Markdown: for repositories and for those who fill it in with an editor."""

from __future__ import annotations

from collections.abc import Iterator

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


def markdown(report: Report) -> str:
    """The whole text."""
    return "\n\n".join(_parts(report)) + "\n"


def _parts(report: Report) -> Iterator[str]:
    yield f"# {report.title}"
    if report.training:
        yield "**TRAINING. Nothing here is real.**"
    yield report.about
    yield _list(report.brief, ordered=False)
    for section in report.sections:
        yield f"## {section.heading}"
        for block in section.blocks:
            yield _block(block)


def _block(block: Block) -> str:
    match block:
        case Text():
            return block.words
        case Link():
            return f"{block.before}[{block.words}]({block.url})"
        case Items():
            return _list(block.lines, ordered=block.ordered)
        case Code():
            return "\n".join(("```", *block.lines, "```"))
        case Facts():
            return _table(("", ""), block.rows)
        case Plot():
            return f"### {block.title}\n\n{block.reading}\n\n{_block(block.table)}"
        case Table():
            caption = f"**{block.caption}**\n\n" if block.caption else ""
            return caption + _table(block.head, block.rows)


def _list(lines: tuple[str, ...], *, ordered: bool) -> str:
    signs = (f"{place}." if ordered else "-" for place in range(1, len(lines) + 1))
    return "\n".join(f"{sign} {line}" for sign, line in zip(signs, lines, strict=True))


def _table(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    lines = [_row(head), _row(("---",) * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    told = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(told)} |"
