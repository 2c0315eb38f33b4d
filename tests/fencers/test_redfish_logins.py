"""A login that a BMC has refused is not repeated: BMCs lock users out."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent
from tests.fakes import peer
from tests.fakes.clock import HandClock
from tests.fakes.peer import Peer, in_turn
from tests.fencers.systems import PATH, cutting, permit, redfish, system


async def test_b18_a_refused_login_rests_unless_the_password_changes(tmp_path: Path) -> None:
    clock = HandClock()
    answers = in_turn(*[peer.answering(401)] * 3, peer.telling(system()))
    async with Peer(answers) as bmc, redfish(bmc.origin + PATH, tmp_path, clock) as device:
        for asked, words in ((1, r"\(401\)$"), (1, "^401: it has refused the login; .* 5 s, unl")):
            with pytest.raises(Permanent, match=words):
                await device.read()
            assert len(bmc.requests) == asked
        assert (await device.cut(permit(clock)))[0] is Outcome.UNSENT
        assert len(bmc.requests) == 1
        clock.move(5.0)
        with pytest.raises(Permanent, match=r"\(401\)$"):
            await device.read()
        clock.move(9.9)
        with pytest.raises(Permanent, match=r"^401: .* is not tried again for 0 s"):
            await device.read()
        assert len(bmc.requests) == 2
        (tmp_path / "password").write_text("another-one", encoding="utf-8")
        with pytest.raises(Permanent, match=r"\(401\)$"):
            await device.read()
        clock.move(5.0)
        assert (await device.read()).power is Power.ON
        assert (await device.read()).power is Power.ON


async def test_a_cut_that_may_not_be_made_does_not_keep_from_reading(tmp_path: Path) -> None:
    clock = HandClock()
    async with (
        Peer(cutting(peer.answering(403))) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        assert (await device.cut(permit(clock)))[0] is Outcome.REFUSED
        assert (await device.read()).power is Power.ON
