"""Identify and read, against a BMC that is slow, rude, broken or somebody else."""

from __future__ import annotations

import asyncio
import gzip
import json
from base64 import b64decode
from pathlib import Path

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.errors import Permanent, Temporary
from tests.fakes import peer
from tests.fakes.clock import HandClock
from tests.fakes.peer import Peer, Request, in_turn
from tests.fencers.systems import OTHER_UUID, PASSWORD, PATH, UUID, redfish, system


async def test_it_asks_for_the_system_and_for_nothing_else(tmp_path: Path) -> None:
    async with Peer(peer.telling(system())) as bmc, redfish(bmc.origin + PATH, tmp_path) as device:
        identity = await device.identify()
        reading = await device.read()
    assert (identity.uuid, reading.power, reading.raw) == (UUID, Power.ON, "On")
    assert {(request.method, request.path) for request in bmc.requests} == {("GET", PATH)}
    headers = bmc.requests[0].headers
    assert (
        b64decode(headers["authorization"].removeprefix("Basic ")) == f"admin:{PASSWORD}".encode()
    )
    assert headers["accept"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert bmc.connections == 1


async def test_a_reading_lies_between_the_question_and_the_whole_answer(tmp_path: Path) -> None:
    clock = HandClock()
    asked = clock.now()

    async def slow(_request: Request, writer: asyncio.StreamWriter) -> None:
        clock.move(1.0)
        content = peer.raw(200, json.dumps(system("Off")).encode())
        writer.write(content[:-10])
        await writer.drain()
        await asyncio.sleep(0.05)
        clock.move(1.0)
        writer.write(content[-10:])

    async with Peer(slow) as bmc, redfish(bmc.origin + PATH, tmp_path, clock) as device:
        reading = await device.read()
    assert reading.power is Power.OFF
    assert reading.asked_at == asked
    assert reading.answered_at == asked.plus(2.0)


async def test_a_machine_on_its_way_is_neither_on_nor_off(tmp_path: Path) -> None:
    for power in ("PoweringOff", "PoweringOn"):
        async with (
            Peer(peer.telling(system(power))) as bmc,
            redfish(bmc.origin + PATH, tmp_path) as device,
        ):
            reading = await device.read()
        assert (reading.power, reading.raw) == (Power.UNKNOWN, f'PowerState: "{power}"')


async def test_a14_another_chassis_is_unknown_until_the_right_one_is_back(tmp_path: Path) -> None:
    answers = [system("On"), system("Off", UUID=OTHER_UUID), system("Off")]
    async with (
        Peer(in_turn(*map(peer.telling, answers))) as bmc,
        redfish(bmc.origin + PATH, tmp_path) as device,
    ):
        await device.identify()
        wrong, right = await device.read(), await device.read()
    assert wrong.power is Power.UNKNOWN
    assert wrong.raw == f"it answers for {OTHER_UUID}, not for {UUID}"
    assert right.power is Power.OFF


async def test_a14_the_first_chassis_read_is_the_one_that_counts(tmp_path: Path) -> None:
    answers = [system("On"), system("Off", UUID=OTHER_UUID)]
    async with (
        Peer(in_turn(*map(peer.telling, answers))) as bmc,
        redfish(bmc.origin + PATH, tmp_path) as device,
    ):
        assert (await device.read()).power is Power.ON
        assert (await device.read()).power is Power.UNKNOWN
        assert (await device.identify()).uuid == OTHER_UUID


@pytest.mark.parametrize(
    "body",
    [b'{"PowerState": "Off', b"", b"[]", b"Off", gzip.compress(json.dumps(system("Off")).encode())],
    ids=["cut short", "empty", "no object", "no json", "packed"],
)
async def test_i6_an_answer_that_is_no_system_is_unknown(tmp_path: Path, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with (
        Peer(peer.answering(200, body, headers)) as bmc,
        redfish(bmc.origin + PATH, tmp_path) as device,
    ):
        reading = await device.read()
        assert (reading.power, reading.raw) == (Power.UNKNOWN, "the answer is not one JSON object")
        with pytest.raises(Permanent, match="not one JSON object"):
            await device.identify()


async def test_b13_one_call_at_a_time(tmp_path: Path) -> None:
    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        await peer.telling(system())(request, writer)

    async with (
        Peer(slow) as bmc,
        redfish(bmc.origin + PATH, tmp_path, timeout_s=5.0) as device,
    ):
        await asyncio.gather(device.identify(), *(device.read() for _ in range(5)))
    assert len(bmc.requests) == 6
    assert bmc.at_once_max == 1


async def test_b13_who_queues_waits_no_longer_than_its_own_time_out(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with Peer(peer.hanging) as bmc, redfish(bmc.origin + PATH, tmp_path) as device:
        began_s = loop.time()
        ended = await asyncio.gather(*(device.read() for _ in range(5)), return_exceptions=True)
        assert loop.time() - began_s < 1.5
    assert [type(error) for error in ended] == [Temporary] * 5


async def test_b18_a_changed_password_is_used_at_once(tmp_path: Path) -> None:
    async with Peer(peer.telling(system())) as bmc, redfish(bmc.origin + PATH, tmp_path) as device:
        await device.read()
        (tmp_path / "password").write_text("another one", encoding="utf-8")
        await device.read()
    logins = [b64decode(request.headers["authorization"][6:]) for request in bmc.requests]
    assert logins == [f"admin:{PASSWORD}".encode(), b"admin:another one"]


async def test_a_password_that_others_can_read_is_not_sent(tmp_path: Path) -> None:
    async with Peer(peer.telling(system())) as bmc, redfish(bmc.origin + PATH, tmp_path) as device:
        (tmp_path / "password").chmod(0o644)
        with pytest.raises(Permanent, match=r"password_file: .*0644"):
            await device.read()
    assert bmc.requests == []


async def test_b15_an_answer_cannot_bring_our_password_into_a_log(tmp_path: Path) -> None:
    async def echo(request: Request, writer: asyncio.StreamWriter) -> None:
        login = request.headers["authorization"]
        words = f"bad login {login} {b64decode(login[6:]).decode()}"
        await peer.telling({"error": {"message": words}}, 404)(request, writer)

    async with Peer(echo) as bmc, redfish(bmc.origin + PATH, tmp_path) as device:
        with pytest.raises(Permanent) as caught:
            await device.read()
    assert str(caught.value) == "404: bad login Basic [redacted] admin:[redacted]"


async def test_what_cannot_be_cut_is_found_out_when_it_is_identified(tmp_path: Path) -> None:
    async with (
        Peer(peer.telling(system(Actions={}))) as bmc,
        redfish(bmc.origin + PATH, tmp_path) as device,
    ):
        with pytest.raises(Permanent, match="this System cannot be cut: it offers no Comp"):
            await device.identify()
        assert (await device.read()).power is Power.ON


async def test_a_closed_device_opens_nothing(tmp_path: Path) -> None:
    async with Peer(peer.telling(system())) as bmc, redfish(bmc.origin + PATH, tmp_path) as device:
        await device.read()
        await device.close()
        with pytest.raises(Permanent, match="was closed"):
            await device.read()
    assert len(bmc.requests) == 1


async def test_calls_are_told_with_their_time_and_end(tmp_path: Path) -> None:
    clock, calls = HandClock(), list[tuple[str, float, str]]()

    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        clock.move(2.0)
        await peer.telling(system("Off"))(request, writer)

    answers = in_turn(slow, slow, peer.answering(500), peer.answering(404))
    async with Peer(answers) as bmc, redfish(bmc.origin + PATH, tmp_path, clock) as device:
        device.on_call = lambda *call: calls.append(call)
        await device.identify()
        await device.read()
        for error in (Temporary, Permanent):
            with pytest.raises(error):
                await device.read()
    assert calls == [
        ("identify", 2.0, "ok"),
        ("read", 2.0, "off"),
        ("read", 0.0, "temporary"),
        ("read", 0.0, "permanent"),
    ]
