"""Logs are JSON lines without PINs, codes or whole telephone numbers, whoever writes them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from web import logs


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(stream=stream)
    yield stream
    root.handlers, root.level = before[0], before[1]
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_time_and_level(log: io.StringIO) -> None:
    structlog.get_logger("ivr").info("turn", call="CA12", turn=3)
    (line,) = lines(log)
    assert line["event"] == "turn"
    assert (line["call"], line["turn"], line["level"]) == ("CA12", 3, "info")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("name", ["pin", "new_pin", "code", "Digits", "password", "arm", "secret"])
def test_a_value_named_like_a_secret_is_removed(log: io.StringIO, name: str) -> None:
    structlog.get_logger("ivr").warning("x", **{name: "271828", "deeper": {name: ["active"]}})
    assert "271828" not in log.getvalue()
    assert "active" not in log.getvalue()


@pytest.mark.parametrize("text", ["271828", "keyed 271828#", "code 123456789012", "4 271828, 7"])
def test_a_long_number_in_a_text_is_removed(log: io.StringIO, text: str) -> None:
    structlog.get_logger("ivr").warning(text, note=text, several=[text])
    assert "271828" not in log.getvalue()
    assert "123456789012" not in log.getvalue()


def test_a_telephone_number_keeps_two_digits(log: io.StringIO) -> None:
    structlog.get_logger("ivr").info("call", caller="+12025550142")
    (line,) = lines(log)
    assert line["caller"] == "+…42"


def test_an_identifier_of_the_provider_stays_whole(log: io.StringIO) -> None:
    sid = "CA0123456789abcdef0123456789abcdef"
    structlog.get_logger("ivr").info("call", call=sid)
    (line,) = lines(log)
    assert line["call"] == sid


def test_an_exception_is_masked_like_the_rest(log: io.StringIO) -> None:
    try:
        raise ValueError("PIN 271828 of +12025550142")
    except ValueError:
        structlog.get_logger("ivr").exception("failed")
    (line,) = lines(log)
    assert "ValueError" in line["exception"]
    assert "271828" not in log.getvalue()
    assert "2025550142" not in log.getvalue()


def test_a_librarys_log_is_masked_too(log: io.StringIO) -> None:
    logging.getLogger("gunicorn.error").info("Handling %s", "+12025550142")
    logging.getLogger("twilio.http_client").info("chatter")
    (line,) = lines(log)
    assert line["event"] == "Handling +…42"
