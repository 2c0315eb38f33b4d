"""The judge of hosts that are taken out for good: deleted only when that is safe, and saved."""

from __future__ import annotations

from doctor_daemon.core.phases import Phase
from doctor_daemon.core.retirement import Course
from tests.simulation.oracle import BOUND_S, LOOK_RACE_S, Oracle
from tests.simulation.returns import Returns
from tests.simulation.world import Machine

OVER = ("accepted", "pre-migrating")


class Departures:
    """Checks the request at the moment in which it leaves the daemon, and answers as Nova does."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._world = oracle.world

    def delete_sent(self, machine: Machine) -> None:
        """Check that it was ordered and saved, and of a host that is off and forced down."""
        now, oracle = self._world.now(), self._oracle
        Returns(oracle).armed("deleting the service", machine)
        saved = oracle.disk.open_for(machine.id)
        wish = saved.retirement if saved else None
        if saved is None or saved.phase is not Phase.DOWN or wish is None:
            late = now - oracle.gone.get(machine.id, -1e9) <= BOUND_S
            oracle.check("I-11", late, f"{machine.id} is deleted, and nothing is saved of it")
            return
        told = f"{machine.id} is deleted before that was saved"
        oracle.check("I-11", wish.step is Course.DELETING, told)
        row = machine.row
        unseen_s = oracle.policy.flag_age_s + LOOK_RACE_S + oracle.unaware_s
        raced = now - row.foreign_at <= unseen_s
        told = f"{machine.id} is deleted without its flag"
        oracle.check("I-18", row.forced_down or raced, told)
        proof = saved.proof
        same = proof is not None and proof.taken_at.boot_id == wish.since.boot_id
        fresh = proof is not None and same and proof.taken_at.since(wish.since) >= 0
        age_s = oracle.clock.now().since(proof.taken_at) if proof else 0.0
        if fresh:
            limit_s = oracle.policy.proof_age_s + BOUND_S
            oracle.check("I-3", age_s <= limit_s, f"{machine.id}: a proof {age_s:.0f} s old")

    def conflict(self, machine: Machine) -> bool:
        """Tell whether Nova refuses it."""
        rows = self._oracle.rebuilds.of(machine.id)
        return bool(machine.servers) or any(row.status in OVER for row in rows)
