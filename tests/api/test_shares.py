"""What one source may take, and that it takes nothing of another's."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest
from aiohttp import web

from doctor_daemon.api.connection import Crowd, Limits
from doctor_daemon.api.encrypted import Certificates
from doctor_daemon.api.rates import Share
from doctor_daemon.ports import SecretFile
from doctor_daemon.ports.intake import Crowded
from tests.api.rig import BODY, HEAD, Scripted, doctor, error, length, parse, raising
from tests.fakes.tls import Tls
from tests.inspectors.rig import Ledger, listening, source, terms


async def test_e5_a_source_has_limits_of_its_own() -> None:
    small = replace(terms("doctor"), rate_per_s=0.5, burst=2)
    second = source(doctor("second", path="/second"))
    async with listening(Ledger(), source(doctor(), of=small), second) as client:
        first = [await client.send("/events", BODY, method="PUT") for _ in range(3)]
        others = [await client.send("/second/events", BODY, method="PUT") for _ in range(3)]
    assert [reply.status for reply in first] == [200, 200, 429]
    assert first[-1].headers["Retry-After"] == "3"
    assert [reply.status for reply in others] == [200] * 3


async def test_e5_a_source_whose_requests_hang_keeps_no_other_out() -> None:
    gone = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await gone.wait()
        return web.Response()

    ledger = Ledger()
    async with listening(
        ledger, source(Scripted(hang)), source(doctor()), limits=Limits(under_way=2, waiting=0)
    ) as client:
        flood = [asyncio.create_task(client.send("/scripted", {})) for _ in range(6)]
        done, _ = await asyncio.wait(flood, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 4:
            done, _ = await asyncio.wait(flood, timeout=0.05)
        replies = [await client.send("/events", BODY, method="PUT") for _ in range(5)]
        gone.set()
        statuses = sorted([reply.status for reply in await asyncio.gather(*flood)])
    assert [reply.status for reply in replies] == [200] * 5
    assert statuses == [200, 200, 503, 503, 503, 503]
    assert client.rejected == [("scripted", "busy")] * 4


async def test_e5_what_many_hosts_say_at_once_waits_for_its_turn() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    async with listening(ledger, source(doctor()), limits=Limits(under_way=2)) as client:
        storm = [asyncio.create_task(client.send("/events", BODY, method="PUT")) for _ in range(50)]
        await until(lambda: client.listener.connections == len(storm))
        ledger.gate.set()
        replies = await asyncio.gather(*storm)
    assert [reply.status for reply in replies] == [200] * len(storm)
    assert client.rejected == []


async def test_i20_only_so_many_wait_for_their_turn_and_not_for_ever() -> None:
    limits = Limits(under_way=1, waiting=2, wait_s=0.3)
    ledger = Ledger()
    ledger.gate.clear()
    async with listening(ledger, source(doctor()), limits=limits) as client:
        first = asyncio.create_task(client.send("/events", BODY, method="PUT"))
        await until(lambda: dict(client.listener.counts()) == {"doctor": 1})
        others = [asyncio.create_task(client.send("/events", BODY, method="PUT")) for _ in range(5)]
        replies = await asyncio.gather(*others)
        assert [reply.status for reply in replies] == [503] * 5
        assert dict(client.listener.counts()) == {"doctor": 1}
        ledger.gate.set()
        assert (await first).status == 200
        after = await client.send("/events", BODY, method="PUT")
    assert after.status == 200
    assert client.rejected == [("doctor", "busy")] * 5


async def test_e5_a_source_of_which_all_waits_leaves_connections_to_the_others() -> None:
    """A proxy, or a machine with several monitors, has one address."""
    limits, gone = Limits(), asyncio.Event()
    most = limits.under_way + limits.waiting

    async def hang(_request: web.Request) -> web.StreamResponse:
        await gone.wait()
        return web.Response()

    head = HEAD.replace(b"PUT /events", b"POST /scripted") + length(2) + b"{}"
    sources = source(Scripted(hang)), source(doctor())
    async with listening(Ledger(), *sources, limits=limits) as client:
        flood = [
            await asyncio.open_connection("127.0.0.1", client.listener.port) for _ in range(most)
        ]
        for _, writer in flood:
            writer.write(head)
        await until(lambda: client.listener.connections == most)
        reply = await client.send("/events", BODY, method="PUT")
        gone.set()
        for _, writer in flood:
            writer.close()
    assert reply.status == 200


async def test_e5_who_is_not_let_in_waits_for_nothing_and_takes_no_place() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    limits = Limits(under_way=1, waiting=0)
    async with listening(ledger, source(doctor()), limits=limits) as client:
        first = asyncio.create_task(client.send("/events", BODY, method="PUT"))
        await until(lambda: dict(client.listener.counts()) == {"doctor": 1})
        status, _, said = parse(await client.wire(HEAD + b"Origin: http://x\r\n" + length(0)))
        ledger.gate.set()
        assert (await first).status == 200
    assert (status, said["code"]) == (403, "forbidden")


async def test_e5_who_gives_up_waiting_leaves_its_turn_to_the_next() -> None:
    share = Share(Limits(under_way=1, wait_s=10))
    async with share.taken():
        waiting = asyncio.create_task(held(share))
        next_one = asyncio.create_task(held(share))
        await asyncio.sleep(0)
        waiting.cancel()
    await asyncio.wait_for(next_one, 5)
    assert waiting.cancelled()
    assert share.count == 0


async def held(share: Share) -> None:
    async with share.taken():
        assert share.count == 1


async def test_e5_a_peer_that_opens_connections_keeps_no_other_out() -> None:
    limits = Limits(connections=8, of_a_peer=2)
    async with listening(Ledger(), source(doctor()), limits=limits) as client:
        port = client.listener.port
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        status, headers, said = parse(await client.wire(HEAD))
        other = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
        other[1].write(HEAD + length(len(BODY)) + BODY)
        first = await asyncio.wait_for(other[0].readline(), 10)
        for _, writer in (*idle, other):
            writer.close()
            await writer.wait_closed()
        await until(lambda: client.listener.connections == 0)
        again = await client.send("/events", BODY, method="PUT")
    assert (status, said["code"], headers["Retry-After"]) == (503, "too_many_connections", "5")
    assert first.split()[1] == b"200"
    assert again.status == 200
    assert client.rejected == [("-", "too_many_of_a_peer")]


async def test_e5_greetings_of_one_peer_keep_no_other_out(tls: Tls) -> None:
    authority, _ = tls
    folder = authority.parent
    files = folder / "server.pem", SecretFile(folder / "server.key")
    limits = Limits(connections=8, of_a_peer=2, head_s=30)
    shown = Certificates(*files, None)
    async with listening(Ledger(), source(doctor()), limits=limits, tls=shown) as client:
        port = client.listener.port
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        more = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(more[0].read(), 10) == b""
        trusted = ssl.create_default_context(cafile=authority)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, local_addr=("127.0.0.2", 0), ssl=trusted
        )
        writer.write(HEAD + length(len(BODY)) + BODY)
        assert (await asyncio.wait_for(reader.readline(), 10)).split()[1] == b"200"
        for _, one in (*idle, more, (reader, writer)):
            one.close()
        await until(lambda: client.listener.connections == 0)
    assert client.rejected[0] == ("-", "too_many_of_a_peer")


@pytest.mark.parametrize(
    ("peers", "present"),
    [
        (("2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"), 2),
        (("2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1"), 3),
        (("fe80::1%eth0", "fe80::2%eth0", "fe80::3%eth1"), 2),
        (("::ffff:192.0.2.1", "::ffff:192.0.2.2", "192.0.2.3"), 3),
        (("", "", ""), 3),
    ],
)
def test_e5_of_ipv6_a_whole_network_is_one_peer(peers: tuple[str, ...], present: int) -> None:
    refused: list[str] = []
    crowd = Crowd(Limits(of_a_peer=2), lambda _peer, why: refused.append(why))
    came = [peer for peer in peers if crowd.enter(peer)]
    assert (len(came), crowd.present) == (present, present)
    assert refused == ["too_many_of_a_peer"] * (3 - present)
    for peer in came:
        crowd.leave(peer)
    assert (crowd.present, crowd.peers) == (0, {})


async def test_e5_more_than_can_be_saved_is_refused_and_explained() -> None:
    full = Crowded("flood: 5000 statements of it wait already")
    async with listening(Ledger(), source(raising(full)), source(doctor())) as client:
        refused = await client.send("/scripted", {})
        other = await client.send("/events", BODY, method="PUT")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "5")
    assert refused.error == error(
        "too_much_evidence", "", "more of this source waits than can be saved", "try again later"
    )
    assert other.status == 200
    assert client.rejected == [("scripted", "too_much_evidence")]


async def test_e5_large_requests_of_one_source_are_begun_a_turn_apart() -> None:
    """What one request takes at one go others wait for: once a turn for each source, no more."""
    share, began, turns = Share(Limits(under_way=100)), list[int](), 0

    async def one() -> None:
        async with share.taken():
            await share.turn()
            began.append(turns)

    tasks = [asyncio.create_task(one()) for _ in range(20)]
    while not all(task.done() for task in tasks):
        turns += 1
        await asyncio.sleep(0)
    assert len(set(began)) == len(began) == 20
    assert turns <= 4 * len(tasks)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the other end of a socket
            await asyncio.sleep(0.01)


async def test_e5_bodies_that_drip_keep_no_other_source_out() -> None:
    ledger = Ledger()
    second = source(doctor("second", path="/second"))
    async with listening(
        ledger, source(doctor()), second, limits=Limits(under_way=2, waiting=0, body_s=5)
    ) as client:
        head = HEAD + length(len(BODY))
        opened = [
            await asyncio.open_connection("127.0.0.1", client.listener.port) for _ in range(4)
        ]
        for _, writer in opened:
            writer.write(head + BODY[:5])
        await asyncio.sleep(0.2)
        assert (await client.send("/events", BODY, method="PUT")).status == 503
        assert (await client.send("/second/events", BODY, method="PUT")).status == 200
        for _, writer in opened:
            writer.close()
