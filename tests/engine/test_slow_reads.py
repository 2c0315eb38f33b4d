"""A read that is out when its pace changes is heard to its end: it may be the one that says ON."""

from __future__ import annotations

import asyncio

from doctor_daemon.core.host import Level
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Reading
from doctor_daemon.engine.engine import Engine
from tests.engine.rig import incident_of
from tests.engine.test_lying_devices import BMC, ILO, Bench, Teller


class Slow(Teller):
    """Answers its first read at once, and the second one after a minute."""

    engine: Engine
    ended_in: Phase | None = None
    """The incident's phase when a read was given up."""

    async def read(self) -> Reading:
        try:
            return await super().read()
        except asyncio.CancelledError:
            self.ended_in = self.ended_in or incident_of(self.engine).phase
            raise
        finally:
            self.call_s = 60.0


def test_b9_a_witness_s_read_that_is_out_when_the_proof_is_given_is_not_given_up() -> None:
    bench = Bench(Level((BMC,)), Level((ILO,)))
    bench.rig.devices["ilo"] = slow = Slow("ilo", bench.rig.clock, bench.truth)

    async def meet(engine: Engine) -> None:
        slow.engine = engine

    assert bench.go(Phase.DOWN, meet).proof is not None
    assert (slow.reads, slow.ended_in) == (1, Phase.DOWN)
