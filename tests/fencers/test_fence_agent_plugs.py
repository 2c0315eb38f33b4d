"""A fence agent as a power device: by what the plug is known, and what it can do without."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Temporary
from doctor_daemon.ports.program import SHARED
from tests.contracts.fence_rigs import fence_agent
from tests.fakes.clock import BootClock
from tests.fencers.agents import METADATA, scripted, told
from tests.fencers.test_fence_agent import device, permit


@pytest.mark.parametrize(
    ("given", "name"), [({}, ""), ({"plug": 7}, "7"), ({"plug": "A7"}, "A7"), ({"plug": True}, "1")]
)
async def test_without_an_alias_it_is_known_by_its_plug(
    tmp_path: Path, given: dict[str, object], name: str
) -> None:
    agent = device(tmp_path, "exit 0", parameters=given)
    assert (await agent.identify()).name == name
    assert told(tmp_path) == [*(f"{key}={name}" for key in given), "action=status"]


async def test_an_agent_that_has_no_on_and_no_list_cuts_all_the_same(tmp_path: Path) -> None:
    clock, metadata = BootClock(), METADATA
    for action in ("on", "list"):
        metadata = metadata.replace(f'<action name="{action}"/>', "")
    agent = fence_agent(str(scripted(tmp_path, "exit 0", metadata)), clock)
    ended = await agent.switch_on(permit(clock))
    assert ended == (Outcome.UNSENT, "nothing was sent: the agent has no on")
    assert told(tmp_path) == []
    assert (await agent.cut(permit(clock)))[0] is Outcome.ACCEPTED


async def test_what_went_on_for_too_long_is_not_called_late_when_it_was_too_much(
    tmp_path: Path,
) -> None:
    with pytest.raises(Temporary) as caught:
        await device(tmp_path, "yes", timeout_s=60.0).read()
    assert "no answer" not in str(caught.value)


async def test_a_cut_waits_for_no_question(tmp_path: Path) -> None:
    clock = BootClock()
    agent = device(tmp_path, "exit 0", clock, timeout_s=30.0)
    async with asyncio.timeout(60), AsyncExitStack() as stack:
        with suppress(Temporary):
            while True:
                soon_s = asyncio.get_running_loop().time() + 0.2
                await stack.enter_async_context(SHARED.turn(soon_s))
        assert (await agent.cut(permit(clock, 60)))[0] is Outcome.ACCEPTED
