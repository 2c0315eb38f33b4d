"""Switching on: On, sent once, to the right machine, in time, or not at all; told as what it is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError
from doctor_daemon.fencers.bmc import BODY_MAX
from doctor_daemon.fencers.redfish import Redfish
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.redfish import RedfishOptions
from tests.fakes import peer
from tests.fakes.clock import BootClock, HandClock
from tests.fakes.peer import Answer, Peer, Request, in_turn
from tests.fencers.systems import (
    OTHER_UUID,
    PATH,
    TARGET,
    cutting,
    permit,
    posts,
    redfish,
    reset,
    system,
)

OFF = system("Off")


async def on_of(answer: Answer, folder: Path) -> tuple[Outcome, str, list[Request]]:
    """Switch a machine on whose BMC answers so to the order."""
    clock = BootClock()
    async with (
        Peer(cutting(answer, OFF)) as bmc,
        redfish(bmc.origin + PATH, folder, clock) as device,
    ):
        await device.identify()
        outcome, text = await device.switch_on(permit(clock))
        return outcome, text, posts(bmc)


def fault(do: Do, status: int = 503) -> Rule:
    return Rule(service=Service.BMC, do=do, method="POST", status=status)


TABLE: list[tuple[str, Rule, Outcome, bool]] = [
    ("time-out before the effect", fault(Do.TIMEOUT_BEFORE), Outcome.UNKNOWN, False),
    ("time-out after the effect", fault(Do.TIMEOUT_AFTER), Outcome.UNKNOWN, True),
    ("reset", fault(Do.LOST_REPLY), Outcome.UNKNOWN, True),
    ("redirect", fault(Do.STATUS, 307), Outcome.UNKNOWN, False),
    ("400", fault(Do.STATUS, 400), Outcome.REFUSED, False),
    ("401", fault(Do.STATUS, 401), Outcome.REFUSED, False),
    ("403", fault(Do.STATUS, 403), Outcome.REFUSED, False),
    ("404", fault(Do.STATUS, 404), Outcome.REFUSED, False),
    ("405", fault(Do.STATUS, 405), Outcome.REFUSED, False),
    ("409", fault(Do.STATUS, 409), Outcome.REFUSED, False),
    ("429", fault(Do.STATUS, 429), Outcome.REFUSED, False),
    ("500", fault(Do.STATUS, 500), Outcome.UNKNOWN, False),
    ("500 after the effect", fault(Do.STATUS_AFTER, 500), Outcome.UNKNOWN, True),
    ("503", fault(Do.STATUS, 503), Outcome.UNKNOWN, False),
    ("503 after the effect", fault(Do.STATUS_AFTER, 503), Outcome.UNKNOWN, True),
    ("refused in its words", fault(Do.REFUSE), Outcome.REFUSED, False),
    ("accepted and not done", fault(Do.STUCK), Outcome.ACCEPTED, False),
    ("bad JSON", fault(Do.GARBAGE), Outcome.ACCEPTED, False),
]


@asynccontextmanager
async def at_the_lab(lab: Lab, folder: Path, clock: BootClock) -> AsyncIterator[Redfish]:
    async with redfish(lab.system_url("compute-1"), folder, clock) as device:
        (folder / "password").write_text(lab.redfish.password, encoding="utf-8")
        yield device


@pytest.mark.parametrize(
    ("rule", "outcome", "on"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
async def test_the_table_of_errors(
    tmp_path: Path, rule: Rule, outcome: Outcome, *, on: bool
) -> None:
    clock = BootClock()
    options = LabOptions(hosts=1, redfish=RedfishOptions(power_s=0.0))
    async with Lab(options) as lab, at_the_lab(lab, tmp_path, clock) as device:
        lab.world.power_off("compute-1")
        await device.identify()
        lab.faults.add(rule)
        ended, text = await device.switch_on(permit(clock))
        assert (ended, lab.world.hosts["compute-1"].power) == (outcome, on), text
        assert [one.rule for one in lab.faults.applied] == [rule], "it was sent once"


@pytest.mark.parametrize(
    "answer",
    [
        peer.resetting,
        peer.closing,
        peer.hanging,
        peer.dripping(peer.raw(204), 0.2),
        peer.sending(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
        peer.answering(200, b"x" * (BODY_MAX + 1)),
    ],
    ids=["reset", "closed", "silent", "slow drip", "no http", "huge body"],
)
async def test_a_lost_answer_is_unknown_and_nothing_is_sent_again(
    tmp_path: Path, answer: Answer
) -> None:
    outcome, _, sent = await on_of(answer, tmp_path)
    assert (outcome, len(sent)) == (Outcome.UNKNOWN, 1)


async def test_it_sends_on_to_the_target_and_nothing_else(tmp_path: Path) -> None:
    outcome, text, (sent,) = await on_of(peer.answering(204), tmp_path)
    assert (outcome, text) == (Outcome.ACCEPTED, "204")
    assert (sent.method, sent.path) == ("POST", TARGET)
    assert json.loads(sent.body) == {"ResetType": "On"}


async def test_nobody_there_means_that_nothing_was_sent(tmp_path: Path) -> None:
    clock = BootClock()
    async with (
        Peer(cutting(peer.answering(204), OFF)) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock, timeout_s=2.0) as device,
    ):
        await device.identify()
        await bmc.stop()
        outcome, text = await device.switch_on(permit(clock))
    assert (outcome, text[:32]) == (Outcome.UNSENT, "nothing was sent: Cannot connect")


@pytest.mark.parametrize("offered", [["ForceOff"], ["ForceOff", "ForceOn", "PushPowerButton"]])
async def test_what_offers_no_on_is_cut_all_the_same_and_not_switched_on(
    tmp_path: Path, offered: list[str]
) -> None:
    clock = BootClock()
    only = reset(**{"ResetType@Redfish.AllowableValues": offered})
    shown = system("Off", Actions={"#ComputerSystem.Reset": only})
    async with (
        Peer(cutting(peer.answering(204), shown)) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        await device.identify()
        outcome, text = await device.switch_on(permit(clock))
        assert (outcome, "does not offer On, only" in text) == (Outcome.UNSENT, True)
        assert posts(bmc) == []
        assert (await device.cut(permit(clock)))[0] is Outcome.ACCEPTED


async def test_what_offers_no_force_off_is_switched_on_all_the_same(tmp_path: Path) -> None:
    clock = BootClock()
    only = reset(**{"ResetType@Redfish.AllowableValues": ["On"]})
    shown = system("Off", Actions={"#ComputerSystem.Reset": only})
    async with (
        Peer(cutting(peer.answering(204), shown)) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        assert (await device.switch_on(permit(clock)))[0] is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "actions",
    [
        None,
        {"#ComputerSystem.Reset": reset(target="/redfish/v1/Systems/2/Actions/X.Reset")},
        {"#ComputerSystem.Reset": reset(target=f"https://other.example{TARGET}")},
    ],
    ids=["none", "another System", "another machine"],
)
async def test_e4_a_target_elsewhere_is_not_switched_on(tmp_path: Path, actions: object) -> None:
    clock = BootClock()
    async with (
        Peer(cutting(peer.answering(204), system("Off", Actions=actions))) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        assert (await device.switch_on(permit(clock)))[0] is Outcome.UNSENT
        assert posts(bmc) == []


async def test_a14_another_chassis_is_not_switched_on(tmp_path: Path) -> None:
    """It may be one that is fenced, with its servers running elsewhere."""
    clock = BootClock()
    answers = in_turn(peer.telling(OFF), peer.telling(system("Off", UUID=OTHER_UUID)))
    async with Peer(answers) as bmc, redfish(bmc.origin + PATH, tmp_path, clock) as device:
        await device.identify()
        await device.read()
        outcome, text = await device.switch_on(permit(clock))
    assert outcome is Outcome.UNSENT
    assert text.startswith(f"nothing was sent: it answers for {OTHER_UUID}")
    assert posts(bmc) == []


async def test_a_lapsed_permit_switches_nothing_on(tmp_path: Path) -> None:
    clock, ends = HandClock(), list[tuple[str, str]]()
    async with (
        Peer(cutting(in_turn(peer.answering(204), peer.answering(409)), OFF)) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock) as device,
    ):
        await device.identify()
        device.on_call = lambda call, _seconds, outcome: ends.append((call, outcome))
        late = permit(clock)
        clock.move(1.001)
        with pytest.raises(LateError):
            await device.switch_on(late)
        assert posts(bmc) == []
        for _ in range(2):
            await device.switch_on(permit(clock))
    assert ends == [("switch_on", end) for end in ("late", "accepted", "refused")]
