"""A host dies while the name of its BMC cannot be resolved: it is fenced once the name is back."""

from __future__ import annotations

from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Identity, Power
from doctor_daemon.errors import Permanent, Temporary
from tests.engine.instruments import ScriptedDevice
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.simulation.virtual import VirtualClock, run


class Lost(ScriptedDevice):
    """A device whose name leads nowhere between two moments of the test's clock."""

    def __init__(self, name: str, clock: VirtualClock, from_s: float, until_s: float) -> None:
        super().__init__(name, clock)
        self.login = True
        self.sought = 0
        self.from_s, self.until_s = from_s, until_s
        self.since: Instant | None = None

    async def identify(self) -> Identity:
        if not self.login:
            msg = "401"
            raise Permanent(msg)
        if await self.lost():
            self.identities += 1
            msg = "no answer"
            raise Temporary(msg)
        return await super().identify()

    async def lost(self) -> str:
        assert self.since is not None
        self.sought += 1
        away = self.from_s <= self.clock.now().since(self.since) < self.until_s
        return "bmc.example" if away else ""


def played(
    from_s: float, until_s: float, end: Phase, *, login: bool = True
) -> tuple[Incident, Lost]:
    """Accuse a host whose device is lost for a while, and wait for the end."""
    rig = Rig()
    (name,) = rig.devices
    device = Lost(name, rig.clock, from_s, until_s)
    device.login = login
    rig.devices[name] = device
    ends = []

    async def main() -> None:
        device.since = rig.clock.now()
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, end, limit_s=2 * Policy().progress_s)
            ends.append(incident_of(engine))

    run(main())
    assert rig.bugs == []
    return ends[0], device


def test_a2_a_host_that_dies_while_names_are_lost_is_fenced_after_it() -> None:
    end, device = played(0, 200, Phase.DOWN)
    assert end.proof is not None
    assert {reading.power for reading in end.proof.devices[0].readings} == {Power.OFF}
    assert device.cuts == 1
    assert sum("cannot be resolved" in entry.text for entry in end.timeline) <= 3


def test_a2_while_its_name_is_lost_a_device_is_asked_no_more() -> None:
    """Whoever asks for it would keep others from their turns, for as long as its time-out."""
    _, device = played(0, 200, Phase.DOWN)
    assert device.identities == Policy().tries_per_level + 1
    assert device.sought > 30


def test_b18_a_refused_login_is_no_lost_name() -> None:
    end, device = played(0, 200, Phase.HELD, login=False)
    assert end.held is not None
    assert end.held.gate == "fencing"
    assert device.sought == 0


def test_l2_names_that_stay_lost_end_with_a_human() -> None:
    end, device = played(0, 100 * Policy().progress_s, Phase.HELD)
    assert end.held is not None
    assert end.held.gate == "names"
    assert device.cuts == 0
