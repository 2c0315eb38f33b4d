"""A login that a BMC has refused is not repeated: BMCs lock users out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import encode_basic_auth

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError, Permanent
from tests.contracts.fence_rigs import put_secret
from tests.fakes import peer
from tests.fakes.clock import HandClock
from tests.fakes.peer import Answer, Peer, Request, in_turn
from tests.fencers.systems import PASSWORD, PATH, cutting, permit, posts, redfish, system

NEXT, OTHER = "hunter3-and-more", "hunter4-and-more"


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


class Changing:
    """A BMC's logins: it takes one password, and every other is answered by 401."""

    def __init__(self, password: str, inner: Answer | None = None) -> None:
        self.password = password
        self.shown: list[str] = []
        self._inner = inner or cutting(peer.answering(204))

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        known = {encode_basic_auth("admin", one): one for one in (PASSWORD, NEXT, OTHER)}
        self.shown.append(known[request.headers["authorization"]])
        taken = self.shown[-1] == self.password
        await (self._inner if taken else peer.answering(401))(request, writer)


async def test_b18_the_next_password_is_tried_and_kept(tmp_path: Path) -> None:
    clock, logins = HandClock(), Changing(NEXT)
    following = put_secret(tmp_path / "next", NEXT)
    async with (
        Peer(logins) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock, next_password_file=following) as device,
    ):
        for _ in range(3):
            assert (await device.read()).power is Power.ON
            clock.move(400.0)  # the first has rested long enough, and is not shown all the same
        assert (await device.cut(permit(clock)))[0] is Outcome.ACCEPTED
    assert logins.shown == [PASSWORD, *[NEXT] * 5]


async def test_b18_a_bmc_may_change_over_between_the_look_and_the_cut(tmp_path: Path) -> None:
    clock, logins = HandClock(), Changing(PASSWORD)
    following = put_secret(tmp_path / "next", NEXT)
    async with (
        Peer(logins) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock, next_password_file=following) as device,
    ):
        assert (await device.read()).power is Power.ON
        logins.password = NEXT
        assert (await device.cut(permit(clock)))[0] is Outcome.ACCEPTED
        assert len(posts(bmc)) == 2  # the first was refused, so one was carried out
        assert (await device.read()).power is Power.ON
    assert logins.shown == [PASSWORD, PASSWORD, NEXT, NEXT]


async def test_i5_the_other_password_is_not_tried_for_a_permit_that_lapsed(tmp_path: Path) -> None:
    clock, logins = HandClock(), Changing(PASSWORD)
    following = put_secret(tmp_path / "next", NEXT)

    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.method == "POST":
            clock.move(1.5)
        await logins(request, writer)

    async with (
        Peer(slow) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock, next_password_file=following) as device,
    ):
        assert (await device.read()).power is Power.ON
        logins.password = NEXT
        with pytest.raises(LateError):
            await device.cut(permit(clock))
        assert len(posts(bmc)) == 1


async def test_b18_two_refused_passwords_both_rest(tmp_path: Path) -> None:
    clock, logins = HandClock(), Changing(OTHER)
    following = put_secret(tmp_path / "next", NEXT)
    async with (
        Peer(logins) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock, next_password_file=following) as device,
    ):
        for words in (r"\(401\)$", "^401: it has refused the login; .* 5 s, unless"):
            with pytest.raises(Permanent, match=words):
                await device.read()
        assert logins.shown == [PASSWORD, NEXT]
        (tmp_path / "next").unlink()
        (tmp_path / "password").unlink()
        with pytest.raises(Permanent, match=r"password_file: .*password: the secret cannot be"):
            await device.read()
        put_secret(tmp_path / "next", OTHER)
        assert (await device.read()).power is Power.ON
    assert logins.shown == [PASSWORD, NEXT, OTHER]
