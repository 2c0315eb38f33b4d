"""Orders about the whole fleet: hosts that a human lets through."""

from __future__ import annotations

import os
import pwd

import pytest

from tests.api.desk import desk, refused

ME = pwd.getpwuid(os.geteuid()).pw_name

ORDER = "/v1/release-hosts"


async def test_a4_so_many_hosts_are_let_through_and_it_is_said_by_whom() -> None:
    async with desk() as at:
        body = {"count": 3, "for_s": 60, "why": "the rack  has no power"}
        status, said = await at.ask("POST", ORDER, body)
        passes = said["masses"]["passes"]
        assert (status, passes["left"]) == (200, 3)
        assert (passes["by"], passes["why"]) == (ME, "the rack has no power")
        assert 0 < passes["left_s"] <= 60


@pytest.mark.parametrize("count", [0, -1, 1001, 2.0, True, "3", None])
async def test_a13_a_count_is_a_whole_number_with_a_bound(count: object) -> None:
    async with desk() as at:
        body = {"count": count, "for_s": 60, "why": "x"}
        status, said = await refused(at, "POST", ORDER, body)
        assert (status, said["field"]) == (422, "count")


@pytest.mark.parametrize(
    ("change", "field"),
    [({"for_s": 0}, "for_s"), ({"for_s": None}, "for_s"), ({"why": " "}, "why")],
)
async def test_a_word_has_an_end_and_a_reason(change: dict[str, object], field: str) -> None:
    async with desk() as at:
        body = {"count": 1, "for_s": 60, "why": "x", **change}
        status, said = await refused(at, "POST", ORDER, body)
        assert (status, said["field"]) == (422, field)


async def test_a_word_for_too_long_is_refused() -> None:
    async with desk() as at:
        body = {"count": 1, "for_s": 20_000, "why": "x"}
        status, said = await refused(at, "POST", ORDER, body)
        assert (status, said["message"]) == (409, "for: expected up to 4 hours, found 20000 s")
