"""The audit in words, whatever somebody has made of it."""

from __future__ import annotations

import math

import pytest

from doctor_daemon.cli import audit_words
from doctor_daemon.cli.times import when

HASH = "0123456789abcdef" * 4


def test_many_that_are_not_known_are_counted() -> None:
    unknown = [{"number": n, "id": f"one/{n}"} for n in range(1, 31)]
    found = {"whole": True, "first": 1, "last": {"number": 30, "hash": HASH}, "unknown": unknown}
    said = list(audit_words.words(found))
    assert said[-1].strip() == "and 10 more"
    assert len(said) == 23


@pytest.mark.parametrize(
    "record",
    [
        *("garbage", [], {}, {"at": 7, "part": "intent"}, None),
        *({"at": {"wall_s": 1.0, "boot_s": s}, "part": "order"} for s in (10**400, math.nan)),
    ],
)
def test_a_line_that_somebody_has_spoilt_is_shown_as_that(record: object) -> None:
    line = {"number": 7, "hash": HASH, "record": record}
    spoilt = "it cannot be read: see `doctor-daemon audit verify`"
    assert list(audit_words.words({"lines": [line]})) == [f"      7  {spoilt}"]
    assert list(audit_words.words(line)) == [f"line 7, {HASH}", f"  {spoilt}"]


@pytest.mark.parametrize(
    ("wall_s", "said"), [(1e20, "1e+20"), (-1e299, "-1e+299"), (10**200, "1" + "0" * 19)]
)
def test_a_moment_that_no_calendar_has_is_said_as_it_is(wall_s: float, said: str) -> None:
    record = {"at": {"wall_s": wall_s, "boot_s": 1.0}, "part": "order"}
    line = {"number": 7, "hash": HASH, "record": record}
    assert list(audit_words.words({"lines": [line]})) == [f"      7  {said}  order   -"]
    assert when(math.nan) == "nan"
    assert when(1e300) == "1e+300"
