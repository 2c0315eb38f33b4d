"""Of endpoints of etcd that do not answer it is told why, each of them."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.stores.etcd_meaning import Unanswered
from tests.stores.test_etcd_gateway import HANGS, REFUSED, WELL, Peer, before, played


def test_b10_what_any_endpoint_has_said_is_told_until_somebody_answers() -> None:
    async def story() -> None:
        hangs, refuses = Peer("hangs", HANGS, HANGS, WELL, HANGS), Peer("refuses", REFUSED)
        gateway = before(hangs, refuses)
        with pytest.raises(Unanswered, match="permission denied"):
            await gateway.call("kv/txn", {})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await gateway.call("kv/txn", {})
        refused, hung = gateway.failure.removeprefix("etcd: ").split("; ")
        assert "permission denied" in refused
        assert hung == "http://hangs: no answer yet"
        assert await gateway.call("kv/txn", {}) == WELL
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await gateway.call("kv/txn", {})
        assert gateway.failure == "etcd: http://hangs: no answer yet"

    played(story)
