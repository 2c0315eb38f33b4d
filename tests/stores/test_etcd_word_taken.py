"""D2: when a word to whoever leads stands, when it is dropped, and when that is not known."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from doctor_daemon.errors import LateError, Temporary
from doctor_daemon.ports.leading import Forbidden
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_meaning import Unanswered
from doctor_daemon.stores.etcd_word import FORBIDDEN, SAID_S, Word
from tests.simulation.virtual import run
from tests.stores.etcd_cluster import code

ANN, BOB = Forbidden("ann", "x", "1"), Forbidden("bob", "y", "2")


def record(word: Forbidden, revision: int) -> Mapping[str, Any]:
    return {"value": code(FORBIDDEN.dumps(word)), "mod_revision": str(revision)}


class Deaf:
    """Who does not answer so many times."""

    def __init__(self, times: int = 0) -> None:
        self.failure = "etcd: http://one: no connection"
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.times = times

    async def call(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append((path, body))
        if len(self.asked) <= self.times:
            raise Unanswered(self.failure, sent=False)
        return {}


def word_to(peer: Deaf) -> Word:
    word = Word("/x/")
    word.gateway = cast("Gateway", peer)
    return word


def test_a_look_at_the_same_revision_is_a_later_one() -> None:
    word = Word("/x/")
    word.take(record(ANN, 7), 8)
    word.take({}, 8)
    word.check()
    word.take(record(BOB, 8), 8)
    word.take({}, 7)
    with pytest.raises(LateError, match="disarmed by bob: y"):
        word.check()


def test_what_was_dropped_does_not_stand_for_a_look_of_before_and_what_came_later_does() -> None:
    async def main() -> None:
        word = word_to(Deaf())
        word.take(record(ANN, 7), 7)
        heard = await word.forbidden()
        assert heard == ANN
        await word.heeded(heard)
        word.check()
        word.take(record(ANN, 7), 9)
        word.check()
        word.take(record(BOB, 8), 9)
        with pytest.raises(LateError, match="disarmed by bob"):
            word.check()

    run(main())


def test_only_the_word_that_stands_is_dropped() -> None:
    async def main() -> None:
        peer = Deaf()
        word = word_to(peer)
        await word.heeded(ANN)
        word.take(record(BOB, 7), 7)
        await word.heeded(ANN)
        assert peer.asked == []
        with pytest.raises(LateError, match="disarmed by bob"):
            word.check()
        await word.heeded(BOB)
        ((path, body),) = peer.asked
        assert (path, body["compare"][0]["mod_revision"]) == ("kv/txn", "7")
        word.check()

    run(main())


def test_a_later_word_that_comes_while_an_earlier_is_dropped_stands() -> None:
    async def main() -> None:
        peer = Deaf(times=1)
        word = word_to(peer)
        word.take(record(ANN, 7), 7)
        dropping = asyncio.create_task(word.heeded(ANN))
        await asyncio.sleep(0)
        word.take(record(BOB, 9), 9)
        await dropping
        assert len(peer.asked) == 2
        with pytest.raises(LateError, match="disarmed by bob"):
            word.check()
        peer.times = 3
        gone = asyncio.create_task(word.heeded(BOB))
        await asyncio.sleep(0)
        word.take({}, 10)  # somebody else has dropped it
        await gone
        word.check()

    run(main())


def test_whoever_waits_for_a_word_hears_the_first() -> None:
    async def main() -> None:
        word = Word("/x/")
        waiting = asyncio.create_task(word.forbidden())
        await asyncio.sleep(1)
        word.take({}, 6)
        await asyncio.sleep(1)
        assert not waiting.done()
        word.take(record(ANN, 7), 7)
        assert await waiting == ANN

    run(main())


def test_it_is_tried_for_a_while_and_then_not_known() -> None:
    async def main() -> None:
        peer = Deaf(times=3)
        await word_to(peer).forbid("ann", "x")
        assert len(peer.asked) == 4
        assert peer.asked == [peer.asked[0]] * 4
        with pytest.raises(Temporary, match=r"connection; whether it stands .* is not known"):
            await word_to(Deaf(times=1000)).forbid("ann", "x")

    assert SAID_S <= run(main()) < 2 * SAID_S


async def test_where_nothing_was_opened_nothing_is_said() -> None:
    with pytest.raises(Temporary, match="has not been asked yet"):
        await Word("/x/").forbid("ann", "x")
