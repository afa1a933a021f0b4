"""The canonical encoding: a stranger with sha256sum gets what we get."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ledger.encoding import canonical, digest, instant, secret_digest

PAGE = Path(__file__).parents[3] / "docs" / "LEDGER.md"


def _blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return [
        block.strip("\n")
        for kind, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if kind == language
    ]


def test_the_documented_vector_is_what_the_encoding_gives() -> None:
    bodies, (first, second, arm) = _blocks("json"), _blocks("")
    assert [hashlib.sha256(body.encode()).hexdigest() for body in bodies] == [first, second]
    assert [canonical(json.loads(body)) for body in bodies] == bodies
    assert [digest(body) for body in bodies] == [first, second]
    assert json.loads(bodies[1])["previous"] == first
    assert json.loads(bodies[0])["secret"]["arm"] == arm
    assert secret_digest("000102030405060708090a0b0c0d0e0f", "active") == arm


def test_the_documented_commands_give_the_documented_digests(tmp_path: Path) -> None:
    (tmp_path / "entry.json").write_text(_blocks("json")[0], encoding="utf-8")
    first, _, arm = _blocks("")
    commands = _blocks("sh")
    for command, expected in zip(commands, (first, arm), strict=False):
        told = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert told.stdout.split()[0] == expected


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), plain, max_size=5))
def test_what_was_encoded_reads_back_and_encodes_the_same(entry: dict[str, Any]) -> None:
    body = canonical(entry)
    assert json.loads(body) == entry
    assert canonical(json.loads(body)) == body
    assert canonical(dict(reversed(entry.items()))) == body
    assert "\n" not in body


@pytest.mark.parametrize("value", [1.0, float("nan"), b"x", {1, 2}, object()])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical({"value": value})


@pytest.mark.req("R9")
def test_instants_are_utc_whatever_zone_they_came_in() -> None:
    madrid = dt.timezone(dt.timedelta(hours=1))
    assert instant(dt.datetime(2026, 11, 21, 9, 30, tzinfo=madrid)) == "2026-11-21T08:30:00.000000Z"
    assert canonical({"d": Decimal("2.50")}) == '{"d":"2.50"}'
