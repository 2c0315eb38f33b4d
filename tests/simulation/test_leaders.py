"""The judge of who acts: it sees whoever acts without the lease."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import structlog

from doctor_daemon.ports import Permit
from tests.simulation.clocks import present_s
from tests.simulation.keeper import CONFIRMED, Keeper
from tests.simulation.leaders import deposed
from tests.simulation.leases import Seen
from tests.simulation.mishaps import is_frozen_in_silence
from tests.simulation.processes import within
from tests.simulation.standing import run
from tests.simulation.takeovers import Takeover
from tests.simulation.tally import quiet


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    quiet()
    yield
    structlog.reset_defaults()


def test_the_oracle_sees_who_acts_without_the_lease() -> None:
    found: list[list[str]] = []

    async def main() -> None:
        scene = Takeover()
        daemons = scene.daemons
        lives = [asyncio.create_task(daemons.live(site)) for site in daemons.sites]
        await scene.until(lambda: daemons.leading is not None)
        process = scene.leading.process
        context, term = within(process), daemons.lease.term

        def judge() -> None:
            permit = Permit(term, process.clock.now().plus(1.0))
            found.append([*deposed(scene.oracle, "cut", permit, 0.1)])

        context.run(judge)
        context.run(CONFIRMED.set, present_s())
        context.run(judge)
        daemons.lease.lose()
        context.run(judge)
        await asyncio.sleep(5.0)
        context.run(CONFIRMED.set, present_s())
        context.run(judge)
        daemons.ends.set()
        await asyncio.gather(*lives)

    run(main())
    unasked, leads, lost, followed = found
    assert ["s after the store said who leads" in text for text in unasked] == [True]
    assert leads == lost == []
    assert [text.partition(" by ")[0] for text in followed] == ["I-5: cut"]
    assert followed[0].endswith(" leads")


class _Unaware(Keeper):
    """One that asks nobody whether it leads, and takes no notice of who does."""

    async def confirm(self) -> None:
        CONFIRMED.set(present_s())

    def _take(self, found: Seen) -> None:
        return


def test_the_oracle_sees_a_daemon_that_does_not_ask_whether_it_leads() -> None:
    scenes: list[Takeover] = []

    async def main() -> None:
        scene = Takeover()
        scenes.append(scene)
        scene.daemons.keeper = _Unaware
        await scene.stage("cut-waits", is_frozen_in_silence)

    run(main())
    assert any(": cut of cmp-0 " in text for text in scenes[0].oracle.violations)
