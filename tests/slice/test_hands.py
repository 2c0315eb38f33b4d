"""Other people's hands on hosts of open incidents: each is told within one poll, and left alone.

The table of all moments is in tests/core; here it is the whole daemon, a real poll and a real PUT.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import pytest

from doctor_daemon.lab.faults import Do, Service
from doctor_daemon.lab.world import Timing
from tests.slice.script import Act, Play, Scenes, Script
from tests.slice.site import LAB, LIMIT_S, LOOK_S, story

UNDER_WAY_S = 25.0
"""How long an evacuation takes here: longer than a poll."""
SCRIPT = Script(
    lab=replace(LAB, timing=Timing(evacuate_s=UNDER_WAY_S)),
    changes={"mode": "evacuate"},
)
SET = "forced_down was set by somebody else, and is theirs to clear"
CLEARED = "ALARM: forced_down was cleared by somebody else"
DISABLED = "somebody else disabled it: rack move"
OVER = "somebody else disabled it, in the place of ours: it is theirs to enable: rack move"
ENABLED = "somebody else took our disabling back"
ANOTHER = "Nova shows a compute service of it that is not the last"


# moments


async def fencing(act: Act) -> None:
    """Have a BMC say yes and do nothing: the power is read for five seconds."""
    act.fault(Service.BMC, Do.STUCK, times=None)
    await act.fails()
    await act.until("fencing", "cutting the power")


async def held(act: Act) -> None:
    act.fault(Service.BMC, Do.REFUSE, times=None)
    await act.fails()
    await act.until("held")


async def down(act: Act) -> None:
    await act.fails()
    await act.until("down", "Nova lists 2 servers on the host")


async def evacuating(act: Act) -> None:
    await act.fails()
    await act.until("evacuating", "plan: 2 of 2 servers")


async def releasing(act: Act) -> None:
    await down(act)
    await act.place.order(act.name, "release")
    await act.until("releasing")


# hands


def sets(act: Act) -> None:
    act.lab.world.force_down(act.host.service, forced_down=True, by="operator")


def clears(act: Act) -> None:
    act.lab.world.force_down(act.host.service, forced_down=False, by="operator")


def disables(act: Act) -> None:
    act.host.service.disabled, act.host.service.disabled_reason = True, "rack move"


def enables(act: Act) -> None:
    act.host.service.disabled, act.host.service.disabled_reason = False, None


def recreates(act: Act) -> None:
    act.lab.world.replace_service(act.name)


Moment = Callable[[Act], Awaitable[None]]
Hand = Callable[[Act], None]
TABLE: Mapping[Moment, Mapping[Hand, str]] = {
    fencing: {sets: SET, disables: DISABLED},
    held: {sets: SET, disables: DISABLED},
    evacuating: {clears: CLEARED, disables: OVER, enables: ENABLED},
    down: {clears: CLEARED, disables: OVER, enables: ENABLED, recreates: ANOTHER},
    releasing: {clears: CLEARED, disables: OVER, enables: ENABLED},
}


def played(moment: Moment, hand: Hand, told: str) -> Play:
    async def play(act: Act) -> None:
        await moment(act)
        hand(act)
        theirs = replace(act.host.service)
        await within_one_poll(act, told)
        if hand is clears:
            await act.place.logged(CLEARED)
            assert await act.place.metric("doctor_alarms_total") >= 1
            await heard_alarm(act)
        if hand in (clears, disables, enables) and moment is not fencing:
            now = act.host.service
            assert (now.disabled, now.disabled_reason) == (theirs.disabled, theirs.disabled_reason)
            assert now.forced_down == theirs.forced_down, "theirs stays theirs"

    play.__name__ = f"{hand.__name__}_while_{moment.__name__}"
    return play


async def within_one_poll(act: Act, text: str) -> None:
    """Wait until a text is in the timeline, in whatever phase; it is there once."""
    async with asyncio.timeout(LIMIT_S):
        while text not in (said := await told_of(act)):  # noqa: ASYNC110 - a daemon has no event for it
            await asyncio.sleep(LOOK_S)
    assert said.count(text) == 1


async def told_of(act: Act) -> str:
    """Return what the timeline of the first host's incident says."""
    return story(await act.place.incident(act.name) or {"timeline": []})


async def heard_alarm(act: Act) -> None:
    """Wait until the operators are told, and see that no project is."""
    async with asyncio.timeout(LIMIT_S):
        while "alarm" not in [one["kind"] for one in act.place.heard("operators", act.name)]:  # noqa: ASYNC110 - the lab has no event for it
            await asyncio.sleep(LOOK_S)
    for project in act.lab.members:
        assert "alarm" not in [one["kind"] for one in act.place.heard(project)]


for moment, hands in TABLE.items():
    for hand, told in hands.items():
        mode = "evacuate" if moment is evacuating else "fence"
        SCRIPT.scene(mode=mode)(played(moment, hand, told))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.scenes)
async def test_scene(scenes: Scenes, title: str) -> None:
    await scenes[title]
