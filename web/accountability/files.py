"""The account of drug as CSV and as a spreadsheet; the same bytes for the same account."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.errors import InvalidInput
from core.messages import Message, Moment
from core.supply.accountability import Account
from web.accountability.tables import TABLES, Cell, Say, Table, in_words, tables

CSV_TABLE: Final = "kits"
"""Which table a CSV file holds unless another one is asked for: the log of all kits."""
_WIDTH_MAX: Final = 40
SHEET_ROWS_MAX: Final = 20_000
"""What a spreadsheet is made of while somebody waits; CSV has every row."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to hand out."""

    name: str
    media: str
    content: bytes


def notes(account: Account, say: Say) -> tuple[str, ...]:
    """What stands above the tables: when, of what, whether it closes, who may not see it."""
    moment = Message("web.drug.as_of", {"at": Moment(account.at, account.zone)})
    open_sites = [one.site for one in account.sites if one.difference]
    closes = Message("web.drug.closes")
    if open_sites:
        closes = Message("web.drug.open", {"sites": ", ".join(open_sites)})
    told = [moment, closes]
    if account.is_unblinding:
        told.append(Message("web.drug.unblinding"))
    if len(account.kits) > SHEET_ROWS_MAX:
        told.append(Message("web.drug.too_long", {"most": SHEET_ROWS_MAX}))
    if account.training:
        told.append(Message("web.drug.training"))
    return tuple(say(one) for one in told)


def title(account: Account, say: Say) -> str:
    """What the file is, in words."""
    if account.site is None:
        return say(Message("web.drug.of_study", {"study": account.study}))
    params = {"study": account.study, "site": account.site}
    return say(Message("web.drug.of_site", params))


def as_csv(account: Account, say: Say, table: str = CSV_TABLE) -> bytes:
    """One table, with the names of the columns, days as YYYY-MM-DD and moments in UTC.

    Raises InvalidInput for a table that there is not, or not for this reader.
    """
    found = next((one for one in tables(account) if one.name == table), None)
    if found is None:
        raise InvalidInput("table", Message("web.drug.no_table"))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(found.columns)
    writer.writerows([_plain(cell) for cell in row] for row in found.rows)
    return out.getvalue().encode()


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime):
        return cell.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    return cell.isoformat() if isinstance(cell, dt.date) else str(cell)


def as_xlsx(account: Account, say: Say, table: str = CSV_TABLE) -> bytes:
    """A sheet for each table of at most SHEET_ROWS_MAX rows, in words; numbers as numbers, days as
    days. The library is imported late: it is large."""
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"title": title(account, say), "created": account.at.replace(tzinfo=None)})
    styles = {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "head": book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1}),
        "day": book.add_format({"num_format": "yyyy-mm-dd"}),
    }
    for one in tables(account):
        if len(one.rows) > SHEET_ROWS_MAX:
            continue
        _sheet(book, one, account, say, styles)
    book.close()
    return out.getvalue()


def _sheet(book: Any, table: Table, account: Account, say: Say, styles: Mapping[str, Any]) -> None:
    sheet = book.add_worksheet(_sheet_name(table.title(say)))
    sheet.write_string(0, 0, title(account, say), styles["title"])
    lines = notes(account, say)
    for place, line in enumerate(lines, start=1):
        sheet.write_string(place, 0, line)
    top = len(lines) + 2
    widths = []
    for column, (name, words) in enumerate(zip(table.columns, table.head(say), strict=True)):
        sheet.write_string(top, column, words, styles["head"])
        widest = max(map(len, words.split()))
        for place, cells in enumerate(table.rows, start=top + 1):
            cell = cells[column]
            told = in_words(cell, name, say, account.zone)
            widest = max(widest, len(told))
            if isinstance(cell, int):
                sheet.write_number(place, column, cell)
            elif isinstance(cell, dt.date) and not isinstance(cell, dt.datetime):
                sheet.write_datetime(place, column, cell, styles["day"])
            elif told:
                sheet.write_string(place, column, told)
        widths.append(widest)
    for column, width in enumerate(widths):
        sheet.set_column(column, column, min(width + 2, _WIDTH_MAX))
    sheet.freeze_panes(top + 1, 1)
    if table.rows:
        sheet.autofilter(top, 0, top + len(table.rows), len(table.columns) - 1)


_NOT_IN_NAMES: Final = str.maketrans(dict.fromkeys("[]:*?/\\'"))


def _sheet_name(words: str) -> str:
    return words.translate(_NOT_IN_NAMES)[:31]


def as_pdf(account: Account, say: Say, table: str = CSV_TABLE) -> bytes:
    """On paper. Imported late: the library is large."""
    from web.accountability.paper import paper

    return paper(account, say)


_MAKERS: Final[Mapping[str, tuple[str, Callable[[Account, Say, str], bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
    "pdf": ("application/pdf", as_pdf),
}
FORMATS: Final = tuple(_MAKERS)
MEDIA: Final[Mapping[str, str]] = {name: media for name, (media, _) in _MAKERS.items()}


def file_of(account: Account, form: str, say: Say, table: str | None = None) -> File:
    """The account in one of FORMATS; `table`, one of TABLES, is for CSV. Raises InvalidInput for
    a table that there is not, or not for this reader."""
    wanted = table or CSV_TABLE
    if wanted not in TABLES:
        raise InvalidInput("table", Message("web.drug.no_table"))
    media, make = _MAKERS[form]
    where = f"-{account.site}" if account.site else ""
    which = f"-{wanted}" if form == "csv" else ""
    name = f"accountability-{account.study}{where}{which}.{form}"
    return File(name, media, make(account, say, wanted))
