"""How a body is read: what is no JSON, what is no time, and how a refusal names it."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.inspectors.wire import (
    ITEMS_MAX,
    Found,
    cleaned,
    digest,
    is_time,
    moment,
    parsed,
    shown,
)
from doctor_daemon.ports.refusal import Refusal


def refusal_of(body: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        parsed(body)
    assert (caught.value.status, caught.value.code, caught.value.field) == (400, "not_json", "body")
    return caught.value.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Expecting value at character 0"),
        (b"{", "Expecting property name enclosed in double quotes at character 1"),
        (b"[1,]", "Illegal trailing comma before end of array at character 2"),
        (b"{} {}", "Extra data at character 3"),
        (b'"\xff"', "it is not UTF-8"),
        (b"\xef\xbb\xbf{}", "Unexpected UTF-8 BOM (decode using utf-8-sig) at character 0"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"a":' * 100_000, "it is nested too deeply"),
        (b"NaN", "NaN is no number"),
        (b"[-Infinity]", "-Infinity is no number"),
        (b"1" * 10_000, "a number has too many digits"),
        (b'{"a": 1, "b": 2, "a": 3}', 'the name "a" comes twice in one object'),
        (b'"a\nb"', "Invalid control character at at character 2"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_what_is_no_json_is_refused_with_the_reason(body: bytes, message: str) -> None:
    found = refusal_of(body)
    # Python's own wording of a trailing comma differs between its versions.
    assert found == message or (body == b"[1,]" and found.startswith("Expecting value"))


def test_a_lone_surrogate_is_read_and_never_written() -> None:
    value = parsed(b'"\\ud800x"')
    assert cleaned(str(value)) == "x"
    with pytest.raises(Refusal, match="expected text without control characters") as caught:
        Found({"a": value}).must("a", "text").word()
    assert json.dumps(caught.value.body()).isascii()


TIMES: list[tuple[object, float | None]] = [
    ("1970-01-01T00:00:10Z", 10.0),
    ("1970-01-01t00:00:10z", 10.0),
    ("1970-01-01 01:00:10+01:00", 10.0),
    ("1970-01-01T00:00:10.5Z", 10.5),
    ("1970-01-01T00:00:10.123456789Z", 10.123456),
    ("0001-01-01T00:00:00Z", -62135596800.0),
    ("0001-01-01T00:00:00+14:00", -62135647200.0),
    ("9999-12-31T23:59:59-14:00", 253402351199.0),
    ("1970-01-01T00:00:10", None),
    ("1970-01-01", None),
    ("1970-01-01T00:00Z", None),
    ("19700101T000010Z", None),
    ("1970-13-01T00:00:10Z", None),
    ("1970-01-01T00:00:60Z", None),
    ("1970-01-01T00:00:10+99:00", None),
    ("1970-01-01T00:00:10.Z", None),
    ("١٩٧٠-01-01T00:00:10Z", None),
    ("now", None),
    ("", None),
    (10, None),
    (None, None),
]


@pytest.mark.parametrize(("value", "seconds"), TIMES)
def test_only_a_whole_time_with_its_zone_is_a_moment(value: object, seconds: float | None) -> None:
    assert moment(value) == seconds


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("2026-11-21T10:00:00.123456", True),
        ("2026-11-21 10:00:00", True),
        ("2026-02-30T10:00:00", False),
        ("2026-11-21", False),
        ("Sat Nov 21 10:00:00 2026", False),
    ],
)
def test_a_monitor_may_leave_the_zone_out(value: str, *, is_one: bool) -> None:
    assert is_time(value) is is_one


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - a naive one is meant
def test_every_time_that_python_writes_is_read_to_the_microsecond(at: datetime) -> None:
    seconds = moment(f"{at.isoformat()}Z")
    assert seconds == pytest.approx((at - datetime(1970, 1, 1)).total_seconds(), abs=1e-6)  # noqa: DTZ001 - as above


def refused(found: Found, call: str, *args: object) -> dict[str, object]:
    with pytest.raises(Refusal) as caught:
        getattr(found, call)(*args)
    assert caught.value.status in (400, 413)
    return caught.value.said()


@pytest.mark.parametrize(
    ("value", "call", "args", "code", "field", "message", "expected"),
    [
        (1, "object", (), "wrong_type", "body", "found the number 1", "an object"),
        ({}, "must", ("a", "text"), "missing", "a", "it is missing", "text"),
        ({"a": None}, "must", ("a", "text"), "missing", "a", "it is missing", "text"),
        (
            {"b": 1},
            "only",
            ("a", "c"),
            "unknown_field",
            "b",
            "there is no such field",
            "only a, c",
        ),
        ({}, "items", ("alerts",), "wrong_type", "body", "found an object", "a list of alerts"),
        (
            [],
            "items",
            ("alerts",),
            "empty",
            "body",
            "found an empty list",
            "at least one of alerts: an empty list selects nothing",
        ),
        (
            [0] * (ITEMS_MAX + 1),
            "items",
            ("alerts",),
            "too_many",
            "body",
            "found 1001 of alerts",
            "at most 1000 in one request",
        ),
        (True, "text", (), "wrong_type", "body", "found true", "text"),
        ("", "text", (), "wrong_length", "body", 'found ""', "text of 1 to 255 characters"),
        (
            "x" * 99,
            "text",
            (98,),
            "wrong_length",
            "body",
            f'found "{"x" * 60}" and more, 99 in all',
            "text of 1 to 98 characters",
        ),
        (
            "a\nb",
            "word",
            (),
            "unprintable",
            "body",
            'found "a\\nb"',
            "text without control characters",
        ),
        ([1], "summary", (), "wrong_type", "body", "found a list", "text"),
        (True, "count", (), "wrong_type", "body", "found true", "a whole number from 0 up"),
        (-1, "count", (), "wrong_type", "body", "found the number -1", "a whole number from 0 up"),
        ({"a": {"b": 1}}, "texts", (), "wrong_type", "a", "found an object", "text"),
        (
            "now",
            "moment",
            (),
            "wrong_type",
            "body",
            'found "now"',
            "an RFC 3339 time with its zone, as 2026-11-21T10:00:00Z",
        ),
    ],
)
def test_a_refusal_names_the_field_what_was_found_and_what_is_expected(
    value: object,
    *,
    call: str,
    args: tuple[object, ...],
    code: str,
    field: str,
    message: str,
    expected: str,
) -> None:
    said = refused(Found(value), call, *args)
    assert said == {"code": code, "field": field, "message": message, "expected": expected}


def test_places_are_paths_from_the_root() -> None:
    body = Found({"alerts": [{"labels": {"host": 1}}]})
    (item,) = body.must("alerts", "").items("alerts")
    assert refused(item.must("labels", ""), "texts")["field"] == "alerts[0].labels.host"
    odd = (
        Found({"alerts": [{"": 1}, {"a\nb": 1}, {"\ud800": 1}]}).must("alerts", "").items("alerts")
    )
    fields = [refused(one, "texts")["field"] for one in odd]
    assert fields == ['alerts[0][""]', 'alerts[1]["a\\nb"]', 'alerts[2]["\\ud800"]']


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_whatever_is_shown_is_short_and_printable(value: object) -> None:
    text = shown(value)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 800


@given(st.text())
def test_whatever_is_cleaned_is_one_short_printable_line(text: str) -> None:
    line = cleaned(text)
    assert line.isprintable()
    assert len(line) <= 300
    assert line.encode() == line.encode("utf-8", "replace")


def test_a_digest_keeps_texts_apart() -> None:
    assert digest("a", "b") != digest("ab", "")
    assert digest('a", "b') != digest("a", "b")
    assert len(digest("x" * 10_000)) == 32
