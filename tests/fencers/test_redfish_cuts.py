"""A cut: sent once, to the right machine, in time, or not at all; and told as what it is."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from pathlib import Path

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError
from tests.fakes import peer
from tests.fakes.clock import BootClock, HandClock
from tests.fakes.peer import Answer, Peer, Request, in_turn
from tests.fencers.systems import (
    PASSWORD,
    PATH,
    TARGET,
    cutting,
    permit,
    posts,
    redfish,
    reset,
    system,
)


async def cut_of(answer: Answer, folder: Path) -> tuple[Outcome, str, list[Request]]:
    clock = BootClock()
    async with (
        Peer(cutting(answer)) as bmc,
        redfish(bmc.origin + PATH, folder, clock) as device,
    ):
        await device.identify()
        outcome, text = await device.cut(permit(clock))
        return outcome, text, posts(bmc)


async def test_b6_it_sends_force_off_to_the_target_and_nothing_else(tmp_path: Path) -> None:
    outcome, text, (sent,) = await cut_of(peer.answering(204), tmp_path)
    assert (outcome, text) == (Outcome.ACCEPTED, "204")
    assert (sent.method, sent.path) == ("POST", TARGET)
    assert json.loads(sent.body) == {"ResetType": "ForceOff"}
    assert sent.headers["content-type"] == "application/json"
    assert b64decode(sent.headers["authorization"][6:]) == f"admin:{PASSWORD}".encode()


async def test_it_goes_to_the_target_that_is_advertised(tmp_path: Path) -> None:
    actions = {"#ComputerSystem.Reset": reset(target=f"{PATH}/Actions/Other.Reset")}
    clock = BootClock()
    async with (
        Peer(cutting(peer.answering(200), system(Actions=actions))) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        assert (await device.cut(permit(clock)))[0] is Outcome.ACCEPTED
    assert [request.method for request in bmc.requests] == ["GET", "POST"]
    assert bmc.requests[1].path == f"{PATH}/Actions/Other.Reset"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.ACCEPTED),
        (202, Outcome.ACCEPTED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (403, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (405, Outcome.REFUSED),
        (409, Outcome.REFUSED),
        (301, Outcome.UNKNOWN),
        (307, Outcome.UNKNOWN),
        (500, Outcome.UNKNOWN),
        (501, Outcome.UNKNOWN),
        (503, Outcome.UNKNOWN),
    ],
)
async def test_the_class_of_the_status_decides(
    tmp_path: Path, status: int, outcome: Outcome
) -> None:
    words = {"error": {"@Message.ExtendedInfo": [{"Message": "In the\nBMC's words."}]}}
    ended, text, sent = await cut_of(peer.telling(words, status), tmp_path)
    assert (ended, text) == (outcome, f"{status} In the BMC's words.")
    assert len(sent) == 1


async def test_e4_a_redirected_cut_is_not_followed(tmp_path: Path) -> None:
    async with Peer(peer.answering(204)) as other:
        to = {"Location": other.origin + TARGET}
        outcome, _, sent = await cut_of(peer.answering(307, b"", to), tmp_path)
    assert outcome is Outcome.UNKNOWN
    assert (len(sent), other.connections) == (1, 0)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (peer.resetting, "the answer was lost"),
        (peer.closing, "the answer was lost"),
        (peer.sending(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "the answer was lost"),
        (peer.hanging, "no answer within 0.5 s"),
        (peer.dripping(peer.raw(204), 0.2), "no answer within 0.5 s"),
    ],
    ids=["reset", "closed", "no http", "silent", "slow"],
)
async def test_a_lost_answer_is_unknown_and_nothing_is_sent_again(
    tmp_path: Path, answer: Answer, words: str
) -> None:
    outcome, text, sent = await cut_of(answer, tmp_path)
    assert outcome is Outcome.UNKNOWN
    assert words in text
    assert len(sent) == 1


async def test_nobody_there_means_that_nothing_was_sent(tmp_path: Path) -> None:
    clock = BootClock()
    async with Peer(cutting(peer.answering(204))) as bmc:
        origin = bmc.origin
        async with redfish(origin + PATH, tmp_path, clock, timeout_s=2.0) as device:
            await device.identify()
            await bmc.stop()
            outcome, text = await device.cut(permit(clock))
    assert outcome is Outcome.UNSENT
    assert text.startswith("nothing was sent: Cannot connect")


async def test_b13_a_cut_waits_for_its_turn(tmp_path: Path) -> None:
    clock = BootClock()

    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        await cutting(peer.answering(204))(request, writer)

    async with (
        Peer(slow) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock, timeout_s=5.0) as device,
    ):
        reading, (outcome, _) = await asyncio.gather(device.read(), device.cut(permit(clock, 5)))
    assert (reading.power, outcome) == (Power.ON, Outcome.ACCEPTED)
    assert bmc.at_once_max == 1


async def test_a_cut_whose_turn_does_not_come_in_time_sent_nothing(tmp_path: Path) -> None:
    clock = BootClock()

    async def slow_then_silent(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.6)
        await cutting(peer.hanging)(request, writer)

    async with (
        Peer(slow_then_silent) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock, timeout_s=1.0) as device,
    ):
        # The first holds its turn for 0.6 s, looking, and then for 1 s more.
        cuts = [asyncio.create_task(device.cut(permit(clock, 5))) for _ in range(2)]
        first, second = await asyncio.gather(*cuts)
    assert first == (Outcome.UNKNOWN, "no answer within 1 s")
    assert second == (Outcome.UNSENT, "nothing was sent: no answer within 1 s")
    assert len(posts(bmc)) == 1


async def test_cuts_are_told_with_their_end(tmp_path: Path) -> None:
    clock, ends = HandClock(), list[str]()
    async with (
        Peer(cutting(in_turn(peer.answering(204), peer.answering(400)))) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        device.on_call = lambda _call, _seconds, outcome: ends.append(outcome)
        await device.cut(permit(clock))
        await device.cut(permit(clock))
        with pytest.raises(LateError):
            await device.cut(permit(clock, -1.0))
    assert ends == ["accepted", "refused", "late"]
