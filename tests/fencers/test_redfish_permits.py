"""What keeps a cut from being sent: a lapsed permit, another chassis, an old look."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError, Permanent, Temporary
from doctor_daemon.fencers.redfish import LOOK_AGE_S
from doctor_daemon.ports import Permit
from tests.fakes import peer
from tests.fakes.clock import BootClock, HandClock
from tests.fakes.peer import Peer, in_turn
from tests.fakes.tls import Tls
from tests.fencers.systems import (
    OTHER_UUID,
    PATH,
    cutting,
    permit,
    posts,
    redfish,
    reset,
    system,
)


async def test_a_permit_that_lapses_while_connecting_sends_nothing(tmp_path: Path) -> None:
    clock = HandClock()
    close = {"Connection": "close"}  # so that the cut has to connect anew
    show = peer.answering(200, json.dumps(system()).encode(), close)
    async with Peer(show) as bmc, redfish(bmc.origin + PATH, tmp_path, clock) as device:
        await device.identify()
        before, bmc.connected = bmc.bytes_read, lambda: clock.move(1.001)
        with pytest.raises(LateError):
            await device.cut(permit(clock))
        await asyncio.sleep(0.05)
        assert (bmc.connections, bmc.bytes_read) == (2, before)


async def test_a_permit_that_lapses_in_the_handshake_sends_nothing(
    tmp_path: Path, tls: Tls
) -> None:
    clock, (ca, context) = HandClock(), tls
    close = {"Connection": "close"}
    show = peer.answering(200, json.dumps(system()).encode(), close)
    async with (
        Peer(show, context) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock, ca_file=ca, timeout_s=5.0) as device,
    ):
        await device.identify()
        before = bmc.bytes_read
        # It is called when the client has said hello, with or without a server's name.
        context.sni_callback = lambda *_: clock.move(1.001)
        try:
            with pytest.raises(LateError):
                await device.cut(permit(clock))
        finally:
            context.sni_callback = None
        await asyncio.sleep(0.05)
        assert (bmc.connections, bmc.bytes_read) == (2, before)


async def test_a_lapsed_permit_sends_nothing_over_a_kept_connection(tmp_path: Path) -> None:
    clock = HandClock()
    async with (
        Peer(cutting(peer.answering(204))) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        await device.identify()
        before, late = bmc.bytes_read, permit(clock)
        clock.move(1.001)
        with pytest.raises(LateError):
            await device.cut(late)
        await asyncio.sleep(0.05)
        assert (bmc.connections, bmc.bytes_read) == (1, before)
        assert (await device.cut(permit(clock)))[0] is Outcome.ACCEPTED


async def test_i13_a_permit_of_another_boot_is_none(tmp_path: Path) -> None:
    clock = HandClock()
    old = Permit(6, clock.now().plus(3600))
    async with (
        Peer(cutting(peer.answering(204))) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        await device.identify()
        clock.reboot()
        with pytest.raises(LateError):
            await device.cut(old)
    assert posts(bmc) == []


async def test_a14_another_chassis_is_not_cut(tmp_path: Path) -> None:
    clock = BootClock()
    answers = in_turn(peer.telling(system()), peer.telling(system(UUID=OTHER_UUID)))
    async with Peer(answers) as bmc, redfish(bmc.origin + PATH, tmp_path, clock) as device:
        await device.identify()
        assert (await device.read()).power is Power.UNKNOWN
        outcome, text = await device.cut(permit(clock))
    assert outcome is Outcome.UNSENT
    assert text.startswith(f"nothing was sent: it answers for {OTHER_UUID}")
    assert posts(bmc) == []


async def test_a_cut_relies_on_no_look_that_failed_or_is_long_ago(tmp_path: Path) -> None:
    clock = HandClock()
    async with (
        Peer(cutting(peer.answering(204))) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        await device.identify()
        clock.move(LOOK_AGE_S)
        await device.cut(permit(clock))
        assert [request.method for request in bmc.requests] == ["GET", "POST"]
        clock.move(0.001)
        await device.cut(permit(clock))
        assert [request.method for request in bmc.requests[2:]] == ["GET", "POST"]
        bmc.answer = peer.answering(500)
        with pytest.raises(Temporary):
            await device.read()
        bmc.answer = cutting(peer.answering(204), system(UUID=OTHER_UUID))
        assert (await device.cut(permit(clock)))[0] is Outcome.UNSENT
    assert len(posts(bmc)) == 2


async def test_b6_what_offers_no_force_off_is_not_cut(tmp_path: Path) -> None:
    clock = BootClock()
    only = reset(**{"ResetType@Redfish.AllowableValues": ["PowerCycle", "GracefulShutdown"]})
    shown = system(Actions={"#ComputerSystem.Reset": only})
    async with (
        Peer(cutting(peer.answering(204), shown)) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        outcome, text = await device.cut(permit(clock))
    assert outcome is Outcome.UNSENT
    assert "does not offer ForceOff" in text
    assert posts(bmc) == []


async def test_a_cut_without_a_password_sent_nothing(tmp_path: Path) -> None:
    clock = BootClock()
    async with (
        Peer(cutting(peer.answering(204))) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        await device.identify()
        (tmp_path / "password").unlink()
        outcome, text = await device.cut(permit(clock))
        assert outcome is Outcome.UNSENT
        assert text.startswith("nothing was sent: password_file: ")
        with pytest.raises(Permanent):
            await device.read()
    assert posts(bmc) == []
