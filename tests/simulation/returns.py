"""The judge of the way back: a host is switched on, released and enabled only when that is safe."""

from __future__ import annotations

from doctor_daemon.core.host import Device, Mode
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Step
from tests.simulation.oracle import BOUND_S, LOOK_RACE_S, Oracle
from tests.simulation.world import Machine


class Returns:
    """Checks each request of the way back at the moment in which it leaves the daemon."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._world = oracle.world

    def switch_sent(self, machine: Machine, device: Device, named: str) -> None:
        """Check that the right host is switched on, and only when no server is on its way."""
        now, saved = self._world.now(), self._oracle.disk.open_for(machine.id)
        self.armed("switching on", machine)
        told = f"{machine.id} is switched on through a device of {named or 'nobody knows whom'}"
        self._oracle.check("I-7", named == device.uuid, told)
        left_at = self._oracle.gone.get(machine.id, -1e9)
        wanted = saved is not None and saved.phase in (Phase.DOWN, Phase.RELEASING)
        told = f"{machine.id} is switched on while it is {saved.phase if saved else 'well'}"
        self._oracle.check("I-3", wanted or now - left_at <= BOUND_S, told)
        self._over("I-10", machine, ("accepted", "pre-migrating"))
        wish = saved.release.switching if saved else None
        if wish is not None and wish.patient:
            self._world.swarm.note("switched-on-by-itself")
            evacuates = min(machine.plan.mode, self._oracle.mode) is Mode.EVACUATE
            may = machine.plan.way_back.power_on and evacuates
            self._oracle.check("I-7", may, f"{machine.id} is switched on by itself")

    def lift_sent(self, machine: Machine) -> None:
        """Check that a host comes back only as Nova's own procedure wants it."""
        now, saved = self._world.now(), self._oracle.disk.open_for(machine.id)
        self.armed("release", machine)
        if saved is None or saved.phase is not Phase.RELEASING:
            self._oracle.wrong(
                f"I-11: the flag of {machine.id} is lifted, and nothing is saved of it"
            )
            return
        journalled = saved.release.step is Step.LIFTING and saved.release.put is None
        self._oracle.check(
            "I-11", journalled, f"the flag of {machine.id} is lifted before it was saved"
        )
        self._over("I-10", machine, ("accepted", "pre-migrating", "done"))
        if not saved.release.ordered:
            self._by_itself(machine)
        off_s = self._oracle.clock.world_s(saved.proof.taken_at) if saved.proof else now
        started = machine.started_at > off_s
        self._oracle.check(
            "I-10", started, f"nova-compute of {machine.id} was not started since the proof"
        )
        seen_s = now - machine.row.foreign_at - self._oracle.unaware_s
        theirs = machine.row.foreign_flag and seen_s > LOOK_RACE_S
        self._oracle.check("I-18", not theirs, f"the flag of {machine.id} is somebody else's")

    def _by_itself(self, machine: Machine) -> None:
        """Check that a host which nobody has seen to has lived for long, and not failed often."""
        oracle, now = self._oracle, self._world.now()
        self._world.swarm.note("released-by-itself")
        may = machine.plan.way_back.automatic
        oracle.check("I-10", may, f"{machine.id} is released without an order")
        lived_s = now - machine.beats_since
        long = lived_s >= oracle.policy.quarantine_s - BOUND_S
        oracle.check("I-10", long, f"{machine.id} is released after {lived_s:.0f} s of life")
        if not oracle.clock.stepped:  # else it cannot be told how long ago that was
            before = [i for i in oracle.disk.saved.values() if i.host == machine.id]
            count = sum(one.phase.final and one.release.returns > 0 for one in before)
            few = count < oracle.policy.flaps_max
            oracle.check("I-10", few, f"{machine.id} is released, and came back {count} times")

    def enable_sent(self, machine: Machine) -> None:
        """Check that only our own disable is undone."""
        self.armed("enabling", machine)
        row = machine.row
        ours = row.status == "enabled" or row.reason.startswith("doctor-daemon:")
        raced = self._world.now() - row.foreign_at <= LOOK_RACE_S + self._oracle.unaware_s
        self._oracle.check("I-18", ours or raced, f"{machine.id} was disabled by somebody else")
        self._oracle.heard_since_lift(machine)

    def _over(self, invariant: str, machine: Machine, statuses: tuple[str, ...]) -> None:
        """Check that no evacuation has stood so for longer than Nova's list may be old."""
        old_s = self._oracle.policy.flag_age_s + BOUND_S + self._oracle.unaware_s
        rows = self._oracle.rebuilds.standing(machine.id, statuses, old_s)
        self._oracle.check(
            invariant, not rows, f"evacuations {rows} from {machine.id} are not over"
        )

    def armed(self, what: str, machine: Machine) -> None:
        """Check the switches, as far as they may be seen in time."""
        now, since = self._world.now(), self._oracle.disarmed_since
        off = since is not None and now - since > BOUND_S
        self._oracle.check("I-15", not off, f"{what} of {machine.id} while disarmed")
        mode = min(machine.plan.mode, self._oracle.mode)
        self._oracle.check("I-7", mode >= Mode.FENCE, f"{what} of {machine.id} in mode {mode.name}")
