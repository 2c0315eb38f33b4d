"""The operators' API to the audit: lines in order, the ends of their chain, and who may ask."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest

from doctor_daemon.core.audit import Check, Link, Page, Row, canonical
from doctor_daemon.ports import Change
from tests.api.desk import Desk, called_as, desk, parsed, refused, request
from tests.api.rig import error
from tests.engine.rig import Rig, SlowDisk
from tests.stores.values import audit_line

AUDIT = "/v1/audit"
STRANGER = 54_322
LINES = tuple(audit_line(number) for number in range(1, 6))


async def numbers(at: Desk, query: str = "") -> list[int]:
    status, found = await at.ask("GET", f"{AUDIT}{query}")
    assert status == 200
    return [line["number"] for line in found["lines"]]


async def test_i17_the_answer_is_a_chain_that_can_be_followed() -> None:
    rig = Rig()
    async with desk(rig) as at:
        assert await numbers(at) == []
        await rig.disk.commit(Change(audit=LINES), term=at.engine.ward.term)
        _, found = await at.ask("GET", AUDIT)
        check = Check(Link(**found["anchor"]))
        for line in found["lines"]:
            check.take(Row(line["number"], line["hash"], canonical(line["record"])))
        check.end(Link(**found["last"]))
        assert found["lines"][0]["record"] == LINES[0].record()


async def test_lines_may_be_chosen_by_their_numbers() -> None:
    rig = Rig()
    async with desk(rig) as at:
        await rig.disk.commit(Change(audit=LINES), term=at.engine.ward.term)
        for query, expected in (
            ("", [1, 2, 3, 4, 5]),
            ("?limit=2", [4, 5]),
            ("?after=0&limit=2", [1, 2]),
            ("?after=3", [4, 5]),
            ("?after=5", []),
            ("?after=1000000000000000", []),
        ):
            assert await numbers(at, query) == expected, query


class Spoilt(SlowDisk):
    """A store into which somebody has written."""

    body = ""

    async def audit(self, after: int, limit: int) -> Page:
        page = await super().audit(after, limit)
        rows = tuple(replace(row, body=self.body) for row in page.rows)
        return replace(page, rows=rows)


@pytest.mark.parametrize("body", ["no JSON", '{"id":"a","id":"b"}', '{"b":1,"a":1}', "[]"])
async def test_i17_a_line_that_somebody_has_spoilt_is_told_as_it_is(body: str) -> None:
    disk = Spoilt()
    disk.body = body
    rig = Rig(disk=disk)
    async with desk(rig) as at:
        await rig.disk.commit(Change(audit=LINES[:1]), term=at.engine.ward.term)
        _, found = await at.ask("GET", AUDIT)
        assert [line["record"] for line in found["lines"]] == [body]


@pytest.mark.parametrize(
    ("query", "field", "found", "expected"),
    [
        ("limit=0", "limit", "found '0'", "a number from 1 to 1000"),
        ("limit=1001", "limit", "found '1001'", "a number from 1 to 1000"),
        ("limit=x", "limit", "found 'x'", "a number from 1 to 1000"),
        ("after=-1", "after", "found '-1'", "a number from 0 to 1000000000000000"),
        ("after=%C2%B2", "after", "found '²'", "a number from 0 to 1000000000000000"),
        ("after=9000000000000000", "after", "found '9000000000000000'", None),
        ("from=1", "'from'", "unknown field", "after, limit"),
    ],
)
async def test_what_is_wrong_is_refused_in_words(
    query: str, field: str, found: str, expected: str | None
) -> None:
    wanted = expected or "a number from 0 to 1000000000000000"
    async with desk() as at:
        status, said = await refused(at, "GET", f"{AUDIT}?{query}")
        assert (status, said) == (422, error("invalid", field, found, wanted))


async def test_e7_a_stranger_is_told_nothing() -> None:
    rig = Rig()
    async with desk(rig) as at:
        await rig.disk.commit(Change(audit=LINES), term=at.engine.ward.term)
        at.path.chmod(0o666)
        sent = request("GET", AUDIT)
        _, said, complaint = await asyncio.to_thread(called_as, STRANGER, [7], at.path, sent)
        if os.geteuid() != 0:  # then nobody can become another user, and that is what is seen
            assert "PermissionError" in complaint
        else:
            assert parsed(said)[0] == 403
