"""An answer of etcd that goes on: where a word of it ends, and where the answer does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, cast

import pytest

from doctor_daemon.errors import Permanent
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.stores.etcd_json import Json
from doctor_daemon.stores.etcd_meaning import TooLong, Unanswered
from doctor_daemon.stores.etcd_mirrored import Mirrored
from doctor_daemon.stores.etcd_schema import Newer
from doctor_daemon.stores.etcd_stream import LINE_MAX, Stream

if TYPE_CHECKING:
    from aiohttp import ClientResponse

SECOND = b'{"result": {"events": ["second"]}}\n'
EVENTS: Json = {"events": ["first"]}


class Pieces:
    """What comes of an answer, piece by piece, and then its end."""

    status = 200

    def __init__(self, *pieces: bytes) -> None:
        self.content = self
        self._left = [*pieces, b"", b""]

    async def readany(self) -> bytes:
        assert self._left, "it has ended, and is read on"
        return self._left.pop(0)


def stream(*pieces: bytes) -> Stream:
    endpoint = Endpoint(url="http://127.0.0.1:1")
    return Stream(cast("ClientResponse", Pieces(*pieces)), endpoint)


def got(word: Awaitable[Json]) -> Json:
    async def main() -> Json:
        return await word

    return asyncio.run(main())


@pytest.mark.parametrize(
    "pieces",
    [
        [b'{"result": {"events": ["first"]}}\n' + SECOND],
        [b'{"result": {"ev', b'ents": ["first"]}}', b"\n", SECOND],
        [b'{"result": {"events": ["first"]}}', b"\n" + SECOND[:9], SECOND[9:]],
        [b'{"result": {"events": ["first"]}}\n', SECOND[:-1]],
    ],
    ids=["at-once", "pieces", "over", "cut-off"],
)
def test_each_line_is_a_word_and_then_there_is_no_more(pieces: list[bytes]) -> None:
    telling = stream(*pieces)
    assert got(telling.next()) == EVENTS
    assert got(telling.next()) == {"events": ["second"]}
    with pytest.raises(Unanswered, match="the answer has ended"):
        got(telling.next())


def test_an_empty_line_is_no_word() -> None:
    telling = stream(b"\n" + SECOND)
    with pytest.raises(Unanswered, match="no JSON object"):
        got(telling.next())
    assert got(telling.next()) == {"events": ["second"]}


@pytest.mark.parametrize("more", [0, 1])
def test_a_word_may_have_so_many_bytes_and_no_more(more: int) -> None:
    word = b'{"result": {"events": ["first"]}}'
    telling = stream(word + b" " * (LINE_MAX + more - len(word)), b"\n")
    if not more:
        assert got(telling.next()) == EVENTS
        return
    with pytest.raises(TooLong, match="a word has more than"):
        got(telling.next())


def test_a_schema_that_comes_while_it_is_followed_is_looked_at() -> None:
    mirrored = Mirrored("/x/", 2)
    mirrored.put("schema", b"2", 5)
    mirrored.put("term", b"9", 5)
    with pytest.raises(Newer):
        mirrored.put("schema", b"3", 6)
    with pytest.raises(Permanent):
        mirrored.put("schema", b"rubbish", 7)
    assert mirrored.lacking == ""
