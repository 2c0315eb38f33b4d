"""The ports of fenced hosts, where another boot takes up what was not seen to."""

from __future__ import annotations

from doctor_daemon.core.host import Mode
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.port_tasks import PortPolicy, PortStage
from tests.engine.neutron import MARKING, BenchNeutron, reach, story, told
from tests.engine.rig import Rig, accuse, until
from tests.engine.test_portkeeper_troubled import started


def test_a_host_that_was_proven_off_on_another_boot_is_not_marked_and_that_is_told() -> None:
    """The daemon dies as the host is forced down, before anything of its ports is saved."""

    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode, rig.ports = Mode.FENCE, PortPolicy()
        engine, life = await started(rig)
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        await rig.crash(life)
        rig.clock.reboot()
        rig.ports = MARKING
        async with rig.running() as second:
            task = await reach(second, PortStage.DONE)
            text = "the proof that cmp-1 is off is of another boot, and counts for nothing now"
            assert f"{text}: its ports are left as they are; see to them by hand" in told(task)
            assert neutron.asked == []

    story(main)


def test_a_host_whose_evacuation_is_taken_up_on_another_boot_is_marked_once_proven_off_anew() -> (
    None
):
    async def main(rig: Rig, _: BenchNeutron) -> None:
        rig.ports, rig.nova.posting_s = PortPolicy(), 30.0
        engine, life = await started(rig)
        await accuse(rig, engine)
        await until(engine, Phase.EVACUATING)
        await rig.crash(life)
        rig.clock.reboot()
        rig.ports, rig.nova.posting_s = MARKING, 0.1
        async with rig.running() as second:
            task = await reach(second, PortStage.DONE)
            assert told(task)[0] == "cmp-1 is off and forced down: its ports are marked DOWN"

    story(main)
