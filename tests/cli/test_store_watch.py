"""`doctor-daemon store` says how far it has come, and whether the audit is whole."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from doctor_daemon.cli.store import BREATHER, TOLD_EVERY_S, Watch
from doctor_daemon.core.audit import ORIGIN, Link, Row, chained
from doctor_daemon.ports.moving import Inventory, Record, Told
from tests.stores.values import audit_line, incident, notice

ROWS = tuple(chained(ORIGIN, [audit_line(n) for n in range(4)]))


def watched(last: Link, *records: Record) -> tuple[str, list[str]]:
    """Have records go by, one a second; what was said at the end, and meanwhile."""
    told: list[str] = []
    inventory = Inventory(1.0, 1, None, 2, 1, 1, ORIGIN, last)
    watch = Watch("exported", inventory, tell=told.append, now=map(float, count()).__next__)
    assert not watch.begun
    for record in records:
        watch.take(record)
        assert watch.begun
    return watch.summary(), told


def test_long_work_says_how_far_it_has_come() -> None:
    said, told = watched(ROWS[-1].link, incident(), Told(1, notice(1)), *ROWS)
    assert TOLD_EVERY_S == 2
    assert told[0] == "exported: 1 of 2 incidents, 1 of 1 notices, 0 of 4 audit lines"
    assert 1 < len(told) < 6
    assert said == (
        "exported: 1 incidents, 1 of them open; 1 notices; 4 lines of the audit, 1 to 4\n"
        f"the audit is whole, last 4:{ROWS[-1].hash}"
    )


async def test_signals_have_their_turn_meanwhile() -> None:
    came: list[int] = []
    watch = Watch("exported", Inventory(1.0, 1, None, 2, 1, 1, ORIGIN, ORIGIN), tell=print)
    asyncio.get_running_loop().call_soon(came.append, 1)
    for number in range(BREATHER):
        assert not came
        watch.take(Told(number, notice(1)))
        await watch.pause()
    assert came


def test_an_audit_of_which_nothing_is_kept_is_whole() -> None:
    said, _ = watched(ORIGIN)
    assert said.splitlines()[0].endswith("; no lines of the audit")
    assert said.splitlines()[1] == f"the audit is whole, last 0:{ORIGIN.hash}"


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        ((ROWS[0], replace(ROWS[1], body="{}"), *ROWS[2:]), "line 2: "),
        (ROWS[:3], "line 4: it is missing"),
        ((ROWS[0], *ROWS[2:]), "line 2: it is missing"),
    ],
    ids=["changed", "end", "middle"],
)
def test_an_audit_that_is_not_whole_is_told(rows: tuple[Row, ...], where: str) -> None:
    said, _ = watched(ROWS[-1].link, *rows)
    assert f"the audit is NOT whole, and is so as it was before: {where}" in said
