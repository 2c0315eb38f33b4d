"""Connections to etcd that have been let go: whoever goes on asking makes no new ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.etcd_meaning import Unanswered
from tests.stores.test_etcd_gateway import NOBODY, Peer, Response, before, played

CLOSED = "has been closed"


def test_once_it_is_closed_nobody_is_asked_any_more() -> None:
    async def story() -> None:
        one, two = Peer("one"), Peer("two")
        gateway = before(one, two)
        await gateway.close()
        with pytest.raises(Permanent, match=CLOSED):
            await gateway.call("kv/range", {})
        with pytest.raises(Permanent, match=CLOSED):
            await gateway.stream("watch", {})
        answers = await gateway.each("kv/range", {})
        assert all(isinstance(answer, Temporary) for answer in answers.values())
        assert [peer.sessions for peer in (one, two)] == [0, 0]

    played(story)


class Waiting:
    """An answer that comes when its connection is let go, and is none."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    async def __aenter__(self) -> Response:
        await self._ended.wait()
        raise NOBODY

    async def __aexit__(self, *_: object) -> None:
        return


class Kept(Peer):
    """Lets a call wait until its connections are let go."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ended = asyncio.Event()

    def post(self, url: str, *, headers: Mapping[str, str], **_: object) -> Any:  # noqa: ANN401 - any kind
        return Waiting(self.ended)

    async def close(self) -> None:
        self.ended.set()


def test_a_call_that_is_cut_off_by_it_goes_on_nowhere_else() -> None:
    async def story() -> None:
        one, two = Kept("one"), Peer("two")
        gateway = before(one, two)
        call = asyncio.create_task(gateway.call("kv/range", {}))
        await asyncio.sleep(0.1)
        await gateway.close()
        with pytest.raises(Unanswered, match=CLOSED):
            await call
        assert [peer.sessions for peer in (one, two)] == [1, 0]

    played(story)


def test_it_may_be_closed_twice() -> None:
    async def story() -> None:
        gateway = before(Peer("one"))
        await gateway.call("kv/range", {})
        await asyncio.gather(gateway.close(), gateway.close())

    played(story)
