"""The judge of what is done after the daemon stood still: nothing that rests on what was before.

It knows when each pause was over, by the world's clock, whatever the daemon has noticed of it.
"""

from __future__ import annotations

from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import ProofKind
from doctor_daemon.engine.right import PERMIT_S
from doctor_daemon.ports import Permit
from tests.simulation.audits import BEGUN
from tests.simulation.leaders import deposed
from tests.simulation.oracle import ROUNDING_S, Oracle
from tests.simulation.world import Machine

ANSWER_S = 0.05
"""The longest that an answer of the store's is on its way."""


class Wakings:
    """Checks each request at the moment in which it leaves the daemon."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._pauses = oracle.boundaries.pauses

    def permitted(self, what: str, permit: Permit) -> None:
        """Check that the gates were asked in the last second, and since the last pause."""
        oracle = self._oracle
        asked_s = PERMIT_S - permit.not_after.since(oracle.clock.now())
        told = f"{what} {asked_s:.2f} s after the gates were asked"
        oracle.check("A12", -ROUNDING_S <= asked_s <= PERMIT_S + ROUNDING_S, told)
        over_s = oracle.world.now() - self._pauses.own().over_at
        began_s = BEGUN.get()  # a permit that ends with the lease says not when it was given
        asked_s = asked_s if began_s is None else oracle.world.now() - began_s
        told = f"{what}, and the gates were asked before the pause"
        oracle.check("A12", asked_s <= over_s + ROUNDING_S, told)
        since, begun_s = oracle.disarmed_since, oracle.world.now() - asked_s
        told = f"{what}, begun after a disarm was answered"
        oracle.check("I-15", since is None or begun_s <= since + ANSWER_S, told)
        for text in deposed(oracle, what, permit, asked_s):
            oracle.wrong(text)

    def cut_sent(self, machine: Machine, permit: Permit) -> None:
        """Check that a host that was not cut yet had its whole grace since the last pause."""
        oracle, saved = self._oracle, self._oracle.disk.open_for(machine.id)
        self.permitted(f"cut of {machine.id}", permit)
        if saved is None:
            return  # the oracle says so
        over_s = oracle.world.now() - self._pauses.own().over_at
        graced = over_s >= oracle.policy.grace_s - ROUNDING_S
        first, ordered = saved.id not in self._pauses.cut, saved.ordered_at is not None
        told = f"first cut of {machine.id} {over_s:.2f} s after a pause"
        oracle.check("A12", graced or ordered or not first, told)
        self._pauses.cut.add(saved.id)

    def force_down_sent(self, machine: Machine, permit: Permit) -> None:
        """Check a PUT against the incident as it is saved, or was when its permit was given."""
        saved = self._oracle.as_sent(machine.id, Phase.FORCING_DOWN)
        self._proven("force-down", machine, saved, permit)

    def evacuation_sent(self, machine: Machine, permit: Permit) -> None:
        """Check a POST in the same way."""
        saved = self._oracle.as_sent(machine.id, Phase.EVACUATING)
        self._proven("evacuation", machine, saved, permit)

    def _proven(self, what: str, machine: Machine, saved: Incident | None, permit: Permit) -> None:
        """Check that the proof was read, and Nova looked at, since the last pause."""
        self.permitted(f"{what} of {machine.id}", permit)
        if saved is None or saved.proof is None:
            return  # the oracle says so
        oracle, proof, look = self._oracle, saved.proof, saved.sighting
        now = oracle.clock.now()
        over_s = oracle.world.now() - self._pauses.own().over_at
        parts = proof.devices if proof.kind is ProofKind.POWER else ()
        oldest_s = max((now.since(r.asked_at) for d in parts for r in d.readings), default=0.0)
        told = f"{what} of {machine.id} rests on a read {oldest_s - over_s:.1f} s before a pause"
        oracle.check("A12", oldest_s <= over_s + ROUNDING_S, told)
        looked = look is not None and now.since(look.asked_at) <= over_s + ROUNDING_S
        told = f"{what} of {machine.id} without a look since the pause"
        oracle.check("A12", looked, told)

    def lift_sent(self, machine: Machine, permit: Permit) -> None:
        """Take note that a host is in use again: before its next cut it has its grace."""
        self.permitted(f"release of {machine.id}", permit)
        saved = self._oracle.disk.open_for(machine.id)
        if saved is not None:
            self._pauses.cut.discard(saved.id)

    def saved(self, before: Incident | None, after: Incident) -> None:
        """Take note of a try that was given up for its time alone.

        Where its decision took as long to save, nothing was sent, and the incident does not tell.
        """
        was, now = before.fencing if before else None, after.fencing
        if was is None or was.go_at is None or now is None or now.number == was.number:
            return
        late = now.since.since(was.go_at) >= self._oracle.policy.off_timeout_s
        if late and after.cut_started is not None:
            self._pauses.cut.add(after.id)

    def started(self) -> None:
        """Take note of what the daemon before may have cut."""
        for incident in self._oracle.disk.saved.values():
            if incident.cut_started is not None and not incident.phase.final:
                self._pauses.cut.add(incident.id)
