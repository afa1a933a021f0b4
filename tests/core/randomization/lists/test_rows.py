"""The canonical text, its digest and its commitment: a test vector that sha256sum gives too."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from core.randomization.lists.rows import (
    ListedRow,
    canonical_list,
    list_commitment,
    list_digest,
)

ROWS = [
    ListedRow("sex=M", 1, None, "1003", "placebo"),
    ListedRow("sex=F", 2, 1, "1002", "placebo"),
    ListedRow("sex=F", 1, 1, "1001", "active"),
]
TEXT = """ixrs-list-v1
sex=F\t1\t1\t1001\tactive
sex=F\t2\t1\t1002\tplacebo
sex=M\t1\t\t1003\tplacebo
"""
NONCE = bytes(range(32))
DIGEST = "0439627f3d8898c2f461b50a9dedd17df628d26d65e4ff0bfb92fea803f9ec85"
COMMITMENT = "2812ed5bb7fb8901aa069ea9263b8024ac40ac089fcdcf2daf7965e2c1ca947e"


def test_the_canonical_text_does_not_depend_on_the_order_of_rows() -> None:
    assert canonical_list(ROWS) == canonical_list(ROWS[::-1]) == TEXT


def test_digest_and_commitment_are_those_of_the_page() -> None:
    assert list_digest(TEXT) == DIGEST
    assert list_commitment(NONCE, TEXT) == COMMITMENT
    page = Path(__file__).parents[4] / "docs" / "LISTS.md"
    assert {DIGEST, COMMITMENT} <= set(page.read_text(encoding="utf-8").replace("`", " ").split())


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
def test_the_commands_of_the_page_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(TEXT, encoding="utf-8")
    script = (
        "sha256sum < list.txt\n"
        f"printf '%s\\n' ixrs-list-commitment-v1 {NONCE.hex()} | cat - list.txt | sha256sum\n"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == [DIGEST, COMMITMENT]


@pytest.mark.parametrize(
    "changed",
    [ROWS[2]._replace(block=2), ROWS[2]._replace(number="1009"), ROWS[2]._replace(arm="placebo")],
)
def test_any_change_gives_another_commitment(changed: ListedRow) -> None:
    assert list_commitment(NONCE, canonical_list([*ROWS[:2], changed])) != COMMITMENT


def test_a_nonce_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        list_commitment(b"short", TEXT)
