"""A copy of the record as JSON and as CSV, and which other forms there are.

In JSON and ODM every value is as it is on record. CSV is read by spreadsheets, which take a text
that begins like a formula for one: there it is given an apostrophe.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from decimal import Decimal
from typing import Any, Final

from core.errors import InvalidInput
from core.export.copy import StudyCopy
from core.export.tables import Table
from core.messages import Message
from web.accountability.files import File
from web.accountability.tables import Say
from web.accountability.tables import tables as account_tables

FORMAT: Final = "ixrs-copy"
FORMAT_VERSION: Final = 1
_OF_DRUG: Final = {"sites": "drug_by_site", "subjects": "drug_by_subject"}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_ZIP_AT: Final = (1980, 1, 1, 0, 0, 0)
"""The date of every file in an archive, so that the same copy has the same bytes."""


def tables_of(copy: StudyCopy) -> tuple[Table, ...]:
    """All tables of a copy: those of the record, then those of the account of drug."""
    drug = account_tables(copy.account) if copy.account is not None else ()
    made = (Table(_OF_DRUG.get(one.name, one.name), one.columns, one.rows) for one in drug)
    return (*copy.tables, *made)


def plain(cell: Any, say: Say) -> Any:
    """A cell as JSON has it: days as YYYY-MM-DD, moments in UTC, messages in words."""
    match cell:
        case Message():
            return say(cell)
        case dt.datetime():
            return cell.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        case dt.date():
            return cell.isoformat()
        case Decimal():
            return str(cell)
        case Mapping():
            return {str(name): plain(value, say) for name, value in cell.items()}
        case _ if is_dataclass(cell) and not isinstance(cell, type):
            return plain(asdict(cell), say)
        case list() | tuple():
            return [plain(value, say) for value in cell]
        case _:
            return cell


def as_text(cell: Any, say: Say) -> str:
    """A cell as text; nothing for the unknown, lists and parts as JSON."""
    value = plain(cell, say)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def head_of(copy: StudyCopy) -> dict[str, Any]:
    """What a copy is of, when it was made, for whom, and up to which entry of the ledger."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "study": copy.study,
        "study_version": copy.version,
        "training": copy.training,
        "made_at": copy.at,
        "made_for": {"user_id": copy.reader.user_id, "name": copy.reader.name},
        "ledger": {"upto": copy.upto, "hash": copy.upto_hash},
    }


def as_json(copy: StudyCopy, say: Say) -> bytes:
    """One document with every table, its rows by the names of the columns."""
    tables = {one.name: [plain(row, say) for row in one.dicts()] for one in tables_of(copy)}
    value = {**plain(head_of(copy), say), "tables": tables}
    return (json.dumps(value, ensure_ascii=False) + "\n").encode()


def table_csv(table: Table, say: Say) -> str:
    """A table under the names of its columns (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows([_cell(cell, say) for cell in row] for row in table.rows)
    return out.getvalue()


def _cell(cell: Any, say: Say) -> str:
    text = as_text(cell, say)
    is_number = isinstance(cell, int | Decimal)
    return f"'{text}" if text.startswith(_FORMULA) and not is_number else text


def as_csv(copy: StudyCopy, say: Say) -> bytes:
    """All tables one after the other, each under a line with its name, a blank line between."""
    parts = [f"# {one.name}\r\n{table_csv(one, say)}" for one in tables_of(copy)]
    return "\r\n".join(parts).encode()


def as_archive(copy: StudyCopy, say: Say) -> bytes:
    """A ZIP archive with a CSV file for each table, and what it is a copy of in `copy.json`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        about = json.dumps(plain(head_of(copy), say), ensure_ascii=False, indent=2)
        for name, text in (("copy.json", about), *_csv_files(copy, say)):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_AT), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _csv_files(copy: StudyCopy, say: Say) -> Iterator[tuple[str, str]]:
    for one in tables_of(copy):
        yield f"{one.name}.csv", table_csv(one, say)


def one_table(copy: StudyCopy, name: str, say: Say) -> bytes:
    """One table as CSV. Raises InvalidInput for one that there is not, or not for this reader."""
    for one in tables_of(copy):
        if one.name == name:
            return table_csv(one, say).encode()
    raise InvalidInput("table", Message("web.copy.no_table"))


def _odm(copy: StudyCopy, say: Say) -> bytes:
    from web.export.odm import as_odm

    return as_odm(copy, say)


def _paper(copy: StudyCopy, say: Say) -> bytes:
    from web.export.paper import as_pdf

    return as_pdf(copy, say)


@dataclass(frozen=True, slots=True)
class Form:
    """A form that a copy comes in: the end of the file's name, its media type, what makes it."""

    ending: str
    media: str
    make: Callable[[StudyCopy, Say], bytes]


FORMS: Final[Mapping[str, Form]] = {
    "json": Form("json", "application/json", as_json),
    "csv": Form("zip", "application/zip", as_archive),
    "odm": Form("xml", "application/xml", _odm),
    "pdf": Form("pdf", "application/pdf", _paper),
}


def file_of(copy: StudyCopy, form: str, say: Say) -> File:
    """The copy as a file in one of FORMS."""
    chosen = FORMS[form]
    name = f"{copy.study}-{copy.at:%Y%m%dT%H%M%SZ}.{chosen.ending}"
    return File(name, chosen.media, chosen.make(copy, say))
