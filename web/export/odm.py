"""A copy of the record as CDISC ODM 1.3.2, the audit trail as audit records and signatures.

Subjects are clinical data: what is on record of each, each visit with its kits, and each entry of
the ledger about the subject as an event of its own with its audit record. What belongs to no
subject is reference data, a row an item group. The names of tables and columns are those of the
other forms. Source: CDISC Operational Data Model 1.3.2, with its XML schema.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final
from xml.etree import ElementTree as Xml

from core.export.copy import StudyCopy
from core.export.tables import LEDGER, SIGNATURES
from core.messages import Message
from web.accountability.tables import Say
from web.export.files import as_text, tables_of

NAMESPACE: Final = "http://www.cdisc.org/ns/odm/v1.3"
_CLINICAL: Final = {"subjects": "number", "visits": "subject", "kits": "subject", LEDGER: "subject"}
"""Tables about subjects, and the column that says which."""
_KEYS: Final = {"kits": "kit", LEDGER: "sequence", "visits": "visit"}
_SUBJECT: Final = "SE.SUBJECT"
_LEDGER: Final = "SE.LEDGER"
_LAWS: Final = "21 CFR 11.50, 21 CFR 11.70"
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOBODY: Final = "system"
_WHOLE: Final = "study"
Row = Mapping[str, Any]


def as_odm(copy: StudyCopy, say: Say) -> bytes:
    """The document; the same bytes for the same copy."""
    return _Writer(copy, say).document()


class _Writer:
    """Puts one document together."""

    def __init__(self, copy: StudyCopy, say: Say) -> None:
        self._copy, self._say = copy, say
        self._tables = {one.name: one for one in tables_of(copy)}
        self._study = f"ST.{copy.study}"
        self._version = f"MDV.{copy.version}"
        self._ledger = list(self._rows(LEDGER))
        self._signed: dict[int, Row] = {}
        for one in self._rows(SIGNATURES):
            self._signed.setdefault(one["sequence"], one)
        self._columns: dict[str, dict[str, list[Any]]] = {}

    def document(self) -> bytes:
        at, copy = _moment(self._copy.at), self._copy
        root = Xml.Element(
            "ODM",
            {
                "xmlns": NAMESPACE,
                "ODMVersion": "1.3.2",
                "FileType": "Transactional" if self._ledger else "Snapshot",
                "FileOID": f"ixrs.{copy.study}.{copy.upto}.{copy.reader.user_id}.{at}",
                "CreationDateTime": at,
                "AsOfDateTime": at,
                "Originator": "IxRS",
                "SourceSystem": "IxRS",
                "SourceSystemVersion": version("ixrs"),
                "Description": f"What {copy.reader.user_id} may see, up to entry {copy.upto} "
                f"of the ledger, {copy.upto_hash}",
            },
        )
        reference, clinical = self._reference(), self._clinical()
        root.append(self._metadata())
        root.append(self._admin())
        root.append(reference)
        root.append(clinical)
        out = io.BytesIO()
        Xml.ElementTree(root).write(out, encoding="utf-8", xml_declaration=True)
        return out.getvalue()

    def _rows(self, name: str) -> Iterable[Row]:
        table = self._tables.get(name)
        return table.dicts() if table is not None else ()

    # -- data

    def _reference(self) -> Xml.Element:
        made = self._element(
            "ReferenceData", StudyOID=self._study, MetaDataVersionOID=self._version
        )
        for table in self._tables.values():
            about = _CLINICAL.get(table.name)
            for place, row in enumerate(table.dicts(), start=1):
                if about in row and row[about] is not None:
                    continue
                key = row.get(_KEYS.get(table.name, ""), place)
                made.append(self._group(table.name, str(key), row, reference=True))
        return made

    def _clinical(self) -> Xml.Element:
        made = self._of_study("ClinicalData")
        by_subject = {name: self._by_subject(name) for name in _CLINICAL}
        for row in self._rows("subjects"):
            number = row["number"]
            mine = {name: found.get(number, []) for name, found in by_subject.items()}
            made.append(self._subject(row, mine))
        return made

    def _by_subject(self, name: str) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in self._rows(name):
            if (number := row.get(_CLINICAL[name])) is not None:
                found.setdefault(number, []).append(row)
        return found

    def _subject(self, row: Row, mine: Mapping[str, Sequence[Row]]) -> Xml.Element:
        entries = mine[LEDGER]
        made = self._element("SubjectData", SubjectKey=row["number"], TransactionType="Insert")
        made.extend(self._audit(entries[:1]))
        made.append(self._element("SiteRef", LocationOID=f"LOC.{row['site']}"))
        at_visits = {one["visit"] for one in mine["visits"]}
        about = self._event(_SUBJECT, entries[-1:])
        loose = [one for one in mine["kits"] if one.get("visit") not in at_visits]
        about.append(self._form("subjects", [row]))
        if loose:
            about.append(self._form("kits", loose))
        made.append(about)
        for visit in mine["visits"]:
            code = visit["visit"]
            told = [one for one in entries if one["facts"].get("visit") == code]
            event = self._event(f"SE.{_oid(code)}", told[-1:])
            event.append(self._form("visits", [visit]))
            if kits := [one for one in mine["kits"] if one.get("visit") == code]:
                event.append(self._form("kits", kits))
            made.append(event)
        for entry in entries:
            event = self._event(_LEDGER, [entry], str(entry["sequence"]))
            event.append(self._form(LEDGER, [entry]))
            made.append(event)
        return made

    def _event(self, oid: str, entries: Sequence[Row], key: str | None = None) -> Xml.Element:
        more = {"StudyEventRepeatKey": key} if key else {}
        made = self._element("StudyEventData", StudyEventOID=oid, TransactionType="Insert", **more)
        made.extend(self._audit(entries))
        return made

    def _form(self, name: str, rows: Sequence[Row]) -> Xml.Element:
        made = self._element("FormData", FormOID=f"F.{name}")
        for place, row in enumerate(rows, start=1):
            key = row.get(_KEYS.get(name, ""), place)
            made.append(self._group(name, str(key), row))
        return made

    def _group(self, name: str, key: str, row: Row, *, reference: bool = False) -> Xml.Element:
        made = self._element("ItemGroupData", ItemGroupOID=f"IG.{name}", ItemGroupRepeatKey=key)
        if reference:
            made.set("TransactionType", "Insert")
            made.extend(self._audit([row] if name == LEDGER else []))
        for column, cell in _flat(name, row):
            kept = self._columns.setdefault(name, {}).setdefault(column, [])
            kept.append(cell)
            if cell is not None:
                oid = f"I.{name}.{_oid(column)}"
                made.append(self._element("ItemData", ItemOID=oid, Value=self._text(cell)))
        return made

    def _audit(self, entries: Sequence[Row]) -> list[Xml.Element]:
        """The audit record of an entry, and the signature in it."""
        if not entries:
            return []
        (entry,) = entries
        record = self._element("AuditRecord")
        self._who(record, entry["actor"], entry["site"], None, entry["at"])
        if reason := _reason(entry["facts"]):
            self._child(record, "ReasonForChange", reason)
        self._child(record, "SourceID", f"ledger {entry['sequence']} {entry['hash']}")
        if (mark := self._signed.get(entry["sequence"])) is None:
            return [record]
        signature = self._element("Signature")
        self._who(signature, mark["user_id"], entry["site"], mark["meaning"], mark["at"])
        return [record, signature]

    def _who(
        self, under: Xml.Element, user: str | None, site: str | None, meaning: str | None, at: Any
    ) -> None:
        under.append(self._element("UserRef", UserOID=f"USR.{user or _NOBODY}"))
        under.append(self._element("LocationRef", LocationOID=f"LOC.{site or _WHOLE}"))
        if meaning is not None:
            under.append(self._element("SignatureRef", SignatureOID=f"SD.{_oid(meaning)}"))
        moment = dt.datetime.fromisoformat(at) if isinstance(at, str) else at
        self._child(under, "DateTimeStamp", _moment(moment))

    # -- what it is made of

    def _metadata(self) -> Xml.Element:
        copy = self._copy
        study = self._element("Study", OID=self._study)
        names = self._child(study, "GlobalVariables")
        title = next(iter(copy.config.study.title.values()))
        self._child(names, "StudyName", copy.study)
        self._child(names, "StudyDescription", title)
        self._child(names, "ProtocolName", copy.study)
        name = f"Study version {copy.version}"
        made = self._child(study, "MetaDataVersion", OID=self._version, Name=name)
        events = self._events()
        protocol = self._child(made, "Protocol")
        for oid in events:
            self._child(protocol, "StudyEventRef", StudyEventOID=oid, Mandatory="No")
        for oid, (words, repeating, kind) in events.items():
            event = self._child(
                made, "StudyEventDef", OID=oid, Name=words, Repeating=repeating, Type=kind
            )
            forms = {_SUBJECT: ("subjects", "kits"), _LEDGER: (LEDGER,)}
            for form in forms.get(oid, ("visits", "kits")):
                self._child(event, "FormRef", FormOID=f"F.{form}", Mandatory="No")
        for form in _CLINICAL:
            one = self._child(made, "FormDef", OID=f"F.{form}", Name=form, Repeating="No")
            self._child(one, "ItemGroupRef", ItemGroupOID=f"IG.{form}", Mandatory="No")
        self._definitions(made)
        return study

    def _events(self) -> dict[str, tuple[str, str, str]]:
        """Each event: its words, whether it repeats, and its type."""
        codes = {one.code: one for one in self._copy.config.visits}
        seen = dict.fromkeys((*codes, *(row["visit"] for row in self._rows("visits"))))
        found = {_SUBJECT: ("Subject", "No", "Common")}
        for code in seen:
            words = codes[code].labels.text("en") if code in codes else code
            kind = "Scheduled" if code in codes else "Unscheduled"
            found[f"SE.{_oid(code)}"] = (words, "No", kind)
        return {**found, _LEDGER: ("Entries of the ledger", "Yes", "Common")}

    def _definitions(self, made: Xml.Element) -> None:
        groups = {**{name: {} for name in _CLINICAL}, **self._columns}
        for name, columns in groups.items():
            reference = "No" if name in _CLINICAL else "Yes"
            group = self._child(
                made, "ItemGroupDef", OID=f"IG.{name}", Name=name, Repeating="Yes",
                IsReferenceData=reference,
            )  # fmt: skip
            for column in columns:
                oid = f"I.{name}.{_oid(column)}"
                self._child(group, "ItemRef", ItemOID=oid, Mandatory="No")
        for name, columns in groups.items():
            for column, cells in columns.items():
                oid = f"I.{name}.{_oid(column)}"
                kind, length = self._kind(cells)
                self._child(made, "ItemDef", OID=oid, Name=column, DataType=kind, **length)

    def _kind(self, cells: Sequence[Any]) -> tuple[str, dict[str, str]]:
        """The data type of a column, and the length of its longest text."""
        kinds = {type(cell) for cell in cells if cell is not None}
        for kind, name in _TYPES.items():
            if kinds == {kind}:
                return name, {}
        longest = max((len(self._text(cell)) for cell in cells if cell is not None), default=0)
        return "text", {"Length": str(max(longest, 1))}

    def _admin(self) -> Xml.Element:
        made = self._element("AdminData", StudyOID=self._study)
        people = {one["user_id"]: one["name"] for one in self._rows("people")}
        for entry in self._ledger:
            if entry["actor"] is not None:
                people.setdefault(entry["actor"], entry["actor_name"])
        for one in self._rows(SIGNATURES):
            people.setdefault(one["user_id"], one["name"])
        for user, name in {_NOBODY: "IxRS", **people}.items():
            person = self._child(made, "User", OID=f"USR.{user}")
            self._child(person, "LoginName", user)
            if name:
                self._child(person, "FullName", name)
        sites: dict[str, str] = {row["number"]: row["name"] for row in self._rows("sites")}
        for entry in (*self._ledger, *self._rows("subjects")):
            if entry["site"] is not None:
                sites.setdefault(entry["site"], entry["site"])
        self._location(made, _WHOLE, self._copy.study, "Sponsor")
        for number, name in sites.items():
            self._location(made, number, name, "Site")
        for meaning in dict.fromkeys(one["meaning"] for one in self._rows(SIGNATURES)):
            oid = f"SD.{_oid(meaning)}"
            signed = self._child(made, "SignatureDef", OID=oid, Methodology="Electronic")
            self._child(signed, "Meaning", self._say(Message(f"meaning.{meaning}")))
            self._child(signed, "LegalReason", _LAWS)
        return made

    def _location(self, made: Xml.Element, number: str, name: str, kind: str) -> None:
        place = self._child(made, "Location", OID=f"LOC.{number}", Name=name, LocationType=kind)
        self._child(
            place, "MetaDataVersionRef", StudyOID=self._study, MetaDataVersionOID=self._version,
            EffectiveDate=self._copy.at.date().isoformat(),
        )  # fmt: skip

    # -- elements

    def _of_study(self, tag: str) -> Xml.Element:
        return self._element(tag, StudyOID=self._study, MetaDataVersionOID=self._version)

    def _text(self, cell: Any) -> str:
        return _NOT_XML.sub("\ufffd", as_text(cell, self._say))

    def _element(self, tag: str, **attributes: str) -> Xml.Element:
        clean = {name: _NOT_XML.sub("\ufffd", value) for name, value in attributes.items()}
        return Xml.Element(tag, clean)

    def _child(
        self, under: Xml.Element, tag: str, text: str | None = None, **attributes: str
    ) -> Xml.Element:
        made = self._element(tag, **attributes)
        made.text = None if text is None else _NOT_XML.sub("\ufffd", text)
        under.append(made)
        return made


_TYPES: Final = {
    bool: "boolean",
    int: "integer",
    dt.datetime: "datetime",
    dt.date: "date",
}


def _flat(name: str, row: Row) -> Iterable[tuple[str, Any]]:
    """The cells of a row; the facts of an entry each under its own name."""
    for column, cell in row.items():
        if name == LEDGER and column == "facts":
            yield from ((f"facts.{fact}", value) for fact, value in cell.items())
        else:
            yield column, cell


def _reason(facts: Mapping[str, Any]) -> str:
    return "; ".join(str(facts[name]) for name in ("reason", "details") if facts.get(name))


def _oid(text: str) -> str:
    """A name as it may stand in an identifier."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)


def _moment(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
