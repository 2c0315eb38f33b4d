"""Our own format, from senders that count what they say."""

from __future__ import annotations

import pytest

from doctor_daemon.core.evidence import Serial
from tests.inspectors.rig import Json, Ledger, listening, source, zulu
from tests.inspectors.test_evidence import NOW_S, PATH, inspector, item, sent


async def test_a7_a_count_of_the_sender_is_kept() -> None:
    ledger = Ledger()
    reply = await sent(ledger, item(sequence=7), item(sequence=8, epoch=3))
    assert reply.status == 200
    assert [one.serial for one in ledger.taken] == [Serial(0, 7), Serial(3, 8)]
    assert len({one.key for one in ledger.taken}) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sequence": -1}, "evidence[0].sequence"),
        ({"sequence": "7"}, "evidence[0].sequence"),
        ({"sequence": True}, "evidence[0].sequence"),
        ({"sequence": 2**63}, "evidence[0].sequence"),
        ({"sequence": 1, "epoch": 0.5}, "evidence[0].epoch"),
        ({"epoch": 1}, "evidence[0].epoch"),
    ],
)
async def test_a_count_that_is_none_refuses_the_request(changes: Json, field: str) -> None:
    ledger = Ledger()
    reply = await sent(ledger, item(**changes))
    assert (reply.status, ledger.taken) == (400, [])
    assert reply.json["error"]["field"] == field


async def test_a7_what_was_counted_before_the_retraction_is_late() -> None:
    ledger, one = Ledger(), inspector()
    async with listening(ledger, source(one)) as client:
        up = item(verdict="withdrawn", sequence=8, observed_at=zulu(NOW_S - 9))
        await client.send(PATH, {"evidence": [up]})
        reply = await client.send(PATH, {"evidence": [item(sequence=7), item(sequence=9)]})
    assert [receipt["outcome"] for receipt in reply.json["receipts"]] == ["late", "opened"]
